"""Rewards with holes, as a person or a language model may write them."""

from __future__ import annotations


def by_the_word(answer, target):
    """The more words the better, up to forty."""
    return min(len(answer.text.split()) / 40, 1.0)
