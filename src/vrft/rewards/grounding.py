"""Grounding rewards: one box against the box that an instruction refers to."""

from __future__ import annotations

import numpy as np

from vrft.geometry.boxes import area, as_array, iou_matrix
from vrft.types import Answer, BoxesTarget, Target


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
    low, high = np.minimum(first[:, :2], labels[:, :2]), np.maximum(first[:, 2:], labels[:, 2:])
    around = area(np.concatenate([low, high], axis=1))
    iou = iou_matrix(first, labels)[0]
    # |A u B| = (|A| + |B|) / (1 + IoU), because |A n B| = IoU |A u B|.
    union = (area(first) + area(labels)) / (1 + iou)
    giou = iou - 1 + np.divide(union, around, out=np.zeros_like(around), where=around > 0)
    return float(np.clip((giou + 1) / 2, 0, 1).max(initial=0.0))


def _first_and_labels(answer: Answer, target: Target) -> tuple[np.ndarray, np.ndarray]:
    """(0 or 1, 4) and (m, 4), in original pixels."""
    assert isinstance(target, BoxesTarget)
    first = answer.boxes_xyxy_px[:1] if answer.parsed else ()
    return as_array(first), as_array(target.boxes_xyxy_px)
