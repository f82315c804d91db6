"""Boxes: the only IoU in the project. Arrays of boxes are float64 (n, 4), x1 y1 x2 y2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vrft.types import BoxXYXY


def as_array(boxes_xyxy: Sequence[BoxXYXY]) -> np.ndarray:
    """Boxes as float64 (n, 4); (0, 4) where there are none."""
    return np.asarray(boxes_xyxy, dtype=np.float64).reshape(-1, 4)


def area(boxes_xyxy: np.ndarray) -> np.ndarray:
    """Areas of boxes, (n,); zero for an inverted box."""
    return np.clip(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 0, None).prod(-1)


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
