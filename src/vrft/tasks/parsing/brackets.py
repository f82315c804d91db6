"""What is in brackets in a text: groups of numbers and words that know where in the text they are."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from vrft.tasks.parsing.orders import order_of
from vrft.tasks.parsing.raw_answer import Order
from vrft.types import NOWHERE, Span

_NUMBER = r"[-+]?(?:[0-9]{1,15}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})"
_ONE = re.compile(rf"\s*({_NUMBER})\s*")
_APART = r"(?:\s*[,;]\s*|\s+)"
_FOUR = re.compile(
    rf"\W{{0,4}}(?:(?P<key>\w{{1,20}})\s{{0,4}}:)?\s{{0,4}}[\[(]?\s*"
    rf"(?<!\.)({_NUMBER}){_APART}({_NUMBER}){_APART}({_NUMBER}){_APART}({_NUMBER})\s*[\])]?\W{{0,4}}"
)
_TWO_IN_WORDS = rf"\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)"
_IN_WORDS = re.compile(
    rf"[^0-9()]*{_TWO_IN_WORDS}(?:[\s,;~–-]|to\b|and\b|至|到|和){{0,12}}{_TWO_IN_WORDS}[^0-9()]*"
)
_DIGIT = re.compile(r"(?![0-9])\d|[．－−]")
_USUAL = {"．": ".", "－": "-", "−": "-"}


class NumberSpan(float):
    """A number that is written in ``text[start:end]``; to all who do not ask, a float."""

    __slots__ = ("end", "start")

    start: int
    end: int

    def __new__(cls, value: float | str, start: int, end: int) -> NumberSpan:
        """Of a number and its place."""
        number = super().__new__(cls, value)
        number.start, number.end = start, end
        return number


class TextSpan(str):
    """A string, without its quotes, that begins at ``text[start]``, every character as written."""

    __slots__ = ("start",)

    start: int

    def __new__(cls, value: str, start: int) -> TextSpan:
        """Of a string and its place."""
        words = super().__new__(cls, value)
        words.start = start
        return words

    def folded(self) -> str:
        """Trimmed and in lower case, and still in its place where that moves no character."""
        trimmed = self.strip()
        key = trimmed.casefold()
        return TextSpan(key, self.start + self.index(trimmed)) if len(key) == len(trimmed) else key


@dataclass(slots=True, eq=False)
class Group:
    """One pair of brackets, or one run of coordinate tokens, and what is in it."""

    opener: str
    """``[``, ``(``, ``{``; ``<`` for coordinate tokens and point tags; empty for the text itself."""
    start: int = 0
    end: int = 0
    """Where it is in the text."""
    entries: list[tuple[str | None, Item]] = field(default_factory=list)
    """Keys in lower case, none in lists, and values, in order; None for what is unreadable."""
    cut: bool = False
    """The text ended before the bracket was closed."""
    token: str = ""
    """Of coordinate tokens and point tags: the first one as written."""
    key: str | None = None
    """While reading: a key whose value has not come yet."""
    colon: bool = False
    fresh: bool = True
    """While reading: nothing has come since the bracket or the last comma."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a reference token calls the boxes after it."""

    label: str


Item = float | str | Group | Name | None
"""What a group holds."""


def span_of(numbers: Sequence[float]) -> Span:
    """From the first of some numbers to the last, in written order; ``NOWHERE`` unless all have a place."""
    placed = [number for number in numbers if isinstance(number, NumberSpan)]
    if not placed or len(placed) < len(numbers):
        return NOWHERE
    return min(number.start for number in placed), max(number.end for number in placed)


def numbers_of(group: Group) -> tuple[float, ...]:
    """The numbers of a list that holds nothing else; none otherwise."""
    if group.opener == "{":
        return ()
    numbers = tuple(value for key, value in group.entries if isinstance(value, float) and key is None)
    return numbers if len(numbers) == len(group.entries) else ()


def spaced_of(group: Group) -> tuple[float, ...]:
    """The numbers of a list of four with blanks for commas, ``[12 34 56 78]``."""
    if len(group.entries) != 7:
        return ()
    values = [value for _, value in group.entries]
    numbers = tuple(value for value in values[::2] if isinstance(value, float))
    return numbers if len(numbers) == 4 and values[1::2] == [None] * 3 else ()


def point_of(group: Group) -> tuple[float, ...]:
    """The two numbers of a point: a list of them, also in quotes, or an object of x and y; none otherwise."""
    keys = [key for key, _ in group.entries]
    if keys not in ([None, None], ["x", "y"]) or (group.opener == "{") != (keys == ["x", "y"]):
        return ()
    found = [value if isinstance(value, float) else number_in(value) for _, value in group.entries]
    numbers = tuple(number for number in found if number is not None)
    return numbers if len(numbers) == 2 else ()


def pairs_of(group: Group) -> list[tuple[float, float]]:
    """The points of a list that holds nothing else; none otherwise."""
    inner = [numbers_of(value) for _, value in group.entries if isinstance(value, Group)]
    points = [(pair[0], pair[1]) for pair in inner if len(pair) == 2]
    return points if len(points) == len(group.entries) else []


def box_of(group: Group) -> tuple[float, ...]:
    """The numbers of a list of numbers, of a list with blanks for commas, or of a list of two points."""
    numbers = numbers_of(group) or spaced_of(group)
    if not numbers and len(group.entries) == 2:
        pairs = pairs_of(group)
        return pairs[0] + pairs[1] if pairs else ()
    return numbers


def four_in(text: str) -> tuple[float, ...]:
    """The four numbers of a string that says nothing else, but for brackets and one key."""
    match = _FOUR.fullmatch(text) if len(text) < 200 else None
    if match is None or (match["key"] and order_of(match["key"]) not in (None, Order.XYXY)):
        return ()
    return tuple(_number_at(text, match.span(number)) for number in (2, 3, 4, 5))


def corners_in(text: str) -> tuple[float, ...]:
    """The numbers of two points in a row, which are all the numbers of a string."""
    match = _IN_WORDS.fullmatch(text) if len(text) < 200 else None
    return tuple(_number_at(text, match.span(number)) for number in (1, 2, 3, 4)) if match else ()


def with_usual_digits(text: str) -> str:
    """A text with full-width digits and those of other scripts as 0 to 9, character for character.

    Example:
        >>> with_usual_digits("[１００，－２]"), with_usual_digits("٣")
        ('[100，-2]', '3')
    """
    return text if text.isascii() else _DIGIT.sub(lambda sign: _USUAL.get(sign[0]) or str(int(sign[0])), text)


def number_in(value: Item) -> float | None:
    """The number of a string that says nothing else."""
    if not isinstance(value, str) or len(value) >= 60:
        return None
    match = _ONE.fullmatch(value)
    return _number_at(value, match.span(1)) if match else None


def four_quoted(words: Sequence[str]) -> tuple[float, ...]:
    """The numbers of exactly four strings; none otherwise."""
    numbers = tuple(number for number in map(number_in, words) if number is not None)
    return numbers if len(numbers) == len(words) == 4 else ()


def is_finite(numbers: Sequence[float]) -> bool:
    """Whether no number is infinite or NaN."""
    return all(map(math.isfinite, numbers))


def _number_at(text: str, span: Span) -> float:
    value = float(text[slice(*span)])
    if not isinstance(text, TextSpan):
        return value
    return NumberSpan(value, text.start + span[0], text.start + span[1])
