"""What the box rewards share: boxes that were read, their matched IoU, and the pay for an abstention."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vrft.geometry.boxes import iou_rows
from vrft.geometry.matching import TAU, load_matcher
from vrft.types import Answer, BoxesTarget, BoxXYXY, Target


def read_boxes(answer: Answer) -> tuple[BoxXYXY, ...]:
    """The answer's boxes in original pixels; none where it could not be read."""
    return answer.boxes_xyxy_px if answer.parsed else ()


def labelled_boxes(target: Target) -> tuple[BoxXYXY, ...]:
    """The boxes to be found, in original pixels."""
    assert isinstance(target, BoxesTarget)
    return target.boxes_xyxy_px


def matched_ious(answer: Answer, target: Target, tau: float = TAU, matching: str = "greedy") -> list[float]:
    """IoU of each predicted box with its match.

    Args:
        answer: the parsed answer.
        target: the labelled boxes.
        tau: IoU that a match must exceed, in [0, 1).
        matching: a key of ``vrft.geometry.matching.MATCHERS``.

    Returns:
        One a predicted box, in the given order, 0 where it has no match; empty where nothing was read.

    Raises:
        InputError: unknown matching.

    Example:
        >>> answer = Answer(True, True, ((0.0, 0.0, 10.0, 8.0), (50.0, 0.0, 60.0, 8.0)), (1.0, 1.0))
        >>> matched_ious(answer, BoxesTarget(((0.0, 0.0, 10.0, 10.0),)))
        [0.8, 0.0]
    """
    boxes = read_boxes(answer)
    rows = iou_rows(boxes, labelled_boxes(target))
    return load_matcher(matching)(rows, answer.confidences[: len(boxes)], tau)


def abstention_pay(answer: Answer, target: Target) -> float:
    """1 where an answer that names no box is right, 0 where it is not or was not read."""
    return float(answer.abstained and not labelled_boxes(target))


def mean(values: Sequence[float], count: int | None = None) -> float:
    """Sum of the values over their number, or over ``count``; numpy's sum, alike in every Python version.

    Example:
        >>> mean([0.5, 1.0]), mean([0.5, 1.0], count=3)
        (0.75, 0.5)
    """
    return float(np.add.reduce(values)) / (len(values) if count is None else count)
