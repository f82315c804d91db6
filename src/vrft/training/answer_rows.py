"""Rollouts as rows of a gradient pass. Axes: S rows, R rollouts, A tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import torch

from vrft.rollout.sequences import TrainingSequence, join_turns
from vrft.types import Prompt, Rollout


@dataclass(frozen=True)
class AnswerRow:
    """What follows a prompt: sampled tokens (``actions``), and between turns those that were shown."""

    prompt: Prompt
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    actions: tuple[bool, ...]
    advantages: tuple[float, ...]


def answer_rows(rollout: Rollout) -> list[AnswerRow]:
    """One row under the group's prompt, where every turn goes on from the one before.

    Where a later turn shows further media, or rewrites what came before, each turn is a row under its own
    prompt.
    """
    sequences = join_turns(rollout)
    first = rollout.turns[0].prompt
    if len(sequences) == 1 and sequences[0].media == first.media:
        return [_row(first, sequences[0])]
    return [
        _row(turn.prompt, *join_turns(replace(rollout, turns=(turn,), advantages=(own,))))
        for turn, own in zip(rollout.turns, rollout.advantages, strict=True)
    ]


def _row(prompt: Prompt, one: TrainingSequence) -> AnswerRow:
    start = len(prompt.token_ids)
    advantages = one.advantages[start:]
    actions = tuple(a is not None for a in advantages)
    return AnswerRow(
        prompt, one.token_ids[start:], one.logprobs[start:], actions, tuple(a or 0.0 for a in advantages)
    )


def shared_prompts(groups: Sequence[Sequence[AnswerRow]]) -> tuple[list[Prompt], int]:
    """The prompts of some groups' rows, and how many rows follow each: one where that differs.

    Two groups of one question stay two, each with its own prompt.
    """
    runs = [
        (prompt, len(list(own)))
        for rows in groups
        for prompt, own in groupby(rows, key=lambda row: row.prompt)
    ]
    sizes = {size for _, size in runs}
    if len(sizes) > 1:
        return [row.prompt for rows in groups for row in rows], 1
    return [prompt for prompt, _ in runs], sizes.pop()


def joined(values_SA: torch.Tensor, mask_SA: torch.Tensor, counts: Sequence[int]) -> torch.Tensor:
    """The rows of each rollout one after the other, its tokens on the left."""
    if all(count == 1 for count in counts):
        return values_SA
    lengths_R = torch.stack([own.sum() for own in mask_SA.sum(1).split(list(counts))])
    places_A = torch.arange(int(lengths_R.max()), device=values_SA.device)
    mask_RA = places_A[None] < lengths_R[:, None]
    empty = torch.zeros(mask_RA.shape, dtype=values_SA.dtype, device=values_SA.device)
    return empty.masked_scatter(mask_RA, values_SA[mask_SA])
