"""Values without a place in an image: names, numbers, texts, times, orders."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from vrft.types.values import Finite, Shape, Value


@dataclass(frozen=True, slots=True)
class Label(Value):
    """A class name."""

    kind: ClassVar[str] = "label"
    name: str
    vocabulary: tuple[str, ...] = ()
    """Of a target: all names of the dataset, whether the prompt lists them or not."""
    score: Finite | None = None
    """Of a vote: the share of the answers that give this name."""

    @property
    def meaning(self) -> Hashable:
        return self.name

    evidence_boxes = ()
    """A class has no place in its image, so nothing must stay whole."""
    survives_mirror = True

    @property
    def words(self) -> tuple[str, ...]:
        return (self.name, *self.vocabulary)

    @property
    def size(self) -> int:
        return len(self.name)

    def shapes(self) -> Sequence[Shape]:
        return [Shape("caption", text=self.name, score=self.score)]

    def describe(self) -> str:
        return f"Class: {self.name}" + (
            f" ({self.score:.0%} of the answers)" if self.score is not None else ""
        )


@dataclass(frozen=True, slots=True)
class Number(Value):
    """A count or a measurement."""

    kind: ClassVar[str] = "number"
    number: Finite
    unit: str = ""

    survives_mirror = True
    """A mirror changes no number; a crop may."""

    def shapes(self) -> Sequence[Shape]:
        return [Shape("caption", text=f"{self.number:g} {self.unit}".strip())]

    def describe(self) -> str:
        return f"Number: {self.number:g} {self.unit}".strip()


@dataclass(frozen=True, slots=True)
class Text(Value):
    """Free text."""

    kind: ClassVar[str] = "text"
    text: str

    @property
    def words(self) -> tuple[str, ...]:
        return (self.text,)

    @property
    def size(self) -> int:
        return len(self.text)

    def shapes(self) -> Sequence[Shape]:
        return [Shape("caption", text=self.text)]

    def describe(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class TimeSpan(Value):
    """From one time of a clip to another."""

    kind: ClassVar[str] = "time_span"
    start_s: Finite
    end_s: Finite

    evidence_boxes = ()
    """A time has no place in the frames."""
    survives_mirror = True

    def shapes(self) -> Sequence[Shape]:
        return [Shape("span", (self.start_s, self.end_s))]

    def describe(self) -> str:
        return f"From {self.start_s:g} s to {self.end_s:g} s"


@dataclass(frozen=True, slots=True)
class Permutation(Value):
    """An order of parts, such as of the tiles of a puzzle: where each part belongs."""

    kind: ClassVar[str] = "permutation"
    order: tuple[int, ...]

    @property
    def size(self) -> int:
        return len(self.order)

    def shapes(self) -> Sequence[Shape]:
        return [Shape("caption", text=" ".join(map(str, self.order)))]

    def describe(self) -> str:
        return f"Order: {' '.join(map(str, self.order))}"
