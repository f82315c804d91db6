"""What the box rewards share: boxes that were read, boxes to be found, their matched IoU, abstention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from pycocotools.cocoeval import Params

from vrft.geometry.boxes import iou_rows
from vrft.geometry.matching import TAU, load_matcher
from vrft.types import Answer, Boxes, BoxXYXY, Value, expect
from vrft.types.names import plain_name

THRESHOLDS: tuple[float, ...] = tuple(Params(iouType="bbox").iouThrs.tolist())
"""COCO's IoU thresholds: .50, .55, ..., .95."""
Over = Literal["predictions", "larger"]
"""What a sum over matches is divided by: n, or max(n, m) with n predictions and m labels."""
_NONE = Boxes()


def boxes_of(answer: Answer) -> Boxes:
    """The answer's boxes, each with a score; none where it could not be read, or says something else."""
    boxes = answer.as_(Boxes) or _NONE
    complete = len(boxes.scores) == len(boxes.xyxy_px)
    return boxes if complete else replace(boxes, scores=(1.0,) * len(boxes.xyxy_px))


def labelled_boxes(target: Value) -> tuple[BoxXYXY, ...]:
    """The boxes to be found, in pixels of the file."""
    return expect(target, Boxes).xyxy_px


def overlaps(boxes: Boxes, target: Value) -> list[list[float]]:
    """IoU of each predicted box with each labelled one; where the labelled ones have names, 0 for a box of
    another name, or of none."""
    labels = expect(target, Boxes)
    rows = iou_rows(boxes.xyxy_px, labels.xyxy_px)
    if not labels.labels:
        return rows
    meant = [plain_name(name or "") for name in labels.labels]
    said = [plain_name(name or "") for name in boxes.labels] or [""] * len(rows)
    return [
        [iou if name and name == other else 0.0 for iou, other in zip(row, meant, strict=True)]
        for name, row in zip(said, rows, strict=True)
    ]


def matched_ious(answer: Answer, target: Value, tau: float = TAU, matching: str = "greedy") -> list[float]:
    """IoU of each predicted box with its match, in the given order; 0 where it has none."""
    boxes = boxes_of(answer)
    return load_matcher(matching)(overlaps(boxes, target), boxes.scores, tau)


def abstention_reward(answer: Answer, target: Value) -> float:
    """1 where an answer that names no box is right, 0 where it is not or was not read."""
    return float(answer.abstained and not labelled_boxes(target))


def mean(values: Sequence[float], count: int | None = None) -> float:
    """Sum of the values over their number, or over ``count``; numpy's sum, alike in every Python version."""
    return float(np.add.reduce(values)) / (len(values) if count is None else count)


def mean_of_matches(answer: Answer, target: Value, values: Sequence[float], over: Over) -> float:
    """A value for each predicted box as one reward; without boxes it is that of an abstention."""
    if not values:
        return abstention_reward(answer, target)
    return mean(values, max(len(values), len(labelled_boxes(target))) if over == "larger" else None)
