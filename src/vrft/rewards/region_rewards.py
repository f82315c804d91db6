"""Grounding rewards: one box, or one point, against the region that an instruction refers to.

Where a target has several boxes, the one that fits best counts. An answer that could not be read has reward
0. Every term raises InputError for a target that is not boxes.
"""

from __future__ import annotations

import numpy as np

from vrft.errors import InputError
from vrft.geometry.boxes import as_array, giou_matrix, iou_matrix
from vrft.geometry.masks import mask_of_boxes, mask_overlap
from vrft.rewards.matched_boxes import boxes_of, labelled_boxes
from vrft.types import Answer, Boxes, Points, PointXY, Value, expect


def iou_first(answer: Answer, target: Value) -> float:
    """IoU of the answer's first box with the target, in [0, 1].

    R_IoU = |A n B| / |A u B|, without a threshold (Visual-RFT prints no equation for grounding; its
    section 3.2.1 names IoU, and so does its released LISA checkpoint).

    Example:
        >>> answer = Answer(Boxes(((0.0, 0.0, 10.0, 8.0),), (1.0,)), True)
        >>> iou_first(answer, Boxes(((0.0, 0.0, 10.0, 10.0),)))
        0.8
    """
    first, labels = _first_and_labels(answer, target)
    return float(iou_matrix(first, labels).max(initial=0.0))


def giou_scaled(answer: Answer, target: Value) -> float:
    """Generalized IoU of the answer's first box with the target, brought to [0, 1].

    R = (GIoU + 1) / 2 with GIoU = IoU - (|C| - |A u B|) / |C| and C the smallest box around both
    (Rezatofighi et al. 2019, arXiv 1902.09630). The released LISA script gives GIoU + 1; there the reward of
    inverted corners has no bound, here they are not a box.

    Example:
        >>> apart = Answer(Boxes(((0.0, 0.0, 10.0, 10.0),), (1.0,)), True)
        >>> giou_scaled(apart, Boxes(((30.0, 0.0, 40.0, 10.0),)))
        0.25
    """
    first, labels = _first_and_labels(answer, target)
    if not len(first):
        return 0.0
    return float(np.clip((giou_matrix(first, labels) + 1) / 2, 0, 1).max(initial=0.0))


def point_in_box(answer: Answer, target: Value) -> float:
    """Whether the answer points into the labelled box, 0 or 1.

    1 if x1 <= x <= x2 and y1 <= y <= y2 for the answer's first point, or, where it gives a box, for that
    box's center (the click accuracy of interface grounding, SeeClick, arXiv 2401.10935).

    Example:
        >>> target = Boxes(((0.0, 0.0, 10.0, 10.0),))
        >>> point_in_box(Answer(other=Points(((4.0, 10.0),))), target)
        1.0
        >>> point_in_box(Answer(Boxes(((0.0, 0.0, 30.0, 10.0),), (1.0,)), True), target)
        0.0
    """
    labels, point = labelled_boxes(target), _point(answer)
    if point is None:
        return 0.0
    x, y = point
    return float(any(x1 <= x <= x2 and y1 <= y <= y2 for x1, y1, x2, y2 in labels))


def iou_mask(answer: Answer, target: Value) -> float:
    """IoU of the answer's first box, filled, with the labelled region, in [0, 1].

    R = |A n M| / |A u M|, counted by pycocotools in pixels whose center lies within (LISA, arXiv 2308.00692,
    measures masks so). A box has reward 1 only where the region is one. Pixels of the target's ignored region
    are not counted, as in LISA's evaluation.

    Raises:
        InputError: the target has boxes alone.

    Example:
        >>> from vrft.geometry.masks import mask_of_region
        >>> left_half = np.zeros((20, 40), dtype=bool)
        >>> left_half[:, :20] = True
        >>> target = Boxes(((0.0, 0.0, 20.0, 20.0),), mask=mask_of_region(left_half))
        >>> iou_mask(Answer(Boxes(((0.0, 0.0, 20.0, 10.0),), (1.0,)), True), target)
        0.5
    """
    region = expect(target, Boxes)
    if region.mask is None:
        raise InputError(
            "iou_mask: this target has boxes but no mask. Give masks in the labels, or use the term 'iou'."
        )
    first = boxes_of(answer).xyxy_px[:1]
    if not first:
        return 0.0
    shared, union = mask_overlap(mask_of_boxes(first, region.mask.size_hw), region.mask, region.ignore)
    return shared / union if union else 0.0


def _point(answer: Answer) -> PointXY | None:
    # A point does not answer a question for a box, and is not its value there; here it counts.
    if (points := answer.find(Points)) and points.xy_px:
        return points.xy_px[0]
    if boxes := boxes_of(answer).xyxy_px:
        x1, y1, x2, y2 = boxes[0]
        return ((x1 + x2) / 2, (y1 + y2) / 2)
    return None


def _first_and_labels(answer: Answer, target: Value) -> tuple[np.ndarray, np.ndarray]:
    """(0 or 1, 4) and (m, 4), in pixels of the file."""
    return as_array(boxes_of(answer).xyxy_px[:1]), as_array(labelled_boxes(target))
