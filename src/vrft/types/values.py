"""Values: what can be asked for and answered, targets and answers alike.

Every number is in pixels of the file, or seconds of the clip, for ever. A value is a frozen dataclass,
which is its codec; it brings the shapes that drawings need and says what survives a crop or a mirror.
Nobody else asks of which class it is: a task knows its own kind, and all others use what every value has.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationInfo

from vrft.errors import InputError
from vrft.types.coded import Coded
from vrft.types.frames import MAX_SIDE_PX, BoxXYXY
from vrft.types.run_lengths import run_lengths

Finite = Annotated[float, Field(allow_inf_nan=False)]
"""A number that JSON can hold."""
Side = Annotated[int, Field(ge=1, le=MAX_SIDE_PX)]
"""Of an image, in pixels."""


def _covering(counts: str, info: ValidationInfo) -> str:
    """Counts that pycocotools can be given: it reads beyond the end of those that are none."""
    height, width = info.data.get("size_hw", (0, 0))
    runs = run_lengths(counts)
    if runs is None or min(runs, default=0) < 0:
        raise ValueError("they are not run lengths as COCO compresses them")
    if height and sum(runs) != height * width:
        raise ValueError(f"they add up to {sum(runs)} pixels, and the mask has {height * width}")
    return counts


RunLengths = Annotated[str, AfterValidator(_covering)]
"""COCO's compressed counts, of a field behind ``size_hw``; compared with it when they are read."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What any drawing needs: report, browser, ``predict --drawn`` and trackers know no other geometry."""

    kind: Literal["rectangle", "point", "polygon", "region", "span", "caption"]
    numbers: tuple[float, ...] = ()
    """Pixels of the file, x before y (a rectangle's corners, a polygon's points), or seconds of a span."""
    text: str = ""
    """A name beside it, or the caption itself."""
    score: float | None = None
    """In [0, 1], where the value has one."""
    region: Mask | None = None
    """Of a ``region``, its pixels."""
    frame: int | None = None
    """Of several images, or of a video: which one; None is the first or only one."""

    def placement_error(self, size_wh: tuple[int, int]) -> str | None:
        """Why it cannot be in an image of this size, in a sentence; None where it can."""
        width, height = size_wh
        numbers = ", ".join(f"{number:g}" for number in self.numbers)
        inside = f"its image of {width}x{height} pixels"
        if self.kind == "point":
            x, y = self.numbers
            return (
                None if 0 <= x <= width and 0 <= y <= height else f"The point {numbers} is outside {inside}."
            )
        if self.kind == "rectangle":
            x1, y1, x2, y2 = self.numbers
            if not (x1 < x2 and y1 < y2):
                return f"The box {numbers} has no area, or its corners are exchanged."
            within = min(x1, y1) >= 0 and x2 <= width and y2 <= height
            return None if within else f"The box {numbers} is outside {inside}."
        if self.region is not None and self.region.size_hw != (height, width):
            high, wide = self.region.size_hw
            return f"A mask is of {wide}x{high} pixels, and its image has {width}x{height}."
        return None


