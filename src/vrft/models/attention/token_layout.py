"""Where the tokens of many answers of different length are: flat, without padding, and by prompt or answer.

A model's products run over the flat tokens; only attention needs rows. Axes: N answer tokens of all prompts,
a prompt's answers together; P prompts; M most answer tokens of a prompt; r rows of a bucket; A its longest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

SHORTEST = 0.5
"""A bucket's shortest answer has at least this share of its longest, so that padding costs little."""


@dataclass(frozen=True)
class Rows:
    """Flat places as rows; N is padding."""

    index_rA: torch.Tensor
    whole: bool
    """All N places in order, without padding: rows are then a view of the flat tokens."""


@dataclass(frozen=True)
class AnswerLayout:
    """N flat tokens as rows."""

    by_prompt: Rows
    """(P, M): each prompt's tokens."""
    by_answer: tuple[Rows, ...]
    """(r, A) per bucket of answers of similar length: each answer's tokens."""
    tokens: int
    """N."""

    @property
    def longest(self) -> int:
        """Tokens of the longest answer."""
        return self.by_answer[0].index_rA.shape[1]

    @cached_property
    def from_prompts_N(self) -> torch.Tensor | None:
        """Place of each flat token in the flattened ``by_prompt``; None where it is its own."""
        return _inverse([self.by_prompt], self.tokens)

    @cached_property
    def from_answers_N(self) -> torch.Tensor | None:
        """Place of each flat token in the flattened buckets, one after the other; None as above."""
        return _inverse(self.by_answer, self.tokens)


def lay_out(lengths: Sequence[Sequence[int]], device: torch.device) -> AnswerLayout:
    """Lay out answers by their lengths, a list for each prompt; answers of no tokens are left out."""
    tokens = sum(map(sum, lengths))
    begin, prompts, answers = 0, [], []
    for group in lengths:
        prompts.append(range(begin, begin + sum(group)))
        for length in group:
            if length:
                answers.append(range(begin, begin + length))
            begin += length
    buckets: list[list[range]] = []
    for answer in sorted(answers, key=len, reverse=True):
        if buckets and len(answer) >= SHORTEST * len(buckets[-1][0]):
            buckets[-1].append(answer)
        else:
            buckets.append([answer])
    return AnswerLayout(
        _index(prompts, tokens, device), tuple(_index(b, tokens, device) for b in buckets), tokens
    )


def _index(rows: Sequence[range], padding: int, device: torch.device) -> Rows:
    index = torch.full((len(rows), max(map(len, rows))), padding)
    for row, places in enumerate(rows):
        index[row, : len(places)] = torch.arange(places.start, places.stop)
    whole = torch.equal(index.flatten(), torch.arange(padding))
    return Rows(index.to(device), whole)


def _inverse(buckets: Sequence[Rows], tokens: int) -> torch.Tensor | None:
    if buckets[0].whole:
        return None
    flat = torch.cat([rows.index_rA.flatten() for rows in buckets])
    inverse = flat.new_zeros(tokens + 1)
    inverse[flat] = torch.arange(len(flat), device=flat.device)
    return inverse[:tokens]


def gathered(flat_HND: torch.Tensor, rows: Rows) -> torch.Tensor:
    """Flat tokens as rows, (r, H, A, D), zero where there is padding."""
    if rows.whole:
        found: torch.Tensor = flat_HND.unflatten(1, rows.index_rA.shape).transpose(0, 1)
        return found
    heads, _, width = flat_HND.shape
    padded = torch.cat([flat_HND, flat_HND.new_zeros(heads, 1, width)], 1)
    return padded[:, rows.index_rA].transpose(0, 1)


def flattened(rows: Sequence[torch.Tensor], back_N: torch.Tensor | None) -> torch.Tensor:
    """Rows (r, H, A, D), bucket by bucket, as flat tokens (H, N, D); ``back_N`` is ``from_prompts_N`` or
    ``from_answers_N``."""
    flat = torch.cat([row.transpose(0, 1).flatten(1, 2) for row in rows], 1)
    return flat if back_N is None else flat[:, back_N]
