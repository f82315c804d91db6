"""Does a prompt fit into the model? It is refused where it does not, and never cut."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.errors import InputError
from vrft.models.policy import Policy
from vrft.types import Prompt


def check_length(policy: Policy, prompts: Sequence[Prompt], new_tokens: int) -> None:
    """Refuse a prompt without room for ``new_tokens``; the InputError says which pixel budget would fit."""
    room = int(getattr(policy.core.get_decoder().config, "max_position_embeddings", 0) or 0)
    for prompt in prompts:
        length = len(prompt.token_ids)
        if not room or length + new_tokens <= room:
            continue
        imaged = prompt.token_ids.count(policy.image_token_id)
        pixels = _pixels_for(policy, prompt, room - new_tokens - (length - imaged), imaged)
        fix = (
            f"Set model.max_pixels: {pixels} or less, or a smaller rollout.max_new_tokens."
            if pixels
            else "No smaller image would do: ask for fewer classes, set a smaller "
            "rollout.max_new_tokens, or take a model with a longer context."
        )
        shown = f"{prompt.media[0].path}: the" if prompt.media else "A"
        raise InputError(
            f"{shown} prompt has {length} tokens, {imaged} of them of the image, and "
            f"{new_tokens} more may be sampled; the model has room for {room}. {fix}"
        )


def _pixels_for(policy: Policy, prompt: Prompt, left: int, imaged: int) -> int:
    """A pixel budget under which a prompt's images fit into the tokens that are left; 0 for none."""
    if left <= 0 or not prompt.frames:
        return 0
    largest = max(prompt.frames, key=lambda frame: frame.input_wh[0] * frame.input_wh[1])
    count = len(prompt.frames)
    return policy.family.pixels_for(left // count, imaged // count, largest.input_wh, policy.core.config)
