"""Metrics of boxes in space: overlap, found boxes, sizes and distances, heading."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vrft.rewards.box_3d_rewards import Match, iou_3d_matched, matched_3d
from vrft.rewards.number_rewards import mean_relative_accuracy
from vrft.tasks.metrics.metric import Metric, mean_of, mean_reward, ratio_of_sums
from vrft.types import Boxes3D, Prediction, expect

FOUND = 0.25
"""IoU from which on a box is found, as on SUN RGB-D and ScanNet."""


def yaw_error(said: float, right: float) -> float:
    """Degrees between two yaws of a box, which half a turn does not change: 0 to 90."""
    return abs(math.degrees(math.remainder(said - right, math.pi)))


def _pairs(one: Prediction) -> tuple[list[Match], int, int]:
    said, gold = one.answer.as_(Boxes3D) or Boxes3D(), expect(one.example.target, Boxes3D)
    return matched_3d(said, gold), said.size, gold.size


def _f1(one: Prediction) -> tuple[float, float]:
    found, said, labelled = _pairs(one)
    return 2 * sum(iou >= FOUND for *_, iou in found), said + labelled


def _mra(one: Prediction) -> float:
    """Of the three sizes and the distance from the origin, over all labelled boxes; a missed one has 0."""
    found, _, labelled = _pairs(one)
    if not labelled:
        return float(one.answer.abstained)
    each = (
        mean_relative_accuracy(a, b, inclusive=True)
        for said, gold, _ in found
        for a, b in zip(_sizes(said), _sizes(gold), strict=True)
    )
    return sum(each) / (4 * labelled)


def _sizes(box: Sequence[float]) -> tuple[float, ...]:
    return (*box[3:6], math.hypot(*box[:3]))


def _yaw(one: Prediction) -> float:
    """Mean over labelled boxes; a missed one is off by 90 degrees."""
    found, _, labelled = _pairs(one)
    errors = [yaw_error(said[6], gold[6]) for said, gold, _ in found]
    return (sum(errors) + 90.0 * (labelled - len(errors))) / labelled if labelled else 0.0


MEAN_IOU = Metric(
    "mean_iou_3d",
    "mean 3-D IoU",
    mean_reward(iou_3d_matched, Boxes3D),
)
F1 = Metric("f1_25", "F1 at 3-D IoU 0.25", ratio_of_sums(_f1))
MRA = Metric("mra", "MRA of sizes and distance", mean_of(_mra))
YAW = Metric("yaw_error", "yaw error", mean_of(_yaw), unit="degrees", higher_is_better=False, negligible=1.0)
METRICS = (MEAN_IOU, F1, MRA, YAW)
