"""The means of numbers that answers write, with gradient, and what they should be. Axes: R answers, A tokens,
N numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from vrft.tasks.metrics.box_confidences import mean_number
from vrft.tasks.registry import task_of
from vrft.types import Rollout


@dataclass(frozen=True)
class NumberMeans:
    """``mean_N`` by the digits' probabilities, with gradient; ``right_N``; and ``share_N``, in all 1 for each
    answer that has numbers."""

    mean_N: torch.Tensor
    right_N: torch.Tensor
    share_N: torch.Tensor


def digit_mean(ids: torch.Tensor, logprobs_NV: torch.Tensor) -> torch.Tensor:
    """(N,) the mean digit in each place, of the ten tokens of digits alone."""
    return logprobs_NV[:, ids].softmax(-1) @ torch.arange(10, device=ids.device, dtype=logprobs_NV.dtype)


def number_means(
    rollouts: Sequence[Rollout], digits_RA: torch.Tensor, said: Sequence[Sequence[bool]]
) -> NumberMeans:
    """All numbers that the tasks of some answers teach (``Task.written_numbers``).

    Args:
        rollouts: of each row.
        digits_RA: the mean digit in each place, with gradient.
        said: of each row, which of its tokens were sampled, not shown.
    """
    means: list[torch.Tensor] = []
    right: list[float] = []
    shares: list[float] = []
    for row, (rollout, actions) in enumerate(zip(rollouts, said, strict=True)):
        columns = [column for column, action in enumerate(actions) if action]
        own: list[tuple[torch.Tensor, float]] = []
        for number in task_of(rollout.example).written_numbers(rollout):
            turn = rollout.turns[number.turn]
            first = sum(len(one.completion.token_ids) for one in rollout.turns[: number.turn])
            spans = turn.completion.token_spans
            places = {begin: first + i for i, (begin, end) in enumerate(spans) if end == begin + 1}
            text, shift = turn.completion.text, len(turn.prompt.begun)
            begin, end = number.span[0] - shift, number.span[1] - shift
            digits = {
                at: digits_RA[row, columns[place]]
                for at, place in places.items()
                if begin <= at < end and text[at].isdigit()
            }
            mean = mean_number(text, (begin, end), digits) if begin >= 0 else None
            if mean is not None:
                own.append((torch.as_tensor(mean).to(digits_RA), number.right))
        means += [mean for mean, _ in own]
        right += [value for _, value in own]
        shares += [1 / len(own) for _ in own]
    stacked = torch.stack(means) if means else digits_RA.sum()[None][:0]
    return NumberMeans(stacked, stacked.new_tensor(right), stacked.new_tensor(shares))
