"""Does a prompt fit into the model? It is refused where it does not, and never cut."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.errors import InputError
from vrft.models.policy import Policy, Prompt


def check_length(policy: Policy, prompts: Sequence[Prompt], new_tokens: int) -> None:
    """Refuse a prompt that leaves too little room for its answer.

    Args:
        policy: whose context is meant.
        prompts: encoded questions.
        new_tokens: tokens of an answer, at most.

    Raises:
        InputError: names the picture, counts the tokens, and says which pixel budget would fit.
    """
    room = int(getattr(policy.core.get_decoder().config, "max_position_embeddings", 0) or 0)
    for prompt in prompts:
        length = len(prompt.token_ids)
        if not room or length + new_tokens <= room:
            continue
        pictured = prompt.token_ids.count(policy.image_token_id)
        left = room - new_tokens - (length - pictured)
        seen = prompt.picture.view.input_wh
        pixels = policy.family.pixels_for(left, pictured, seen, policy.core.config) if left > 0 else 0
        mend = (
            f"Set model.max_pixels: {pixels} or less, or a smaller rollout.max_new_tokens."
            if pixels
            else "No smaller picture would do: ask for fewer classes, set a smaller "
            "rollout.max_new_tokens, or take a model with a longer context."
        )
        raise InputError(
            f"{prompt.picture.path}: the prompt has {length} tokens, {pictured} of them of the picture, and "
            f"{new_tokens} may follow; the model reads {room}. {mend}"
        )
