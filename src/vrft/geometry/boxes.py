"""Boxes: the only IoU in the project. Arrays of boxes are float64 (n, 4), x1 y1 x2 y2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vrft.types import BoxXYXY

MANY_PAIRS = 128
"""From here on numpy's start-up is cheaper than one Python call a pair."""


def as_array(boxes_xyxy: Sequence[BoxXYXY]) -> np.ndarray:
    """Boxes as float64 (n, 4); (0, 4) where there are none."""
    return np.asarray(boxes_xyxy, dtype=np.float64).reshape(-1, 4)


def area(boxes_xyxy: np.ndarray) -> np.ndarray:
    """Areas of boxes, (n,); zero for an inverted box."""
    return np.clip(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 0, None).prod(-1)


def iou(a_xyxy: BoxXYXY, b_xyxy: BoxXYXY) -> float:
    """Intersection over union of two boxes, bit for bit that of ``iou_matrix``.

    Args:
        a_xyxy: x1, y1, x2, y2.
        b_xyxy: same units.

    Returns:
        In [0, 1]; 0 for an empty or inverted box.

    Example:
        >>> iou((0.0, 0.0, 10.0, 10.0), (0.0, 5.0, 10.0, 15.0))
        0.3333333333333333
    """
    ax1, ay1, ax2, ay2 = a_xyxy
    bx1, by1, bx2, by2 = b_xyxy
    width = (ax2 if ax2 < bx2 else bx2) - (ax1 if ax1 > bx1 else bx1)
    height = (ay2 if ay2 < by2 else by2) - (ay1 if ay1 > by1 else by1)
    if width <= 0 or height <= 0:
        return 0.0
    overlap = width * height
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - overlap
    return overlap / union if union > 0 else 0.0


def iou_rows(a_xyxy: Sequence[BoxXYXY], b_xyxy: Sequence[BoxXYXY]) -> list[list[float]]:
    """``iou_matrix`` as lists, without numpy for the few boxes of one answer.

    Args:
        a_xyxy: n boxes.
        b_xyxy: m boxes, same units.

    Returns:
        n lists of m numbers in [0, 1].

    Example:
        >>> iou_rows([(0.0, 0.0, 10.0, 10.0)], [(0.0, 0.0, 10.0, 5.0), (20.0, 0.0, 30.0, 10.0)])
        [[0.5, 0.0]]
    """
    if len(a_xyxy) * len(b_xyxy) >= MANY_PAIRS:
        rows: list[list[float]] = iou_matrix(as_array(a_xyxy), as_array(b_xyxy)).tolist()
        return rows
    return [[iou(a, b) for b in b_xyxy] for a in a_xyxy]


def iou_matrix(a_xyxy: np.ndarray, b_xyxy: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair.

    Args:
        a_xyxy: (n, 4).
        b_xyxy: (m, 4), same units.

    Returns:
        (n, m) in [0, 1]; 0 where both boxes are empty.

    Example:
        >>> iou_matrix(as_array([(0, 0, 10, 10)]), as_array([(5, 0, 15, 10)])).round(4).tolist()
        [[0.3333]]
    """
    low = np.maximum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    high = np.minimum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    overlap = np.clip(high - low, 0, None).prod(-1)
    union = area(a_xyxy)[:, None] + area(b_xyxy)[None, :] - overlap
    return np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)


def giou_matrix(a_xyxy: np.ndarray, b_xyxy: np.ndarray) -> np.ndarray:
    """Generalised intersection over union of every pair.

    GIoU = IoU - (|C| - |A u B|) / |C| with C the smallest box around both (Rezatofighi et al. 2019, arXiv
    1902.09630).

    Args:
        a_xyxy: (n, 4), none inverted.
        b_xyxy: (m, 4), same units.

    Returns:
        (n, m) in (-1, 1]; -1 where both boxes are the same point.

    Example:
        >>> giou_matrix(as_array([(0, 0, 10, 10)]), as_array([(20, 0, 30, 10)])).round(4).tolist()
        [[-0.3333]]
    """
    low = np.minimum(a_xyxy[:, None, :2], b_xyxy[None, :, :2])
    high = np.maximum(a_xyxy[:, None, 2:], b_xyxy[None, :, 2:])
    around = np.clip(high - low, 0, None).prod(-1)
    ious = iou_matrix(a_xyxy, b_xyxy)
    # |A u B| = (|A| + |B|) / (1 + IoU), because |A n B| = IoU |A u B|.
    union = (area(a_xyxy)[:, None] + area(b_xyxy)[None, :]) / (1 + ious)
    return ious - 1 + np.divide(union, around, out=np.zeros_like(around), where=around > 0)
