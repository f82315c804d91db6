"""Numbers and strings that know where in a text they stand; to all who do not ask, floats and strings."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.types import NOWHERE, Span


class PlacedNumber(float):
    """A number of a text."""

    __slots__ = ("end", "start")

    start: int
    end: int

    def __new__(cls, value: float | str, start: int, end: int) -> PlacedNumber:
        """A number that is written in ``text[start:end]``."""
        number = super().__new__(cls, value)
        number.start, number.end = start, end
        return number


class PlacedText(str):
    """A string of a text, without its quotes."""

    __slots__ = ("start",)

    start: int

    def __new__(cls, value: str, start: int) -> PlacedText:
        """A string that begins at ``text[start]``, every character as written."""
        words = super().__new__(cls, value)
        words.start = start
        return words

    def folded(self) -> str:
        """Trimmed and in lower case, and still in its place where that moves no character."""
        trimmed = self.strip()
        key = trimmed.casefold()
        return PlacedText(key, self.start + self.index(trimmed)) if len(key) == len(trimmed) else key


def number_within(text: str, span: Span) -> float:
    """The number that stands in a part of a string, placed where the string is."""
    value = float(text[slice(*span)])
    if not isinstance(text, PlacedText):
        return value
    return PlacedNumber(value, text.start + span[0], text.start + span[1])


def span_of(numbers: Sequence[float]) -> Span:
    """From the first of some numbers to the last, in written order; ``NOWHERE`` unless all are placed.

    Example:
        >>> span_of([PlacedNumber(20, 4, 6), PlacedNumber(10, 1, 3)]), span_of([20.0])
        ((1, 6), (0, 0))
    """
    placed = [number for number in numbers if isinstance(number, PlacedNumber)]
    if not placed or len(placed) < len(numbers):
        return NOWHERE
    return min(number.start for number in placed), max(number.end for number in placed)
