"""Kinds of values: names, numbers, times and orders; boxes and points in an image."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import Field

from vrft.types.frames import BoxXYXY, PointXY
from vrft.types.names import nfc, plain_name
from vrft.types.units import converted, unit_of
from vrft.types.values import Finite, Mask, Shape, Value, mask_error


@dataclass(frozen=True, slots=True)
class Label(Value):
    """A class name."""

    kind: ClassVar[str] = "label"
    name: str
    vocabulary: tuple[str, ...] = ()
    """Of a target: all names of the dataset, whether the prompt lists them or not."""
    score: Finite | None = None
    """Of a vote: the share of the answers that give this name."""

    def __post_init__(self) -> None:
        if not self.name.isascii():
            object.__setattr__(self, "name", nfc(self.name))
        if self.vocabulary:
            object.__setattr__(self, "vocabulary", tuple(map(nfc, self.vocabulary)))

    @property
    def _compared(self) -> Hashable:
        """Case, gaps and how a number is written make no difference.

        Example:
            >>> Label("7").same_as(Label("7.0")), Label("Seven").same_as(Label("seven"))
            (True, True)
            >>> Label("7").same_as(Label("seven")), Label("1,000").same_as(Label("1000"))
            (False, True)
        """
        return without_spelling(self.name)

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


_DIGITS = re.compile(r"[-+]?(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]{1,30})(?:\.[0-9]{1,30})?", re.ASCII)


def without_spelling(text: str) -> Decimal | str:
    """Equal for texts that differ in no more than case, gaps and how a number is written."""
    return Decimal(text.replace(",", "")) if _DIGITS.fullmatch(text) else plain_name(text)


@dataclass(frozen=True, slots=True)
class Number(Value):
    """A count or a measurement."""

    kind: ClassVar[str] = "number"
    number: Finite
    unit: str = ""

    @property
    def _compared(self) -> Hashable:
        """Equal for 3.2 m and 320 cm; a bare number is of no quantity."""
        unit = unit_of(self.unit) if self.unit else None
        if unit is None:
            return (self.number, self.unit)
        return (float(Decimal(repr(self.number)) * unit.factor), unit.quantity)

    def in_unit(self, unit: str) -> Number | None:
        """The same in another unit; a bare number has it already. None where it cannot be converted.

        Example:
            >>> Number(320.0, "cm").in_unit("m"), Number(3.0, "kg").in_unit("m")
            (Number(number=3.2, unit='m'), None)
        """
        number = converted(Decimal(repr(self.number)), self.unit or unit, unit)
        return None if number is None else Number(float(number), unit)

    survives_mirror = True
    """A mirror changes no number; a crop may."""

    def shapes(self) -> Sequence[Shape]:
        return [Shape("caption", text=f"{self.number:g} {self.unit}".strip())]

    def describe(self) -> str:
        return f"Number: {self.number:g} {self.unit}".strip()


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


@dataclass(frozen=True, slots=True)
class Boxes(Value):
    """Any number of boxes, in pixels of the file; none where the right answer is 'No Objects'."""

    kind: ClassVar[str] = "boxes"
    has_coordinates: ClassVar[bool] = True
    moves_with_image: ClassVar[bool] = True
    default_about: ClassVar[str] = ""
    xyxy_px: tuple[tuple[Finite, Finite, Finite, Finite], ...] = ()
    scores: tuple[Finite, ...] = ()
    """One for each box, in [0, 1]; empty in a target. An answer that gives no confidence has 1.0."""
    labels: tuple[str | None, ...] = ()
    """A name for each box, as written; empty where no box has one."""
    mask: Mask | None = None
    """The region that the boxes enclose, where the labels have one."""
    ignore: Mask | None = None
    """A region that counts neither for nor against an answer."""

    @property
    def is_empty(self) -> bool:
        return not self.xyxy_px

    @property
    def _compared(self) -> Hashable:
        return frozenset(zip(self.xyxy_px, self.labels, strict=True) if self.labels else self.xyxy_px)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(name for name in dict.fromkeys(self.labels) if name)

    @property
    def evidence_boxes(self) -> Sequence[BoxXYXY]:
        around = self.mask.box_xyxy_px if self.mask is not None else None
        return (*self.xyxy_px, around) if around is not None else self.xyxy_px

    survives_mirror = True

    @property
    def size(self) -> int:
        return len(self.xyxy_px)

    def label_error(self, sizes_wh: Sequence[tuple[int, int]]) -> str | None:
        # Neither of the regions is drawn.
        own = (self.mask, self.ignore)
        return Value.label_error(self, sizes_wh) or mask_error(own, sizes_wh)

    def shapes(self) -> Sequence[Shape]:
        scores = self.scores if len(self.scores) == len(self.xyxy_px) else (None,) * len(self.xyxy_px)
        names = self.labels or (None,) * len(self.xyxy_px)
        return [
            Shape("rectangle", box, name or "", score)
            for box, score, name in zip(self.xyxy_px, scores, names, strict=True)
        ]

    def describe(self) -> str:
        if self.is_empty:
            return "No objects."
        scores = self.scores if len(self.scores) == len(self.xyxy_px) else (1.0,) * len(self.xyxy_px)
        names = [f"{name} at" if name else "Box in pixels:" for name in self.labels] or [
            "Box in pixels:"
        ] * self.size
        return "\n".join(
            f"{name} {', '.join(f'{n:.0f}' for n in box)} (confidence {score:.2f})"
            for name, box, score in zip(names, self.xyxy_px, scores, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Points(Value):
    """Any number of points, in pixels of the file; none where the right answer is 'No Objects'.

    A target also says where else a point is right: in ``masks`` or ``boxes``, one for each point, or within
    ``radius_px`` of it.
    """

    kind: ClassVar[str] = "points"
    has_coordinates: ClassVar[bool] = True
    moves_with_image: ClassVar[bool] = True
    default_about: ClassVar[str] = "phrase"
    xy_px: tuple[tuple[Finite, Finite], ...] = ()
    labels: tuple[str | None, ...] = ()
    boxes: tuple[tuple[Finite, Finite, Finite, Finite] | None, ...] = ()
    """Of a target: the box of each point's object; empty where none is known."""
    masks: tuple[Mask | None, ...] = ()
    """Of a target: the region of each point's object; empty where none is known."""
    radius_px: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Of a target: how far from a point without box and mask another one is still right."""

    def __post_init__(self) -> None:
        for name in ("labels", "boxes", "masks"):
            if (given := len(getattr(self, name))) not in (0, len(self.xy_px)):
                raise ValueError(f"{given} {name} for {len(self.xy_px)} points; give one for each, or none")

    @property
    def is_empty(self) -> bool:
        return not self.xy_px

    @property
    def _compared(self) -> Hashable:
        return frozenset(self.xy_px)

    @property
    def evidence_boxes(self) -> Sequence[BoxXYXY]:
        boxes = self.boxes or (None,) * len(self.xy_px)
        return [box or (x, y, x, y) for (x, y), box in zip(self.xy_px, boxes, strict=True)]

    def label_warning(self, sizes_wh: Sequence[tuple[int, int]]) -> str | None:
        beside = next(
            ((xy, box) for xy, box in zip(self.xy_px, self.boxes, strict=False) if _beside(xy, box)), None
        )
        return beside and f"The point {beside[0][0]:g}, {beside[0][1]:g} lies beside its own box."

    survives_mirror = True

    @property
    def size(self) -> int:
        return len(self.xy_px)

    def shapes(self) -> Sequence[Shape]:
        names = self.labels or (None,) * len(self.xy_px)
        points = [Shape("point", xy, name or "") for xy, name in zip(self.xy_px, names, strict=True)]
        regions = [Shape("region", region=mask) for mask in self.masks if mask is not None]
        return [*points, *regions, *(Shape("rectangle", box) for box in self.boxes if box is not None)]

    def describe(self) -> str:
        return "\n".join(f"Point in pixels: {x:.0f}, {y:.0f}" for x, y in self.xy_px) or "No objects."


def _beside(xy: PointXY, box: BoxXYXY | None) -> bool:
    return box is not None and not (box[0] <= xy[0] <= box[2] and box[1] <= xy[1] <= box[3])
