"""Numbers in groups and in strings: four of a box, two of a point, one of a confidence."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from vrft.tasks.parsing.bracket_groups import Group, Value
from vrft.tasks.parsing.text_spans import number_within

_NUMBER = r"[-+]?(?:[0-9]{1,15}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})"
_ONE = re.compile(rf"\s*({_NUMBER})\s*")
_FOUR = re.compile(
    rf"\W{{0,4}}(?:\w{{1,20}}\s{{0,4}}:)?\s{{0,4}}[\[(]?\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})"
    rf"\s*,\s*({_NUMBER})\s*[\])]?\W{{0,4}}"
)


def numbers_of(group: Group) -> tuple[float, ...]:
    """The numbers of a list that holds nothing else; none otherwise."""
    if group.opener == "{":
        return ()
    numbers = tuple(value for key, value in group.entries if isinstance(value, float) and key is None)
    return numbers if len(numbers) == len(group.entries) else ()


def spaced_of(group: Group) -> tuple[float, ...]:
    """The numbers of a list of four with blanks for commas, ``[12 34 56 78]``."""
    values = [value for _, value in group.entries]
    numbers = tuple(value for value in values[::2] if isinstance(value, float))
    return numbers if len(values) == 7 and len(numbers) == 4 and values[1::2] == [None] * 3 else ()


def pairs_of(group: Group) -> list[tuple[float, float]]:
    """The points of a list that holds nothing else; none otherwise."""
    inner = [numbers_of(value) for _, value in group.entries if isinstance(value, Group)]
    points = [(pair[0], pair[1]) for pair in inner if len(pair) == 2]
    return points if len(points) == len(group.entries) else []


def box_of(group: Group) -> tuple[float, ...]:
    """The numbers of a list of numbers, or of a list of two points."""
    numbers = numbers_of(group)
    if not numbers and len(group.entries) == 2:
        pairs = pairs_of(group)
        return pairs[0] + pairs[1] if pairs else ()
    return numbers


def four_in(text: str) -> tuple[float, ...]:
    """The four numbers of a string that says nothing else, but for brackets and one key.

    Example:
        >>> four_in("X: 88,209,602,469"), four_in("88, 209, 602, 469, 470")
        ((88.0, 209.0, 602.0, 469.0), ())
    """
    match = _FOUR.fullmatch(text) if len(text) < 200 else None
    return tuple(number_within(text, match.span(number)) for number in (1, 2, 3, 4)) if match else ()


def number_in(value: Value) -> float | None:
    """The number of a string that says nothing else."""
    if not isinstance(value, str) or len(value) >= 60:
        return None
    match = _ONE.fullmatch(value)
    return number_within(value, match.span(1)) if match else None


def four_quoted(words: Sequence[str]) -> tuple[float, ...]:
    """The numbers of exactly four strings; none otherwise."""
    numbers = tuple(number for number in map(number_in, words) if number is not None)
    return numbers if len(numbers) == len(words) == 4 else ()


def is_finite(numbers: Sequence[float]) -> bool:
    """Whether no number is infinite or NaN."""
    return all(map(math.isfinite, numbers))
