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


def same_parity(answer, target):
    """Whether both numbers are even, or both odd."""
    return 0.0 if answer.value is None else float((answer.value.number - target.number) % 2 == 0)


def same_characters(answer, target):
    """Whether the characters are the right ones, in whatever order."""
    return float(answer.value is not None and sorted(_said(answer.value)) == sorted(_said(target)))


def same_first_character(answer, target):
    """Whether the first character is right."""
    return float(answer.value is not None and _said(answer.value)[:1] == _said(target)[:1])


def _said(value):
    """What a value says, in words."""
    return next(str(getattr(value, name)) for name in ("text", "name", "number") if hasattr(value, name))


def either_direction(answer, target):
    """Whether the order is right, or where each part goes."""
    if answer.value is None:
        return 0.0
    inverse = tuple(target.order.index(part) + 1 for part in sorted(target.order))
    return float(answer.value.order in (target.order, inverse))


def same_length(answer, target):
    """How like the lengths are."""
    if answer.value is None:
        return 0.0
    said, right = (one.end_s - one.start_s for one in (answer.value, target))
    return min(said, right) / max(said, right)


def same_columns(answer, target):
    """Overlap from left to right alone."""
    if not answer.parsed or not answer.value.xyxy_px:
        return 0.0
    (a, _, b, _), (c, _, d, _) = answer.value.xyxy_px[0], target.xyxy_px[0]
    return max(0.0, min(b, d) - max(a, c)) / (max(b, d) - min(a, c))


def same_letters(answer, target):
    """Whether the text is right but for its digits."""
    said, right = (
        None if text is None else "".join("0" if c.isdigit() else c for c in text.text)
        for text in (answer.value, target)
    )
    return float(said == right)


def not_below(answer, target):
    """Whether the number is the right one, or up to a third more."""
    return float(answer.value is not None and 1 <= answer.value.number / target.number <= 4 / 3)
