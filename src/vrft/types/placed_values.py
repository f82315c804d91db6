"""Values made of places in an image: boxes and points."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from vrft.types.frames import BoxXYXY
from vrft.types.values import Finite, Mask, Shape, Value


@dataclass(frozen=True, slots=True)
class Boxes(Value):
    """Any number of boxes, in pixels of the file; none where the right answer is 'No Objects'."""

    kind: ClassVar[str] = "boxes"
    placed: ClassVar[bool] = True
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
    def meaning(self) -> Hashable:
        return frozenset(self.xyxy_px)

    @property
    def gist(self) -> Hashable:
        """Whether anything is there: boxes of near-duplicates differ a little and are right all the same."""
        return self.is_empty

    @property
    def evidence_boxes(self) -> Sequence[BoxXYXY]:
        if self.mask is None:
            return self.xyxy_px
        from pycocotools import mask as coco_mask

        encoded = {"size": list(self.mask.size_hw), "counts": self.mask.counts.encode()}
        x, y, width, height = map(float, coco_mask.toBbox(encoded))
        return (*self.xyxy_px, (x, y, x + width, y + height)) if width and height else self.xyxy_px

    survives_mirror = True

    @property
    def size(self) -> int:
        return len(self.xyxy_px)

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
        return "\n".join(
            f"Box in pixels: {', '.join(f'{n:.0f}' for n in box)} (confidence {score:.2f})"
            for box, score in zip(self.xyxy_px, scores, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Points(Value):
    """Any number of points, in pixels of the file."""

    kind: ClassVar[str] = "points"
    placed: ClassVar[bool] = True
    xy_px: tuple[tuple[Finite, Finite], ...] = ()
    labels: tuple[str | None, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.xy_px

    @property
    def meaning(self) -> Hashable:
        return frozenset(self.xy_px)

    @property
    def evidence_boxes(self) -> Sequence[BoxXYXY]:
        return [(x, y, x, y) for x, y in self.xy_px]

    survives_mirror = True

    @property
    def size(self) -> int:
        return len(self.xy_px)

    def shapes(self) -> Sequence[Shape]:
        names = self.labels or (None,) * len(self.xy_px)
        return [Shape("point", xy, name or "") for xy, name in zip(self.xy_px, names, strict=True)]

    def describe(self) -> str:
        return "\n".join(f"Point in pixels: {x:.0f}, {y:.0f}" for x, y in self.xy_px) or "No objects."
