"""Conventions that no single box betrays but all boxes together do: these findings are suspicions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vrft.diagnostics.check.check_case import DataCase
from vrft.diagnostics.check.finding import Finding, Severity

LEAST_BOXES = 10
LEAST_PICTURES = 5
ENDS_EARLY = 0.7
"""Where no box reaches further right or down than this share of its picture, a wrong size is suspected."""
BEGINS = 0.1
"""... if the first box begins within this share of the picture."""
GROWS = 0.5
"""Correlation of a box's place with its size from which the two are suspected to be mixed up."""
TOUCHING = 3
"""Boxes that must touch a border before counting from one is suspected."""


@dataclass(frozen=True)
class Boxes:
    """All boxes of a data set."""

    xyxy_px: np.ndarray
    """(n, 4)."""
    wh_px: np.ndarray
    """(n, 2), sizes of their pictures."""
    pictures: int
    """How many pictures have boxes."""

    @property
    def shares(self) -> np.ndarray:
        """(n, 4), as shares of the picture."""
        shares: np.ndarray = self.xyxy_px / np.concatenate([self.wh_px, self.wh_px], axis=1)
        return shares


def examine_conventions(case: DataCase) -> list[Finding]:
    """A warning for each convention that is suspected."""
    boxes = _gathered(case)
    if len(boxes.xyxy_px) < LEAST_BOXES or boxes.pictures < LEAST_PICTURES:
        return []
    return [
        Finding(Severity.WARNING, code, told, case.root, mend)
        for holds, code, told, mend in SUSPICIONS
        if holds(boxes)
    ]


def in_a_corner(boxes: Boxes) -> bool:
    """All boxes lie towards the upper left corner, as after division by too large a size."""
    low, high = boxes.shares[:, :2].min(0), boxes.shares[:, 2:].max(0)
    return bool((high <= ENDS_EARLY).all() and (low <= BEGINS).all())


def grows_with_place(boxes: Boxes) -> bool:
    """Boxes further right are wider, further down higher, and none begins beyond its own size.

    So it is where ``[x1, y1, x2, y2]`` is read as x, y, width and height, because x2 grows with x1.
    """
    start, size = boxes.shares[:, :2], boxes.shares[:, 2:] - boxes.shares[:, :2]
    return bool((size > start).all()) and all(_correlation(start[:, i], size[:, i]) >= GROWS for i in (0, 1))


def counts_from_one(boxes: Boxes) -> bool:
    """Whole numbers; boxes begin at 1 and end at the last pixel's number, and none begins at 0."""
    corners = boxes.xyxy_px
    if (corners != corners.round()).any() or corners.min() < 1:
        return False
    begin = int((corners[:, :2] == 1).sum())
    end = int((corners[:, 2:] == boxes.wh_px).sum())
    return begin >= TOUCHING and end >= TOUCHING


SUSPICIONS = (
    (
        in_a_corner,
        "boxes-in-a-corner",
        f"No box reaches beyond {ENDS_EARLY:.0%} of its picture's width or height, though they begin at the "
        "upper left: the labels seem to have been divided by another picture size than the pictures have.",
        "Look at the overlay; write the labels anew with the size of the pictures as they are on disk.",
    ),
    (
        grows_with_place,
        "corners-as-sizes",
        "Boxes further right are wider and boxes further down are higher: they seem to be "
        "[x1, y1, x2, y2] where [x, y, width, height] is read.",
        "Look at the overlay; write [x1, y1, x2 - x1, y2 - y1].",
    ),
    (
        counts_from_one,
        "one-based",
        "Boxes at the left or upper border begin at 1, none at 0, and others end at the picture's full size: "
        "pixels seem to be counted from 1, as Pascal VOC does.",
        "Subtract 1 from each xmin and ymin (the last pixel's number is the right border already), unless "
        "the label tool only avoids 0. A single pixel is at stake: it matters for small boxes.",
    ),
)


def _gathered(case: DataCase) -> Boxes:
    corners: list[Sequence[float]] = []
    sizes: list[tuple[int, int]] = []
    pictures = 0
    for record in case.dataset.records:
        own = [box.box_xyxy_px for box in record.boxes]
        own += [box for expression in record.expressions for box in expression.boxes_xyxy_px]
        corners += own
        sizes += [record.image_wh] * len(own)
        pictures += bool(own)
    as_floats = np.asarray(corners, dtype=np.float64).reshape(-1, 4)
    return Boxes(as_floats, np.asarray(sizes, dtype=np.float64).reshape(-1, 2), pictures)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


EXAMINE = examine_conventions
