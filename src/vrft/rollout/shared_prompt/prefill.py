"""Encoding prompts once, for all that is done with them later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vrft.models.attention.shared_attention import SharedPrompt
from vrft.models.policy import Policy
from vrft.rollout.prompt_batch import PromptBatch, prompt_batch, row_arguments
from vrft.types import Prompt


@dataclass(frozen=True)
class Encoded:
    """P encoded prompts."""

    batch: PromptBatch
    prompt: SharedPrompt
    """Keys and values of every layer, with gradient where gradient is on."""
    last_PH: torch.Tensor
    """Hidden state of each one's last token, which predicts the first answer token."""

    def select(self, places: torch.Tensor) -> Encoded:
        """Some of the prompts, by their numbers, with their gradient."""
        batch = self.batch
        kept = PromptBatch(
            batch.ids_PT[places],
            batch.mask_PT[places],
            batch.position_ids[..., places, :],
            batch.next_position_P[places],
            tuple(batch.prompts[i] for i in places.tolist()),
        )
        return Encoded(kept, self.prompt.select(places), self.last_PH[places])

    def detached(self) -> Encoded:
        """The same without gradient, for sampling: laid out as every decoding step reads it."""
        pairs = self.prompt.layers.items()
        layers = {i: (k.detach().contiguous(), v.detach().contiguous()) for i, (k, v) in pairs}
        return Encoded(self.batch, SharedPrompt(layers, self.prompt.starts), self.last_PH.detach())


def prefill(policy: Policy, prompts: Sequence[Prompt]) -> Encoded:
    """Encode P prompts with their images; attention must be the shared one (``Policy.shares_prompt``)."""
    return encode(policy, prompt_batch(policy, prompts))


def encode(policy: Policy, batch: PromptBatch) -> Encoded:
    """The same for prompts whose tokens and positions are tensors already."""
    record = SharedPrompt()
    hidden_PTH = policy.core.model(
        input_ids=batch.ids_PT,
        attention_mask=batch.mask_PT,
        position_ids=batch.position_ids,
        use_cache=False,
        record=record,
        **row_arguments(policy, batch.ids_PT, batch.prompts),
    ).last_hidden_state
    record.starts = tuple(len(row) - int(row.sum()) for row in batch.mask_PT)
    return Encoded(batch, record, hidden_PTH[:, -1])


def answer_hidden(
    policy: Policy,
    prompt: SharedPrompt,
    ids: torch.Tensor,
    positions: torch.Tensor,
    record: SharedPrompt | None = None,
    **cache: object,
) -> torch.Tensor:
    """Run answer tokens behind their encoded prompts; hidden states (..., H) in the shape of ``ids``.

    ``ids`` is one token per row of R answers, (R, 1), with an ``AnswerCache`` as ``past_key_values``; or
    all tokens of all answers, (1, N), where the prompt has their layout. ``record`` keeps the latter's keys
    and values, (1, K, N, D).
    """
    # A 4-D mask is handed down as it is; the shared attention reads none.
    unread = torch.ones((1, 1, 1, 1), dtype=torch.bool, device=ids.device)
    output = policy.core.get_decoder()(
        inputs_embeds=policy.core.get_input_embeddings()(ids),
        attention_mask=unread,
        position_ids=policy.family.spread(positions),
        use_cache=bool(cache),
        shared_prompt=prompt,
        record=record,
        **cache,
    )
    return output.last_hidden_state  # type: ignore[no-any-return]
