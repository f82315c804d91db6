"""Segmentations as label files write them (polygons, COCO's two run-length forms) made into masks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pycocotools import mask as coco_mask

from vrft.errors import MaskError
from vrft.geometry.boxes import SLACK_PX
from vrft.types import Mask
from vrft.types.run_lengths import run_lengths

_NUMBERS = (float, int)
_FIX = "Fix the segmentation or remove it; the box can stay."


def mask_of(segmentation: object, image_wh: tuple[int, int], where: str) -> Mask | None:
    """A COCO ``segmentation`` as a mask; None where it is empty or covers no pixel."""
    if not segmentation:
        return None
    if isinstance(segmentation, Mapping):
        return _from_runs(segmentation, image_wh, where)
    if not isinstance(segmentation, list):
        raise MaskError("The segmentation is neither polygons nor run lengths.", where, _FIX)
    return polygon_mask(
        segmentation if isinstance(segmentation[0], list) else [segmentation], image_wh, where
    )


def polygon_mask(
    polygons_xy_px: Sequence[Sequence[float]], image_wh: tuple[int, int], where: str
) -> Mask | None:
    """The union of polygons ``x1, y1, x2, y2, ...`` as a mask; None where no pixel is covered."""
    width, height = image_wh
    for polygon in polygons_xy_px:
        if not isinstance(polygon, list | tuple) or len(polygon) % 2 or not all(map(_is_finite, polygon)):
            raise MaskError("A polygon of the segmentation is not pairs of numbers.", where, _FIX)
        xs, ys = polygon[::2], polygon[1::2]
        low, over = min((*xs, *ys), default=0.0), max(max(xs, default=0) - width, max(ys, default=0) - height)
        if low < -SLACK_PX or over > SLACK_PX:
            problem = (
                f"The segmentation is outside its image, which is {width} pixels wide and {height} high."
            )
            raise MaskError(problem, where, _FIX)
    # pycocotools would take two points for a box.
    areas = [list(map(float, polygon)) for polygon in polygons_xy_px if len(polygon) >= 6]
    if not areas:
        return None
    regions = coco_mask.frPyObjects(areas, height, width)
    return _encoded(regions[0] if len(regions) == 1 else coco_mask.merge(regions))


def _from_runs(entry: Mapping[str, Any], image_wh: tuple[int, int], where: str) -> Mask | None:
    width, height = image_wh
    size, counts = entry.get("size"), entry.get("counts")
    if size != [height, width]:
        problem = f"The mask has the size {size}, the image is {height} pixels high and {width} wide."
        raise MaskError(problem, where, "Use the image that was labelled, or remove the segmentation.")
    runs = run_lengths(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(isinstance(n, int) and n >= 0 for n in runs):
        raise MaskError("The counts of the mask are not run lengths.", where, _FIX)
    if sum(runs) != height * width:
        problem = f"The counts of the mask add up to {sum(runs)} pixels, the image has {height * width}."
        raise MaskError(problem, where, _FIX)
    region = coco_mask.frPyObjects({"size": size, "counts": runs}, height, width)
    # A run of nothing between others is allowed, but a mask has one spelling here.
    return _encoded(coco_mask.encode(coco_mask.decode(region)) if 0 in runs[1:] else region)


def _encoded(region: Mapping[str, Any]) -> Mask | None:
    if not int(coco_mask.area(region)):
        return None
    height, width = region["size"]
    return Mask((int(height), int(width)), region["counts"].decode("ascii"))


def _is_finite(value: Any) -> bool:
    # Asked of every corner of every outline; JSON's true and false are neither type.
    return type(value) in _NUMBERS and math.isfinite(value)
