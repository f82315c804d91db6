"""Encoding many questions about few images: what the prompts of an image have in common is encoded once.

A prompt is a beginning, which holds all of its images, and the rest of its question. The distinct
beginnings are encoded as prompts are; then the rests of all prompts run at once behind their beginnings, as
answers run behind prompts while a policy learns. Every prompt gets its whole keys: who decodes sees no
difference.

Axes as in ``prompt_batch``; D beginnings of B tokens, N tokens of all rests, S places in which keys are:
those of the beginnings, padding included, and then those of the rests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from vrft.models.attention.shared_attention import SharedPrompt
from vrft.models.attention.token_layout import lay_out
from vrft.models.policy import Policy
from vrft.rollout.prompt_batch import PromptBatch, prompt_batch
from vrft.rollout.shared_prompt.prefill import Encoded, answer_hidden, encode
from vrft.types import Medium, Prompt

LEAST_SAVED = 0.2
"""Share of the tokens, padding included, that must be saved: two passes cost more than one as long."""


@dataclass(frozen=True)
class Beginning:
    """What some prompts about the same images begin with."""

    rows: tuple[int, ...]
    """The prompts."""
    length: int
    """Tokens; every prompt has at least one more."""


def beginnings_of(policy: Policy, prompts: Sequence[Prompt]) -> list[Beginning] | None:
    """The longest common beginnings of prompts with the same images, each prompt in one of them.

    None where the plain way is as good, because too little is common, or the only one, because a question
    comes before its image.
    """
    rows_of: dict[tuple[Medium, ...], list[int]] = {}
    for row, prompt in enumerate(prompts):
        rows_of.setdefault(prompt.media, []).append(row)
    if len(rows_of) == len(prompts):
        return None
    found = [Beginning(tuple(rows), _common([prompts[row] for row in rows])) for rows in rows_of.values()]
    if any(policy.image_token_id in prompts[r].token_ids[one.length :] for one in found for r in one.rows):
        return None
    rests = sum(len(prompts[row].token_ids) - one.length for one in found for row in one.rows)
    shared = len(found) * max(one.length for one in found) + rests
    plain = len(prompts) * max(len(prompt.token_ids) for prompt in prompts)
    return found if shared <= (1 - LEAST_SAVED) * plain else None


def _common(prompts: Sequence[Prompt]) -> int:
    """Tokens that all have in common, less than the shortest has."""
    ids = [prompt.token_ids for prompt in prompts]
    # What the first and the last in order have in common, all between them have.
    pairs = zip(min(ids), max(ids), strict=False)
    shortest = min(map(len, ids))
    return min(next((n for n, (a, b) in enumerate(pairs) if a != b), shortest), shortest - 1)


@torch.no_grad()
def prefill_together(policy: Policy, prompts: Sequence[Prompt], beginnings: Sequence[Beginning]) -> Encoded:
    """Encode prompts, their beginnings once; what ``prefill`` gives, to rounding, without gradient."""
    batch = prompt_batch(policy, prompts)
    places = _places(batch, beginnings)
    begun = encode(policy, _cut(policy, batch, beginnings)).prompt
    # Rests are in the order of their beginnings.
    order = torch.tensor([row for one in beginnings for row in one.rows], device=policy.device)
    rest_PT = places.rest_PT[order]
    lengths = places.rest_PT.sum(1).tolist()
    layout = lay_out([[lengths[row] for row in one.rows] for one in beginnings], policy.device)
    record = SharedPrompt()
    # The rests are text: they have the same place on all axes.
    positions_PT = batch.position_ids.reshape(-1, *batch.ids_PT.shape)[0, order]
    hidden_NH = answer_hidden(
        policy,
        begun.laid_out(layout),
        batch.ids_PT[order][rest_PT][None],
        positions_PT[rest_PT][None],
        record=record,
    )[0]
    layers = {
        index: (
            _joined(begun.layers[index][0], keys, places),
            _joined(begun.layers[index][1], values, places),
        )
        for index, (keys, values) in record.layers.items()
    }
    starts = tuple(len(row) - int(row.sum()) for row in batch.mask_PT)
    return Encoded(batch, SharedPrompt(layers, starts), hidden_NH[places.last_P])


@dataclass(frozen=True)
class _Places:
    """Where the tokens of whole prompts are found."""

    from_PT: torch.Tensor
    """The place of each token among S; 0 for padding, which nobody reads."""
    rest_PT: torch.Tensor
    """Whether a token belongs to its prompt's rest."""
    last_P: torch.Tensor
    """Each prompt's last token among N."""


def _places(batch: PromptBatch, beginnings: Sequence[Beginning]) -> _Places:
    count, width = batch.ids_PT.shape
    lengths = batch.mask_PT.sum(1).tolist()
    longest = max(one.length for one in beginnings)
    from_PT = torch.zeros((count, width), dtype=torch.long)
    rest_PT = torch.zeros((count, width), dtype=torch.bool)
    last_P = torch.zeros(count, dtype=torch.long)
    behind = 0
    for number, one in enumerate(beginnings):
        end = (number + 1) * longest
        for row in one.rows:
            start, rest = width - lengths[row], lengths[row] - one.length
            from_PT[row, start : width - rest] = torch.arange(end - one.length, end)
            from_PT[row, width - rest :] = len(beginnings) * longest + behind + torch.arange(rest)
            rest_PT[row, width - rest :] = True
            behind += rest
            last_P[row] = behind - 1
    device = batch.ids_PT.device
    return _Places(from_PT.to(device), rest_PT.to(device), last_P.to(device))


def _cut(policy: Policy, batch: PromptBatch, beginnings: Sequence[Beginning]) -> PromptBatch:
    """The beginnings as prompts; their positions are those that the family gives them in whole rows."""
    device, width = batch.ids_PT.device, batch.ids_PT.shape[1]
    longest = max(one.length for one in beginnings)
    first_D = torch.tensor([one.rows[0] for one in beginnings], device=device)
    length_D = torch.tensor([one.length for one in beginnings], device=device)
    end_D = width - batch.mask_PT[first_D].sum(1) + length_D
    steps_B = torch.arange(longest, device=device) - longest
    mask_DB = steps_B >= -length_D[:, None]
    from_DB = (end_D[:, None] + steps_B).clamp(min=0)
    ids_DB = batch.ids_PT[first_D].gather(1, from_DB).masked_fill(~mask_DB, policy.pad_token_id)
    whole = batch.position_ids[..., first_D, :]
    positions = whole.gather(-1, from_DB.expand(*whole.shape[:-1], longest))
    firsts = [(batch.prompts[one.rows[0]], one.length) for one in beginnings]
    prompts = tuple(replace(prompt, token_ids=prompt.token_ids[:length]) for prompt, length in firsts)
    following_D = positions.reshape(-1, *ids_DB.shape).amax((0, 2)) + 1
    return PromptBatch(ids_DB, mask_DB.long(), positions, following_D, prompts)


def _joined(begun_DKBD: torch.Tensor, rest_1KND: torch.Tensor, places: _Places) -> torch.Tensor:
    """Keys or values of whole prompts, (P, K, T, D), laid out as every decoding step reads them."""
    source_KSD = torch.cat([begun_DKBD.transpose(0, 1).flatten(1, 2), rest_1KND[0]], 1)
    heads, stored, _ = source_KSD.shape
    shift_K1 = torch.arange(heads, device=source_KSD.device)[:, None] * stored
    return source_KSD.flatten(0, 1)[places.from_PT[:, None] + shift_K1]
