"""gIoU and cIoU of segmentations as LISA measures them (arXiv 2308.00692, section 5.1 and its code).

gIoU is the mean of each question's IoU; it has nothing to do with the generalized IoU of boxes. cIoU is the
sum of all intersections over the sum of all unions, which large regions rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vrft.errors import InputError
from vrft.geometry.masks import mask_overlap, merge_masks
from vrft.tasks.metrics.metric import answer_boxes
from vrft.types import Answer, Boxes, Example, Mask, RegionPrompt, Regions, Value


@dataclass(frozen=True)
class Overlap:
    """One answer's region and the right one, in pixels that count."""

    intersection_px: int
    union_px: int
    was_read: bool = True
    """False of an answer that could not be read: it does not say that nothing is there."""

    @property
    def iou(self) -> float:
        """In [0, 1]; 1 where both regions are empty: seeing nothing where nothing is meant is right."""
        return self.intersection_px / self.union_px if self.union_px else float(self.was_read)


def overlap(found: Mask | None, target: Mask | None, ignore: Mask | None = None) -> Overlap:
    """How a region lies over the one that is meant, ignored pixels left out; None has no pixels."""
    if found is not None and target is not None:
        return Overlap(*mask_overlap(found, target, ignore))
    only = found or target
    return Overlap(0, mask_overlap(only, only, ignore)[1] if only is not None else 0)


def labelled_region(target: Value | None) -> tuple[Mask | None, Mask | None] | None:
    """The region that a label means, if any, and the one that does not count; None where it has no mask."""
    if isinstance(target, Boxes):
        return None if target.xyxy_px and target.mask is None else (target.mask, target.ignore)
    if not isinstance(target, Regions):
        return None
    masks = [one.mask for one in target.objects if one.mask is not None]
    if len(masks) < target.size:
        return None
    return merge_masks(masks) if masks else None, target.ignore


def region_target(example: Example) -> tuple[Mask | None, Mask | None]:
    """``labelled_region`` of a question; InputError where it has none."""
    region = labelled_region(example.target)
    if region is None:
        raise InputError(
            f"Question '{example.id}' has no region to compare with. Use data with masks, or leave gIoU and "
            "cIoU out."
        )
    return region


def prompts_of(answer: Answer) -> tuple[RegionPrompt, ...]:
    """What a segmenter is asked with: an answer's boxes, and the points of each where it has any."""
    if isinstance(answer.value, Regions):
        return tuple(one.prompt for one in answer.value.objects)
    return answer_boxes(answer)


def with_masks(answer: Answer, masks: Sequence[Mask | None]) -> Answer:
    """An answer with what a segmenter made of its ``prompts_of``: a mask for each object, or their union."""
    if isinstance(answer.value, Regions):
        objects = zip(answer.value.objects, masks, strict=True)
        value = replace(answer.value, objects=tuple(replace(one, mask=mask) for one, mask in objects))
        return replace(answer, value=value)
    if isinstance(answer.value, Boxes):
        found = [mask for mask in masks if mask is not None]
        return replace(answer, value=replace(answer.value, mask=merge_masks(found) if found else None))
    return answer


def overlap_with(example: Example, found: Mask | None) -> Overlap:
    """``overlap`` with the region that a question asks for, its ignored pixels left out."""
    return overlap(found, *region_target(example))


def g_iou(overlaps: Sequence[Overlap]) -> float:
    """Mean IoU of the answers; NaN without any. LISA's code adds 1e-5 pixels to each union, this does not."""
    return float(np.mean([one.iou for one in overlaps])) if overlaps else float("nan")


def c_iou(overlaps: Sequence[Overlap]) -> float:
    """Sum of intersections over sum of unions, in [0, 1]; NaN where every region is empty."""
    union = sum(one.union_px for one in overlaps)
    return sum(one.intersection_px for one in overlaps) / union if union else float("nan")
