"""Loose pairs of numbers, ``(x, y)``: which of them are the two corners of a box, and which are points."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TIGHT = re.compile(r"(?:[\s,，、;–~-]|to\b|and\b|至|到|和){0,12}")
SIDES = re.compile(r"size|width|dimension|wide|宽", re.IGNORECASE)
_TOP_LEFT = re.compile(r"(?:top|upper)[\s-]?left|left[\s-]?(?:top|upper)|左上", re.IGNORECASE)
_BOTTOM_RIGHT = re.compile(r"(?:bottom|lower)[\s-]?right|right[\s-]?(?:bottom|lower)|右下", re.IGNORECASE)
_LABEL = re.compile(r"[\s,;，；]*([^\n,;:，；：<>(){}\[\]\"'`=*]{1,60})")
_NO_LABEL = re.compile(
    r"(?:为|是|在|于|\b(?:is|are|at|to|from|coordinates|point|click|box))\Z", re.IGNORECASE
)
LOOK_BACK_CHARS = 60


@dataclass(frozen=True, slots=True)
class Pair:
    """Two numbers in brackets of their own."""

    numbers: tuple[float, float]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Corners:
    """Two pairs that make a box."""

    numbers: tuple[float, float, float, float]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Joined:
    """What a text's pairs are."""

    boxes: tuple[Corners, ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    unclear: bool = False
    """Pairs were left over."""


def join(pairs: list[Pair], text: str, words: bool) -> Joined:
    """Make boxes of the pairs that belong together.

    In this order: pairs that are called top left and bottom right; pairs with nothing between them; two
    pairs in all, whatever words are between. Pairs without any words around them are points, and so is a
    single pair among words, unless a width or a height follows.
    """
    called = _called(pairs, text)
    if called:
        return Joined(tuple(called))
    boxes, left = _neighbours(pairs, text)
    if boxes:
        return Joined(tuple(boxes), unclear=left > 0)
    if len(pairs) == 2 and not SIDES.search(text, pairs[0].end, pairs[1].start):
        return Joined((Corners(pairs[0].numbers + pairs[1].numbers),))
    if not words or (len(pairs) == 1 and not SIDES.search(text, pairs[0].end)):
        return Joined(points=tuple(pair.numbers for pair in pairs))
    return Joined(unclear=True)


def _called(pairs: list[Pair], text: str) -> list[Corners]:
    """Boxes of which both corners are called by their names."""
    found: list[Corners] = []
    first: Pair | None = None
    end = 0
    for pair in pairs:
        before = text[max(end, pair.start - LOOK_BACK_CHARS) : pair.start]
        end = pair.end
        if _TOP_LEFT.search(before):
            first = pair
        elif first is not None and _BOTTOM_RIGHT.search(before):
            found.append(Corners(first.numbers + pair.numbers))
            first = None
    return found


def _neighbours(pairs: list[Pair], text: str) -> tuple[list[Corners], int]:
    """Boxes of pairs with nothing between their two corners, and the number of pairs left over."""
    found: list[Corners] = []
    at, end = 0, 0
    left = 0
    while at < len(pairs):
        pair = pairs[at]
        following = pairs[at + 1] if at + 1 < len(pairs) else None
        if following is None or not _TIGHT.fullmatch(text, pair.end, following.start):
            left += 1
            at += 1
        else:
            label = _LABEL.fullmatch(text, max(end, pair.start - LOOK_BACK_CHARS), pair.start)
            name = label[1] if label else " "
            sound = not name[-1].isspace() and not _NO_LABEL.search(name)
            found.append(Corners(pair.numbers + following.numbers, name if sound else None))
            end = following.end
            at += 2
    return found, left
