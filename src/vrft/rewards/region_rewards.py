"""Grounding rewards: one box, or one point, against the region that an instruction refers to."""

from __future__ import annotations

import numpy as np
from pycocotools import mask as coco_mask

from vrft.errors import InputError
from vrft.geometry.boxes import as_array, giou_matrix, iou_matrix
from vrft.types import Answer, BoxesTarget, Mask, Target


def iou_first(answer: Answer, target: Target) -> float:
    """IoU of the answer's first box with the target.

    R_IoU = |A n B| / |A u B|, without a threshold (Visual-RFT prints no equation for grounding; its
    section 3.2.1 names IoU, and so does its released LISA checkpoint).

    Args:
        answer: the parsed answer.
        target: the labelled box; of several the one that fits best.

    Returns:
        In [0, 1]; 0 where no box could be read.

    Example:
        >>> answer = Answer(True, True, ((0.0, 0.0, 10.0, 8.0),), (1.0,))
        >>> iou_first(answer, BoxesTarget(((0.0, 0.0, 10.0, 10.0),)))
        0.8
    """
    first, labels = _first_and_labels(answer, target)
    return float(iou_matrix(first, labels).max(initial=0.0))


def giou_scaled(answer: Answer, target: Target) -> float:
    """Generalised IoU of the answer's first box with the target, brought to [0, 1].

    R = (GIoU + 1) / 2 with GIoU = IoU - (|C| - |A u B|) / |C| and C the smallest box around both
    (Rezatofighi et al. 2019, arXiv 1902.09630). The released LISA script pays GIoU + 1; there inverted
    corners earn without bound, here they are no box.

    Args:
        answer: the parsed answer.
        target: the labelled box; of several the one that fits best.

    Returns:
        In [0, 1]; 0 where no box could be read.

    Example:
        >>> apart = Answer(True, True, ((0.0, 0.0, 10.0, 10.0),), (1.0,))
        >>> giou_scaled(apart, BoxesTarget(((30.0, 0.0, 40.0, 10.0),)))
        0.25
    """
    first, labels = _first_and_labels(answer, target)
    if not len(first):
        return 0.0
    return float(np.clip((giou_matrix(first, labels) + 1) / 2, 0, 1).max(initial=0.0))


def point_in_box(answer: Answer, target: Target) -> float:
    """Whether the answer points into the labelled box.

    1 if x1 <= x <= x2 and y1 <= y <= y2 for the answer's first point, or, where it gives a box, for that
    box's centre (the click accuracy of interface grounding, SeeClick, arXiv 2401.10935).

    Args:
        answer: the parsed answer.
        target: the labelled box; of several any.

    Returns:
        0 or 1; 0 where neither point nor box could be read.

    Example:
        >>> target = BoxesTarget(((0.0, 0.0, 10.0, 10.0),))
        >>> point_in_box(Answer(True, True, points_xy_px=((4.0, 10.0),)), target)
        1.0
        >>> point_in_box(Answer(True, True, ((0.0, 0.0, 30.0, 10.0),), (1.0,)), target)
        0.0
    """
    assert isinstance(target, BoxesTarget)
    point = _point(answer)
    if point is None:
        return 0.0
    x, y = point
    return float(any(x1 <= x <= x2 and y1 <= y <= y2 for x1, y1, x2, y2 in target.boxes_xyxy_px))


def iou_mask(answer: Answer, target: Target) -> float:
    """IoU of the answer's first box, filled, with the labelled region.

    R = |A n M| / |A u M|, counted by pycocotools in pixels whose centre lies within (LISA, arXiv 2308.00692,
    measures masks so). A box earns 1 only where the region is one. Pixels of the target's ignored region are
    not counted, as in LISA's evaluation.

    Args:
        answer: the parsed answer.
        target: with its region.

    Returns:
        In [0, 1]; 0 where no box could be read.

    Raises:
        InputError: the target has boxes alone.

    Example:
        >>> from vrft.types import Mask
        >>> left_half = np.zeros((20, 40), order="F", dtype=np.uint8)
        >>> left_half[:, :20] = 1
        >>> mask = Mask((20, 40), coco_mask.encode(left_half)["counts"].decode())
        >>> target = BoxesTarget(((0.0, 0.0, 20.0, 20.0),), mask)
        >>> iou_mask(Answer(True, True, ((0.0, 0.0, 20.0, 10.0),), (1.0,)), target)
        0.5
    """
    assert isinstance(target, BoxesTarget)
    if target.mask is None:
        raise InputError(
            "iou_mask: this target has boxes but no mask. Give masks in the labels, or use the term 'iou'."
        )
    if not answer.parsed or not answer.boxes_xyxy_px:
        return 0.0
    height, width = target.mask.size_hw
    x1, y1, x2, y2 = answer.boxes_xyxy_px[0]
    box = coco_mask.frPyObjects(np.array([[x1, y1, x2 - x1, y2 - y1]]), height, width)[0]
    region = _encoded(target.mask)
    union, intersection = (coco_mask.merge([box, region], intersect=both) for both in (False, True))
    areas = coco_mask.area([union, intersection]).astype(float)
    if target.ignore is not None:
        ignored = _encoded(target.ignore)
        parts = [coco_mask.merge([area, ignored], intersect=True) for area in (union, intersection)]
        areas -= coco_mask.area(parts)
    return float(areas[1] / areas[0]) if areas[0] else 0.0


def _encoded(mask: Mask) -> dict[str, object]:
    """A mask as pycocotools has it."""
    return {"size": list(mask.size_hw), "counts": mask.counts.encode()}


def _point(answer: Answer) -> tuple[float, float] | None:
    """Where the answer points, in original pixels."""
    # A point is no answer to a question for a box, and is not counted as read there; here it is one.
    if answer.points_xy_px:
        return answer.points_xy_px[0]
    if answer.parsed and answer.boxes_xyxy_px:
        x1, y1, x2, y2 = answer.boxes_xyxy_px[0]
        return ((x1 + x2) / 2, (y1 + y2) / 2)
    return None


def _first_and_labels(answer: Answer, target: Target) -> tuple[np.ndarray, np.ndarray]:
    """(0 or 1, 4) and (m, 4), in original pixels."""
    assert isinstance(target, BoxesTarget)
    first = answer.boxes_xyxy_px[:1] if answer.parsed else ()
    return as_array(first), as_array(target.boxes_xyxy_px)
