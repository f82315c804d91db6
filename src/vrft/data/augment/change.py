"""What a change of a picture is, and how it is applied to an example."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np
from pycocotools import mask as coco_mask

from vrft.types import BoxesTarget, BoxXYXY, Edit, Example, Mask, Target

Region = np.ndarray
"""A mask as pixels: uint8 (height, width), 1 inside."""


class Change(Edit, Protocol):
    """An edit of a picture's pixels that knows where it moves boxes and regions."""

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the changed picture in pixels."""
        ...

    def box(self, box_xyxy_px: BoxXYXY) -> BoxXYXY:
        """Where a box of the picture is afterwards."""
        ...

    def region(self, region: Region) -> Region:
        """Where a region of the picture is afterwards."""
        ...


Draw = Callable[[Example, np.random.Generator], Change | None]
"""Draws a change that suits an example; None where there is none."""


def applied(example: Example, change: Change) -> Example:
    """The example of the changed picture: its size, its target, and one more edit to come.

    Args:
        example: as the picture was.
        change: drawn for this example.
    """
    return replace(
        example,
        image_wh=change.size_wh,
        target=_moved(example.target, change),
        edits=(*example.edits, change),
    )


def _moved(target: Target, change: Change) -> Target:
    if not isinstance(target, BoxesTarget):
        return target
    return replace(
        target,
        boxes_xyxy_px=tuple(change.box(box) for box in target.boxes_xyxy_px),
        mask=_moved_mask(target.mask, change),
        ignore=_moved_mask(target.ignore, change),
    )


def _moved_mask(mask: Mask | None, change: Change) -> Mask | None:
    if mask is None:
        return None
    region = change.region(coco_mask.decode({"size": list(mask.size_hw), "counts": mask.counts.encode()}))
    encoded = coco_mask.encode(np.asfortranarray(region, dtype=np.uint8))
    height, width = region.shape
    return Mask((height, width), encoded["counts"].decode("ascii"))


def kept_boxes(target: Target) -> list[BoxXYXY]:
    """What of a picture must stay whole: the boxes of a target, and the box around its mask.

    Args:
        target: a class has no place in its picture, so nothing must.
    """
    if not isinstance(target, BoxesTarget):
        return []
    boxes = list(target.boxes_xyxy_px)
    if target.mask is not None:
        size, counts = list(target.mask.size_hw), target.mask.counts.encode()
        x, y, width, height = map(float, coco_mask.toBbox({"size": size, "counts": counts}))
        boxes += [(x, y, x + width, y + height)] if width and height else []
    return boxes
