"""Why many boxes of a dataset do not fit their images: how they may have been written wrongly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vrft.errors import BoxError
from vrft.geometry.boxes import SLACK_PX
from vrft.types import BoxXYXY

LEAST_BOXES = 3
"""Fewer boxes show no cause."""
EXPLAINED = 0.9
"""Share of the boxes that a cause must explain."""
_Corners = Callable[[BoxXYXY, tuple[int, int]], tuple[BoxXYXY, tuple[int, int]]]


@dataclass(frozen=True)
class Cause:
    """A way to write boxes wrongly, and how such a box reads when it is undone."""

    code: str
    message: str
    fix: str
    undo: _Corners
    """From corners and image size as they were read to those that were meant."""

    def explains(self, boxes: Sequence[BoxError]) -> int:
        """How many boxes are inside their images once it is undone."""
        return sum(_is_inside(*self.undo(box.corners, box.image_wh)) for box in boxes)


CAUSES = (
    Cause(
        "corners-as-sizes",
        "The boxes seem to be [x1, y1, x2, y2] where [x, y, width, height] is read",
        "Write [x1, y1, x2 - x1, y2 - y1].",
        lambda box, wh: ((box[0], box[1], box[2] - box[0], box[3] - box[1]), wh),
    ),
    Cause(
        "sizes-as-corners",
        "The boxes seem to be [x, y, width, height] where [x1, y1, x2, y2] is read",
        "Write [x, y, x + width, y + height].",
        lambda box, wh: ((box[0], box[1], box[0] + box[2], box[1] + box[3]), wh),
    ),
    Cause(
        "turned",
        "The boxes seem to be for images lying on their side, as when a camera's EXIF rotation was not "
        "applied while labelling",
        "Save the images upright without EXIF rotation and turn the boxes, or label them again.",
        lambda box, wh: (box, wh[::-1]),
    ),
)


def cause_of(boxes: Sequence[BoxError]) -> Cause | None:
    """The first cause that explains nearly all boxes that do not fit; a reader knows each box only."""
    if len(boxes) < LEAST_BOXES:
        return None
    return next((cause for cause in CAUSES if cause.explains(boxes) >= EXPLAINED * len(boxes)), None)


def _is_inside(box: BoxXYXY, wh: tuple[int, int]) -> bool:
    x1, y1, x2, y2 = box
    return -SLACK_PX <= x1 < x2 <= wh[0] + SLACK_PX and -SLACK_PX <= y1 < y2 <= wh[1] + SLACK_PX
