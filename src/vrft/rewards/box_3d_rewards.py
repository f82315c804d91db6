"""Rewards of upright boxes in space. Boxes are matched one to one, and every further one costs.

An answer that could not be read has reward 0; of a target without boxes, one that says so has 1. Every term
raises InputError for a target of another kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import linear_sum_assignment

from vrft.geometry.volumes import iou_matrix_3d
from vrft.types import Answer, Boxes3D, Value, expect
from vrft.types.boxes_3d import Box3D

Match = tuple[Box3D, Box3D, float]
"""A box of an answer, the labelled one, and how well they fit."""


def matched_3d(said: Boxes3D, gold: Boxes3D) -> list[Match]:
    """The pairs of the matching with the greatest sum of IoU, with the IoU of each, which may be 0."""
    ious = iou_matrix_3d(said.each, gold.each, gold.up)
    # Boxes that overlap nothing go to the nearest.
    far = [[1 / (1 + math.dist(a[:3], b[:3])) for b in gold.each] for a in said.each]
    costs = ious + 1e-6 * np.array(far, dtype=float).reshape(ious.shape)
    rows, columns = linear_sum_assignment(costs, maximize=True)
    return [(said.each[i], gold.each[j], float(ious[i, j])) for i, j in zip(rows, columns, strict=True)]


def iou_3d_matched(answer: Answer, target: Value) -> float:
    """Sum of the IoU of matched boxes over the greater number of boxes, in [0, 1].

    R = sum IoU_3D / max(n, m), of volumes and exact for upright boxes; after half a turn it is the same.

    Example:
        >>> box = (0.0, 0.0, 5.0, 2.0, 1.0, 1.0, 0.3)
        >>> gold = Boxes3D((box,))
        >>> [round(iou_3d_matched(Answer(Boxes3D(said)), gold), 6) for said in ((box,), (box, box), ())]
        [1.0, 0.5, 0.0]
    """
    return _mean(answer, target, lambda said, gold: math.fsum(iou for *_, iou in matched_3d(said, gold)))


def closeness_3d(answer: Answer, target: Value) -> float:
    """How near matched centres are, over the greater number of boxes, in [0, 1]; above 0 also apart.

    R = sum exp(-d^2 / (2 s^2)) / max(n, m) with d the distance of the centres and s half of the labelled
    box's diagonal.

    Example:
        >>> gold = Boxes3D(((0.0, 0.0, 5.0, 2.0, 2.0, 1.0, 0.0),))
        >>> beside = Boxes3D(((1.5, 0.0, 5.0, 2.0, 2.0, 1.0, 0.0),))
        >>> round(closeness_3d(Answer(beside), gold), 4)  # d = s = 1.5
        0.6065
    """
    return _mean(
        answer, target, lambda said, gold: math.fsum(_near(a, b) for a, b, _ in matched_3d(said, gold))
    )


def _near(said: Box3D, gold: Box3D) -> float:
    distance, half = math.dist(said[:3], gold[:3]), math.hypot(*gold[3:6]) / 2
    return math.exp(-(distance**2) / (2 * half**2))


def _mean(answer: Answer, target: Value, total: Callable[[Boxes3D, Boxes3D], float]) -> float:
    said, gold = answer.as_(Boxes3D), expect(target, Boxes3D)
    if said is None:
        return 0.0
    most = max(said.size, gold.size)
    return min(total(said, gold) / most, 1.0) if most else 1.0
