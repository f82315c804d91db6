"""gIoU and cIoU of segmentations as LISA measures them (arXiv 2308.00692, section 5.1 and its code).

gIoU is the mean of each question's IoU; it has nothing to do with the generalized IoU of boxes. cIoU is the
sum of all intersections over the sum of all unions, which large regions rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vrft.errors import InputError
from vrft.geometry.masks import mask_overlap
from vrft.types import Boxes, Example, Mask


@dataclass(frozen=True)
class Overlap:
    """One answer's region and the right one, in pixels that count."""

    intersection_px: int
    union_px: int

    @property
    def iou(self) -> float:
        """In [0, 1]; 1 where both regions are empty: seeing nothing where nothing is meant is right."""
        return self.intersection_px / self.union_px if self.union_px else 1.0


def overlap(found: Mask | None, target: Mask | None, ignore: Mask | None = None) -> Overlap:
    """How a region lies over the one that is meant, ignored pixels left out; None has no pixels."""
    if found is not None and target is not None:
        return Overlap(*mask_overlap(found, target, ignore))
    only = found or target
    return Overlap(0, mask_overlap(only, only, ignore)[1] if only is not None else 0)


def region_target(example: Example) -> Boxes:
    """The label of a question that asks for a region."""
    target = example.target
    if not isinstance(target, Boxes) or (target.xyxy_px and target.mask is None):
        raise InputError(
            f"Question '{example.id}' has no region to compare with. Use data with masks, or leave gIoU and "
            "cIoU out."
        )
    return target


def overlap_with(example: Example, found: Mask | None) -> Overlap:
    """``overlap`` with the region that a question asks for, its ignored pixels left out."""
    target = region_target(example)
    return overlap(found, target.mask, target.ignore)


def g_iou(overlaps: Sequence[Overlap]) -> float:
    """Mean IoU of the answers; NaN without any. LISA's code adds 1e-5 pixels to each union, this does not."""
    return float(np.mean([one.iou for one in overlaps])) if overlaps else float("nan")


def c_iou(overlaps: Sequence[Overlap]) -> float:
    """Sum of intersections over sum of unions, in [0, 1]; NaN where every region is empty."""
    union = sum(one.union_px for one in overlaps)
    return sum(one.intersection_px for one in overlaps) / union if union else float("nan")
