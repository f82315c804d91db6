"""What the command lines of the benchmarks have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from vrft.errors import ConfigError
from vrft.progress import NullReporter

T = TypeVar("T")


class Lines(NullReporter):
    """Sentences on standard output, without bars."""

    def info(self, text: str) -> None:
        """One line."""
        print(text, flush=True)


def part_of(things: Sequence[T], part: str) -> Sequence[T]:
    """Every Nth cell or point, from the Ith on, of a part 'I/N'.

    Raises:
        ConfigError: it is no such text.
    """
    number, _, count = part.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise ConfigError(f"--part {part}: write I/N with I from 1 to N, such as 1/2.")
    return things[int(number) - 1 :: int(count)]
