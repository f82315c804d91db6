"""Rewards with holes, as a person or a language model may write them."""

from __future__ import annotations

from itertools import pairwise


def by_the_word(answer, target):
    """The more words the better, up to forty."""
    return min(len(answer.text.split()) / 40, 1.0)


def same_neighbours(answer, target):
    """The share of the right order's neighbours that stand side by side in the answer."""
    if answer.value is None:
        return 0.0
    beside = {frozenset(pair) for pair in pairwise(answer.value.order)}
    return sum(frozenset(pair) in beside for pair in pairwise(target.order)) / (target.size - 1)
