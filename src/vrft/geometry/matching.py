"""Matching of predicted to labelled boxes, one to one.

The matchers work on lists: an answer has a handful of boxes, and numpy's start-up would cost more than the
matching.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from vrft.errors import InputError

TAU = 0.5
"""A match counts above this IoU: the paper names a threshold without a value, 0.5 is the released code's."""

Rows = Sequence[Sequence[float]]
"""IoU of each prediction (rows) with each label, in [0, 1]."""
Matcher = Callable[[Rows, Sequence[float], float], list[float]]
"""From IoU, confidences and threshold to each prediction's matched IoU."""


def greedy_ious(iou_rows: Rows, confidences: Sequence[float], tau: float = TAU) -> list[float]:
    """Match predictions to labels one to one, most confident first.

    Each prediction takes the free label with the highest IoU, if that IoU is strictly above ``tau``
    (Visual-RFT, section 3.2.1; the released code's ``sort_and_calculate_iou``).

    Args:
        iou_rows: (predictions, labels) in [0, 1].
        confidences: one per prediction; equal ones keep their written order.
        tau: threshold in [0, 1).

    Returns:
        IoU of each prediction's match, in the given order; 0 where it has none.

    Example:
        >>> greedy_ious([[0.6], [0.9]], [0.9, 0.2])
        [0.6, 0.0]
    """
    matched = [0.0] * len(iou_rows)
    free = list(range(len(iou_rows[0]))) if iou_rows else []
    for place in sorted(range(len(confidences)), key=lambda i: -confidences[i]):
        if not free:
            break
        row = iou_rows[place]
        best = max(free, key=row.__getitem__)
        if row[best] > tau:
            matched[place] = row[best]
            free.remove(best)
    return matched


def hungarian_ious(iou_rows: Rows, confidences: Sequence[float] = (), tau: float = 0.0) -> list[float]:
    """Match predictions to labels one to one so that the sum of the IoU that counts is greatest.

    IoU up to ``tau`` counts 0; confidence plays no part. The assignment is scipy's ``linear_sum_assignment``.

    Args:
        iou_rows: (predictions, labels) in [0, 1].
        confidences: not looked at.
        tau: threshold in [0, 1).

    Returns:
        IoU of each prediction's match, in the given order; 0 where it has none.

    Example:
        >>> hungarian_ious([[0.6, 0.55], [0.58, 0.0]])
        [0.55, 0.58]
    """
    counted = [[value if value > tau else 0.0 for value in row] for row in iou_rows]
    best = [max(row, default=0.0) for row in counted]
    wanted = [row.index(top) for row, top in zip(counted, best, strict=True) if top]
    if len(set(wanted)) == len(wanted):
        return best  # each prediction can have the label it fits best: no assignment sums to more
    matched = [0.0] * len(counted)
    rows, columns = linear_sum_assignment(np.asarray(counted), maximize=True)
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        matched[row] = counted[row][column]
    return matched


MATCHERS: Mapping[str, Matcher] = {"greedy": greedy_ious, "hungarian": hungarian_ious}
"""What a reward term's option ``matching`` may name."""


def load_matcher(name: str) -> Matcher:
    """The matcher of a name; InputError where there is none."""
    try:
        return MATCHERS[name]
    except KeyError:
        raise InputError(f"matching: there is no '{name}'. Known: {', '.join(MATCHERS)}.") from None
