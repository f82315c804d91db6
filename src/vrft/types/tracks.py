"""Boxes of things that are followed through the images of a sequence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from vrft.errors import InputError
from vrft.types.frames import BoxXYXY
from vrft.types.values import Finite, Shape, Value

TrackBox = tuple[int, str, Finite, Finite, Finite, Finite]
"""The number of an image, the name of a thing, x1, y1, x2, y2 in pixels of that image's file."""


def _rows(given: Any) -> Any:
    """Rows of objects by image: ``{"1": [x1, y1, x2, y2]}``, or of several things by name in each image."""
    if not isinstance(given, Mapping):
        return given
    named = {key: own if isinstance(own, Mapping) else {"": own} for key, own in given.items()}
    rows = [(key, name, box) for key, own in named.items() for name, box in own.items()]
    for key, _, box in rows:
        if not str(key).strip().isdecimal():
            raise ValueError(f"{str(key)[:40]!r} is not the number of an image")
        if not isinstance(box, list | tuple) or len(box) != 4:
            raise ValueError(f"the box in image {str(key)[:40]!r} is not four numbers")
    return [(key, name, *box) for key, name, box in rows]


@dataclass(frozen=True, slots=True)
class Tracks(Value):
    """Where things are in each image of a sequence; an image without a box does not show the thing.

    Names are names: a thing may be called anything, and one image has one box of a name. Numbers of images
    are those of the labels, and are never counted anew.
    """

    kind: ClassVar[str] = "tracks"
    default_about: ClassVar[str] = "phrase"
    has_coordinates: ClassVar[bool] = True
    boxes: Annotated[tuple[TrackBox, ...], BeforeValidator(_rows)] = ()
    """One row for each box; the empty name is the thing that was asked for."""
    numbers: tuple[int, ...] = ()
    """The number of each image, in order; empty where they are 1, 2, 3 and so on."""

    def __post_init__(self) -> None:
        for (number, name), count in Counter(row[:2] for row in self.boxes).items():
            if count > 1:
                what = f"of '{name}'" if name else "without a name"
                raise InputError(
                    f"Image {number} has {count} boxes {what}. Give each thing a name of its own in an image."
                )
        lost = sorted({row[0] for row in self.boxes} - set(self.numbers)) if self.numbers else []
        if lost or len(set(self.numbers)) < len(self.numbers):
            what = f"there is no image {lost[0]}" if lost else "two images have one number"
            raise InputError(f"The images are numbered {listed(self.numbers)}: {what}. Fix the numbers.")

    @property
    def by_image(self) -> dict[int, dict[str, BoxXYXY]]:
        """The boxes of each image that has any, by name."""
        found: dict[int, dict[str, BoxXYXY]] = {}
        for number, name, *box in self.boxes:
            found.setdefault(number, {})[name] = (box[0], box[1], box[2], box[3])
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each thing, in the order in which they are met."""
        return tuple(dict.fromkeys(row[1] for row in self.boxes))

    @property
    def is_empty(self) -> bool:
        return not self.boxes

    @property
    def _compared(self) -> Hashable:
        return frozenset(self.boxes)

    @property
    def evidence_boxes(self) -> Sequence[BoxXYXY]:
        return [row[2:] for row in self.boxes]

    survives_mirror = True

    @property
    def words(self) -> tuple[str, ...]:
        return self.names

    @property
    def size(self) -> int:
        return len(self.boxes)

    def place(self, number: int) -> int:
        """Which of the images has a number, counted from 0."""
        return self.numbers.index(number) if self.numbers else number - 1

    def label_error(self, sizes_wh: Sequence[tuple[int, int]]) -> str | None:
        count = len(sizes_wh)
        if len(self.numbers) not in (0, count):
            return f"It numbers {len(self.numbers)} images, and {count} are shown."
        for row in self.boxes:
            place = self.place(row[0])
            if not 0 <= place < count:
                return f"It names image {row[0]}, and the images are numbered 1 to {count}."
            (x1, y1, x2, y2), (width, height) = row[2:], sizes_wh[place]
            if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
                return (
                    f"Its box in image {row[0]} is no box inside the {width}x{height} pixels of that image."
                )
        return None

    @classmethod
    def matches_untyped(cls, row: Mapping[str, Any]) -> bool:
        return isinstance(row.get("boxes"), Mapping)

    def shapes(self) -> Sequence[Shape]:
        return [Shape("rectangle", row[2:], row[1], frame=self.place(row[0])) for row in self.boxes]

    def describe(self) -> str:
        if self.is_empty:
            return "Seen in no image."
        return "\n".join(
            f"Image {number}{f', {name}' if name else ''}: {', '.join(f'{n:.0f}' for n in box)}"
            for number, name, *box in sorted(self.boxes)
        )


def listed(numbers: Sequence[int]) -> str:
    """Numbers in words: '1, 2 and 3'; '1, 2, 3, ..., 99' where they are many."""
    if len(numbers) > 40:
        return f"{', '.join(map(str, numbers[:3]))}, ..., {numbers[-1]}"
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}" if most else last
