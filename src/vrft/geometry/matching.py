"""Matching of predicted to labelled boxes."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

TAU = 0.5
"""A match counts above this IoU: the paper names a threshold without its value, the released code has 0.5."""


def match_greedy(iou_matrix: np.ndarray, confidences: np.ndarray, tau: float = TAU) -> np.ndarray:
    """Match predictions to labels one to one, most confident first.

    Each prediction takes the free label with the highest IoU, if that IoU is strictly above ``tau``
    (Visual-RFT, section 3.2.1; the released code's ``sort_and_calculate_iou``).

    Args:
        iou_matrix: (predictions, labels) in [0, 1].
        confidences: (predictions,); equal ones keep their written order.
        tau: threshold in [0, 1).

    Returns:
        (predictions,) IoU of each prediction's match, in the given order; 0 where it has none.

    Example:
        >>> match_greedy(np.array([[0.6], [0.9]]), np.array([0.9, 0.2])).tolist()
        [0.6, 0.0]
    """
    matched = np.zeros(len(iou_matrix))
    free = np.ones(iou_matrix.shape[1], dtype=bool)
    for row in np.argsort(-confidences, kind="stable"):
        if not free.any():
            break
        best = int(np.argmax(np.where(free, iou_matrix[row], -1.0)))
        if iou_matrix[row, best] > tau:
            matched[row] = iou_matrix[row, best]
            free[best] = False
    return matched


def match_hungarian(iou_matrix: np.ndarray) -> np.ndarray:
    """Match predictions to labels one to one so that the sum of IoU is greatest.

    Confidence plays no part, and no threshold: the assignment is scipy's ``linear_sum_assignment``.

    Args:
        iou_matrix: (predictions, labels) in [0, 1].

    Returns:
        (predictions,) IoU of each prediction's match, in the given order; 0 where it has none.

    Example:
        >>> match_hungarian(np.array([[0.6, 0.5], [0.9, 0.0]])).tolist()
        [0.5, 0.9]
    """
    matched = np.zeros(len(iou_matrix))
    rows, columns = linear_sum_assignment(iou_matrix, maximize=True)
    matched[rows] = iou_matrix[rows, columns]
    return matched
