"""Objects in an image with all that a segmenter needs, and what it makes of them: box, points, mask."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from vrft.types.frames import BoxXYXY
from vrft.types.values import Finite, Mask, Shape, Value, mask_error

RegionPrompt = tuple[float, ...]
"""What a segmenter is asked with: the four numbers of a box, then x and y of each point on the object."""


@dataclass(frozen=True, slots=True)
class ObjectRegion:
    """One object, in pixels of the file."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    xyxy_px: tuple[Finite, Finite, Finite, Finite]
    """The box around it."""
    points_xy_px: tuple[tuple[Finite, Finite], ...] = ()
    """Places on it; empty where none was written, and in a target with a mask, of which any pixel will do."""
    mask: Mask | None = None
    """Its pixels: of a target those that are labelled, of an answer those that a segmenter found."""

    @classmethod
    def of(cls, prompt: RegionPrompt) -> ObjectRegion:
        """The object that a prompt means."""
        x1, y1, x2, y2, *places = prompt
        return cls((x1, y1, x2, y2), tuple(zip(places[::2], places[1::2], strict=True)))

    @property
    def prompt(self) -> RegionPrompt:
        """What a segmenter is asked with about it."""
        return (*self.xyxy_px, *(number for point in self.points_xy_px for number in point))


@dataclass(frozen=True, slots=True)
class Regions(Value):
    """Any number of objects; none where the right answer is 'No Objects'."""

    kind: ClassVar[str] = "regions"
    default_about: ClassVar[str] = "phrase"
    has_coordinates: ClassVar[bool] = True
    moves_with_image: ClassVar[bool] = True
    objects: tuple[ObjectRegion, ...] = ()
    ignore: Mask | None = None
    """Pixels that count neither for nor against an answer."""

    @property
    def boxes_xyxy_px(self) -> tuple[BoxXYXY, ...]:
        """The box of each object."""
        return tuple(one.xyxy_px for one in self.objects)

    @property
    def is_empty(self) -> bool:
        return not self.objects

    @property
    def _compared(self) -> Hashable:
        """The boxes: another point of the same object says nothing else."""
        return frozenset(self.boxes_xyxy_px)

    @property
    def evidence_boxes(self) -> Sequence[BoxXYXY]:
        return [_around(one) for one in self.objects]

    survives_mirror = True

    @property
    def size(self) -> int:
        return len(self.objects)

    def shapes(self) -> Sequence[Shape]:
        """The pixels of each object, its box and its points."""
        found: list[Shape] = []
        for one in self.objects:
            found += [Shape("region", region=one.mask)] if one.mask is not None else []
            found.append(Shape("rectangle", one.xyxy_px))
            found += [Shape("point", point) for point in one.points_xy_px]
        return found

    def label_error(self, sizes_wh: Sequence[tuple[int, int]]) -> str | None:
        return Value.label_error(self, sizes_wh) or mask_error((self.ignore,), sizes_wh)

    def describe(self) -> str:
        return "\n".join(map(_described, self.objects)) or "No objects."


def _around(one: ObjectRegion) -> BoxXYXY:
    """The box around an object's box and its pixels, which a label may have beyond it."""
    own = one.mask.box_xyxy_px if one.mask is not None else None
    if own is None:
        return one.xyxy_px
    (x1, y1, x2, y2), (left, top, right, bottom) = one.xyxy_px, own
    return (min(x1, left), min(y1, top), max(x2, right), max(y2, bottom))


def _described(one: ObjectRegion) -> str:
    box = ", ".join(f"{number:.0f}" for number in one.xyxy_px)
    points = "; ".join(f"{x:.0f}, {y:.0f}" for x, y in one.points_xy_px)
    at = f", {'points' if len(one.points_xy_px) > 1 else 'point'} {points}" if points else ""
    return f"Object in pixels: box {box}{at}{', with its mask' if one.mask is not None else ''}"
