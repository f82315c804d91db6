"""gIoU and cIoU of segmentations as LISA measures them (arXiv 2308.00692, section 5.1 and its code).

gIoU is the mean of each question's IoU; it has nothing to do with the generalised IoU of boxes. cIoU is the
sum of all intersections over the sum of all unions, which large regions rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pycocotools import mask as coco_mask

from vrft.errors import InputError
from vrft.types import BoxesTarget, Mask


@dataclass(frozen=True)
class Overlap:
    """One answer's region beside the right one, in pixels that count."""

    intersection_px: int
    union_px: int

    @property
    def iou(self) -> float:
        """In [0, 1]; 1 where both regions are empty: seeing nothing where nothing is meant is right."""
        return self.intersection_px / self.union_px if self.union_px else 1.0


def overlap(found: Mask | None, target: Mask | None, ignore: Mask | None = None) -> Overlap:
    """How a region lies over the one that is meant.

    Args:
        found: the answer's region; None where it has none.
        target: the region meant; None where nothing is.
        ignore: pixels left out of intersection and union.

    Returns:
        The pixels of both.

    Raises:
        InputError: the masks are not of one size.

    Example:
        >>> whole, left = Mask((2, 2), "04"), Mask((2, 2), "022")
        >>> overlap(left, whole), overlap(left, whole, ignore=left), overlap(None, None).iou
        (Overlap(intersection_px=2, union_px=4), Overlap(intersection_px=0, union_px=2), 1.0)
    """
    sizes = {mask.size_hw for mask in (found, target, ignore) if mask is not None}
    if len(sizes) > 1:
        told = " and ".join(f"{height} x {width}" for height, width in sorted(sizes))
        raise InputError(
            f"Masks of {told} pixels (height x width) cannot be compared. Make them of one size."
        )
    given = [mask for mask in (found, target) if mask is not None]
    shared = given if len(given) == 2 else []
    return Overlap(_area(shared, True, ignore), _area(given, False, ignore))


def overlap_with(target: BoxesTarget, found: Mask | None) -> Overlap:
    """``overlap`` with the region of a question's target, its ignored pixels left out.

    Args:
        target: what the question asks for.
        found: the answer's region; None where it has none.

    Raises:
        InputError: the target has boxes and no mask, or the masks are not of one size.
    """
    if target.boxes_xyxy_px and target.mask is None:
        raise InputError(
            "A target has boxes but no mask, so no region can be compared with it. Use data with masks, or "
            "the metric 'mean_iou' for boxes."
        )
    return overlap(found, target.mask, target.ignore)


def g_iou(overlaps: Sequence[Overlap]) -> float:
    """Mean of the IoU of each answer, in [0, 1]; NaN without answers.

    LISA's code adds 1e-5 pixels to each union; this does not.

    Example:
        >>> g_iou([Overlap(90, 100), Overlap(1, 10)])
        0.5
    """
    return float(np.mean([one.iou for one in overlaps])) if overlaps else float("nan")


def c_iou(overlaps: Sequence[Overlap]) -> float:
    """Sum of intersections over sum of unions, in [0, 1]; NaN where every region is empty.

    Example:
        >>> round(c_iou([Overlap(90, 100), Overlap(1, 10)]), 4)
        0.8273
    """
    union = sum(one.union_px for one in overlaps)
    return sum(one.intersection_px for one in overlaps) / union if union else float("nan")


def _area(masks: Sequence[Mask], intersect: bool, ignore: Mask | None) -> int:
    """Pixels of the masks' intersection or union, without the ignored ones."""
    if not masks:
        return 0
    region = coco_mask.merge([_runs(mask) for mask in masks], intersect=intersect)
    left_out = coco_mask.area(coco_mask.merge([region, _runs(ignore)], intersect=True)) if ignore else 0
    return int(coco_mask.area(region)) - int(left_out)


def _runs(mask: Mask) -> dict[str, object]:
    return {"size": list(mask.size_hw), "counts": mask.counts.encode("ascii")}
