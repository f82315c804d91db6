"""Rollouts as rows of a gradient pass. Axes: S rows, R rollouts, A tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import torch

from vrft.types import Medium, Prompt, Rollout


@dataclass(frozen=True)
class TrainingSequence:
    """Tokens that were shown and tokens that were said, one after the other.

    Args:
        media: what is shown in them, in order.
        token_ids: of both.
        logprobs: of each token under the policy that said it; 0 where it was shown.
        advantages: one per token; None where it was shown, which is not trained on.
    """

    media: tuple[Medium, ...]
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    advantages: tuple[float | None, ...]

    @property
    def n_shown_first(self) -> int:
        """Tokens before the first that was said: the prompt that all rollouts of a group share."""
        return next((i for i, one in enumerate(self.advantages) if one is not None), len(self.advantages))


_EMPTY = TrainingSequence((), (), (), ())


def join_turns(rollout: Rollout) -> list[TrainingSequence]:
    """Each turn whose prompt begins with all that came before goes on in the same sequence; any other opens
    its own.

    Raises:
        ValueError: advantages (one for a turn, or one per token) or log-probabilities are not as many as
            the tokens.
    """
    made: list[TrainingSequence] = []
    for number, (turn, own) in enumerate(zip(rollout.turns, rollout.advantages, strict=True)):
        said, prompt = turn.completion, turn.prompt
        count = len(said.token_ids)
        advantages = own * count if len(own) == 1 else own
        # A text that nobody sampled (gold) has no log-probabilities.
        logprobs = said.logprobs or (0.0,) * count
        if not (len(advantages) == len(logprobs) == count):
            raise ValueError(
                f"turn {number} of {rollout.example.id}: {len(own)} advantages and {len(logprobs)} "
                f"log-probabilities for {count} tokens"
            )
        last = made[-1] if made else _EMPTY
        goes_on = prompt.token_ids[: len(last.token_ids)] == last.token_ids
        if made and goes_on and prompt.media[: len(last.media)] == last.media:
            made.pop()
        else:
            last = _EMPTY
        shown = prompt.token_ids[len(last.token_ids) :]
        made.append(
            TrainingSequence(
                prompt.media,
                last.token_ids + shown + said.token_ids,
                last.logprobs + (0.0,) * len(shown) + logprobs,
                last.advantages + (None,) * len(shown) + advantages,
            )
        )
    return made


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