class Value(Coded):
    """One kind of answer. Targets and answers share a class; what only answers have is empty in a target."""

    has_coordinates: ClassVar[bool] = False
    """It is made of places in a medium, which a text writes in some coordinate frame."""
    moves_with_image: ClassVar[bool] = False
    """It is made of places that differ a little between near-duplicates of an image, right in each."""
    default_about: ClassVar[str] = "question"
    """What a row's 'question' is where nothing else says it: a question, or a 'phrase'; empty: either."""

    @property
    def is_empty(self) -> bool:
        """It says that nothing is there ('No Objects'); a count of 0 is not empty."""
        return False

    def same_as(self, other: Value) -> bool:
        """Whether both say the same, whatever the order of their parts and the spelling of their words."""
        return type(self) is type(other) and self._compared == other._compared

    @property
    def _compared(self) -> Hashable:
        """What ``same_as`` compares."""
        return self

    @property
    def evidence_boxes(self) -> Sequence[BoxXYXY] | None:
        """What a crop must leave whole, in pixels; None where no part of the image may be cut off."""
        return None

    @property
    def survives_mirror(self) -> bool:
        """It is still right of the mirrored image, unless its ``words`` speak of sides."""
        return False

    @property
    def words(self) -> tuple[str, ...]:
        """Words in it, such as a class name."""
        return ()

    @property
    def size(self) -> int:
        """A measure by which long answers are sorted from short ones."""
        return 1

    def survives_view(self, window_px: BoxXYXY | None, mirrored: bool) -> bool:
        """Whether it is still right where only this is shown; a value that is not sure says no."""
        if mirrored and not self.survives_mirror:
            return False
        if window_px is None:
            return True
        boxes = self.evidence_boxes
        left, top, right, bottom = window_px
        return boxes is not None and all(
            left <= x1 and top <= y1 and x2 <= right and y2 <= bottom for x1, y1, x2, y2 in boxes
        )

    def label_error(self, sizes_wh: Sequence[tuple[int, int]]) -> str | None:
        """Why it cannot be a label of images of these sizes in pixels, in a sentence; None where it can."""
        if self.has_coordinates and len(sizes_wh) > 1 and any(shape.frame is None for shape in self.shapes()):
            return f"It does not say in which of the {len(sizes_wh)} images it is."
        for shape in self.shapes():
            place = shape.frame or 0
            if place >= len(sizes_wh):
                return f"It names image {place + 1}, and the images are numbered 1 to {len(sizes_wh)}."
            if (problem := shape.placement_error(sizes_wh[place])) is not None:
                return problem
        return None

    def label_warning(self, sizes_wh: Sequence[tuple[int, int]]) -> str | None:
        """What is odd about it as a label of such images, in a sentence; None where nothing is."""
        return None

    @classmethod
    def matches_untyped(cls, row: Mapping[str, Any]) -> bool:
        """Whether an object without a 'kind' is one of these, as other tools write it."""
        return False

    def shapes(self) -> Sequence[Shape]:
        """How it is drawn over the image; empty where words say all."""
        return ()

    def describe(self) -> str:
        """What it says in words, one line for each part."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Mask(Value):
    """A region of an image, run-length encoded as COCO has it (``pycocotools.mask``, compressed counts)."""

    kind: ClassVar[str] = "mask"
    has_coordinates: ClassVar[bool] = True
    size_hw: tuple[Side, Side]
    """Height and width of the file in pixels."""
    counts: RunLengths

    @property
    def rle(self) -> dict[str, Any]:
        """It as JSON of COCO has it, and as pycocotools takes it."""
        return {"size": list(self.size_hw), "counts": self.counts}

    @property
    def box_xyxy_px(self) -> BoxXYXY | None:
        """The smallest box around its pixels; None where it has none.

        Example:
            >>> from vrft.geometry.masks import mask_of_boxes
            >>> mask_of_boxes([(20.0, 5.0, 40.0, 10.0)], (30, 40)).box_xyxy_px
            (20.0, 5.0, 40.0, 10.0)
        """
        from pycocotools import mask as coco_mask

        x, y, width, height = map(float, coco_mask.toBbox(self.rle))
        return (x, y, x + width, y + height) if width and height else None

    def shapes(self) -> Sequence[Shape]:
        return [Shape("region", region=self)]

    def describe(self) -> str:
        return f"Mask of a {self.size_hw[1]}x{self.size_hw[0]} image"


def mask_error(regions: Sequence[Mask | None], sizes_wh: Sequence[tuple[int, int]]) -> str | None:
    """Why one of some regions cannot be of images of these sizes, in a sentence; None where all can."""
    found = (region.label_error(sizes_wh) for region in regions if region is not None)
    return next((problem for problem in found if problem is not None), None)


class _Several(Value):
    """What lists and sets of values share."""

    items: tuple[Value, ...]

    @property
    def is_empty(self) -> bool:
        return not self.items

    @property
    def evidence_boxes(self) -> Sequence[BoxXYXY] | None:
        """Those of all items; None as soon as one refuses."""
        each = [item.evidence_boxes for item in self.items]
        return (
            None if any(boxes is None for boxes in each) else [box for boxes in each for box in boxes or ()]
        )

    @property
    def survives_mirror(self) -> bool:
        return all(item.survives_mirror for item in self.items)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word for item in self.items for word in item.words)

    @property
    def size(self) -> int:
        return sum(item.size for item in self.items)

    def shapes(self) -> Sequence[Shape]:
        return [shape for item in self.items for shape in item.shapes()]

    def describe(self) -> str:
        return "\n".join(item.describe() for item in self.items) or "No objects."


@dataclass(frozen=True, slots=True)
class ValueList(_Several):
    """Several values in an order that matters, such as one for each image of a sequence."""

    kind: ClassVar[str] = "list"
    has_coordinates: ClassVar[bool] = True
    items: tuple[Value, ...] = ()

    @property
    def _compared(self) -> Hashable:
        return tuple(item._compared for item in self.items)

    def shapes(self) -> Sequence[Shape]:
        """Those of each item, with the item's place as the image that they belong to."""
        return [replace(shape, frame=i) for i, item in enumerate(self.items) for shape in item.shapes()]


@dataclass(frozen=True, slots=True)
class ValueSet(_Several):
    """Several values in no order."""

    kind: ClassVar[str] = "set"
    has_coordinates: ClassVar[bool] = True
    items: tuple[Value, ...] = ()

    @property
    def _compared(self) -> Hashable:
        return frozenset(item._compared for item in self.items)


V = TypeVar("V", bound=Value)


def distinct(values: Iterable[V]) -> list[V]:
    """Values that do not say the same, in the order in which each was first said."""
    found: list[V] = []
    for value in values:
        if not any(value.same_as(known) for known in found):
            found.append(value)
    return found


def expect(value: Value | None, kind: type[V]) -> V:
    """A value that must be of a kind, such as the target that a reward compares with.

    Raises:
        InputError: it is not, or there is none.

    Example:
        >>> from vrft.types import Label
        >>> expect(Label("rose"), Label).name
        'rose'
    """
    if isinstance(value, kind):
        return value
    given = "there is none" if value is None else f"this is '{value.kind}'"
    raise InputError(
        f"A target of kind '{kind.kind}' was expected, and {given}. "
        "Use a reward or metric for this task, or give labels of that kind."
    )
