"""One cause behind many refused boxes: corners for sizes, sizes for corners, or pictures on their side.

A reader knows each box only; that nearly all refused boxes become right by the same change tells why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vrft.data.label_checks import SLACK_PX, some
from vrft.diagnostics.check.check_case import FilesCase
from vrft.diagnostics.check.finding import Finding, Severity
from vrft.errors import BoxError
from vrft.types import BoxXYXY

LEAST = 3
"""Fewer refused boxes tell no cause."""
EXPLAINED = 0.9
"""Share of the refused boxes that a cause must mend."""


@dataclass(frozen=True)
class Cause:
    """A way to write boxes wrongly, and how such a box reads when it is undone."""

    code: str
    message: str
    mend: str
    undo: Callable[[BoxXYXY, tuple[int, int]], tuple[BoxXYXY, tuple[int, int]]]
    """From corners and picture size as they were read to those that were meant."""


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
        "The boxes seem to be for pictures lying on their side, as when a camera's EXIF rotation was not "
        "applied while labelling",
        "Save the pictures upright without EXIF rotation and turn the boxes, or label them again.",
        lambda box, wh: (box, wh[::-1]),
    ),
)


def examine_causes(case: FilesCase) -> list[Finding]:
    """An error for the first cause that explains the refused boxes."""
    refused = [mistake for mistake in case.mistakes if isinstance(mistake, BoxError)]
    if len(refused) < LEAST:
        return []
    files = list(dict.fromkeys(mistake.where.partition(", ")[0] for mistake in refused))
    for cause in CAUSES:
        mended = sum(_stands_inside(*cause.undo(mistake.corners, mistake.image_wh)) for mistake in refused)
        if mended >= EXPLAINED * len(refused):
            told = f"{cause.message}: {mended} of {len(refused)} refused boxes would then be right."
            return [Finding(Severity.ERROR, cause.code, told, some(files), cause.mend)]
    return []


def _stands_inside(box: Sequence[float], wh: tuple[int, int]) -> bool:
    x1, y1, x2, y2 = box
    return -SLACK_PX <= x1 < x2 <= wh[0] + SLACK_PX and -SLACK_PX <= y1 < y2 <= wh[1] + SLACK_PX


EXAMINE = examine_causes
