"""Regions of an image as run-length encoded masks (``pycocotools.mask``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from vrft.errors import InputError
from vrft.types import BoxXYXY, Mask


def mask_of_region(region: np.ndarray) -> Mask:
    """Encode a region.

    Example:
        >>> mask_of_region(np.ones((30, 40), dtype=bool)).size_hw
        (30, 40)
    """
    return _decoded(coco_mask.encode(np.asfortranarray(region, dtype=np.uint8)))


def region_of_mask(mask: Mask) -> np.ndarray:
    """The pixels of a mask, (height, width) of truth values."""
    return np.asarray(coco_mask.decode(mask.rle), dtype=bool)


def mask_of_boxes(boxes_xyxy: Sequence[BoxXYXY], size_hw: tuple[int, int]) -> Mask:
    """The pixels whose center lies in one of some boxes.

    Example:
        >>> mask_area(mask_of_boxes([(0.0, 0.0, 20.0, 10.0), (10.0, 0.0, 30.0, 10.0)], (30, 40)))
        300
    """
    height, width = size_hw
    if not boxes_xyxy:
        return mask_of_region(np.zeros(size_hw, dtype=bool))
    corners = np.array([[x1, y1, x2 - x1, y2 - y1] for x1, y1, x2, y2 in boxes_xyxy], dtype=np.float64)
    return _decoded(coco_mask.merge(coco_mask.frPyObjects(corners, height, width)))


def mask_area(mask: Mask) -> int:
    """Number of pixels."""
    return int(coco_mask.area(mask.rle))


def merge_masks(masks: Sequence[Mask], intersect: bool = False) -> Mask:
    """The union of some masks, or their intersection.

    Raises:
        InputError: they are not of one size.
    """
    sizes = sorted({mask.size_hw for mask in masks})
    if len(sizes) > 1:
        given = " and ".join(f"{height} x {width}" for height, width in sizes)
        raise InputError(
            f"Masks of {given} pixels (height x width) cannot be compared. Make them of one size."
        )
    return _decoded(coco_mask.merge([mask.rle for mask in masks], intersect=intersect))


def mask_overlap(first: Mask, second: Mask, ignore: Mask | None = None) -> tuple[int, int]:
    """Pixels of the intersection and of the union of two masks.

    Raises:
        InputError: they are not of one size.

    Example:
        >>> whole, left = Mask((2, 2), "04"), Mask((2, 2), "022")
        >>> mask_overlap(left, whole), mask_overlap(left, whole, ignore=left)
        ((2, 4), (0, 2))
    """
    found = []
    for intersect in (True, False):
        part = merge_masks([first, second], intersect)
        left_out = mask_area(merge_masks([part, ignore], intersect=True)) if ignore is not None else 0
        found.append(mask_area(part) - left_out)
    return found[0], found[1]


def _decoded(rle: dict[str, Any]) -> Mask:
    height, width = rle["size"]
    return Mask((int(height), int(width)), rle["counts"].decode("ascii"))
