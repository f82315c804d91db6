"""VLM-R1's rewards for open-vocabulary detection, without the holes of its code.

A question here asks for one category, so that the release's second hole, predicted categories that do not
exist and cost nothing, cannot arise. Abstention and unread answers are settled as in
``vrft.rewards.box_rewards``, which is VLM-R1's rule too: both sides empty have 1, one of them 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pycocotools.cocoeval import Params

from vrft.geometry.boxes import iou_rows
from vrft.geometry.matching import TAU, greedy_ious
from vrft.rewards.matched_boxes import THRESHOLDS, abstention_reward, boxes_of, labelled_boxes, mean
from vrft.types import Answer, Value

MAX_DETECTIONS = 100
_RECALLS = Params(iouType="bbox").recThrs


def length_share(labels: int, predictions: int) -> float:
    """The penalty for boxes too many, s_ovd = min(1, L_gt / L_pred) ('odLength', arXiv 2504.07615)."""
    return min(1.0, labels / predictions)


def ap(answer: Answer, target: Value, od_length: bool = True) -> float:
    """COCO AP of this one answer, times the penalty for boxes too many, in [0, 1].

    R = s_ovd AP, with AP averaged over IoU .50:.05:.95 and every box of score 1, so that confidence plays no
    part (arXiv 2504.07615). Without ``od_length`` surplus boxes after the right ones are free.

    Example:
        >>> from vrft.types import Boxes
        >>> good, far = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0)
        >>> answer = Answer(Boxes((good, far), (1.0, 1.0)), True)
        >>> ap(answer, Boxes((good,))), ap(answer, Boxes((good,)), od_length=False)
        (0.5, 1.0)
    """
    return _ap(answer, target, THRESHOLDS, od_length)


def ap50(answer: Answer, target: Value, od_length: bool = True) -> float:
    """As ``ap``, at IoU 0.5 alone.

    Example:
        >>> from vrft.types import Boxes
        >>> answer = Answer(Boxes(((0.0, 0.0, 10.0, 6.0),), (1.0,)), True)
        >>> ap50(answer, Boxes(((0.0, 0.0, 10.0, 10.0),)))
        1.0
    """
    return _ap(answer, target, THRESHOLDS[:1], od_length)


def weighted_sum(
    answer: Answer, target: Value, alpha: float = 0.7, gamma: float = 0.3, tau: float = TAU
) -> float:
    """Weighted mean of position and completeness, in [0, 1].

    R = (alpha pos + gamma compl) / (alpha + gamma): pos = sum of matched IoU over the number of labels, compl
    = 1 - (share of labels missed + share of boxes without a label) / 2. The released code's ``weighted_sum``,
    whose third part, the label, has weight 0; boxes are matched greedily in their written order, above an IoU
    of ``tau``. Neither weight is below 0, nor are both 0.

    Example:
        >>> from vrft.types import Boxes
        >>> answer = Answer(Boxes(((0.0, 0.0, 10.0, 8.0), (50.0, 0.0, 60.0, 10.0)), (1.0, 1.0)), True)
        >>> round(weighted_sum(answer, Boxes(((0.0, 0.0, 10.0, 10.0),))), 3)  # .7 * .8 + .3 * .75
        0.785
    """
    boxes, labels = boxes_of(answer).xyxy_px, labelled_boxes(target)
    if not boxes or not labels:
        return abstention_reward(answer, target)
    matched = greedy_ious(iou_rows(boxes, labels), [1.0] * len(boxes), tau)
    hits = sum(iou > 0 for iou in matched)
    completeness = (hits / len(labels) + hits / len(boxes)) / 2
    return (alpha * mean(matched, len(labels)) + gamma * completeness) / (alpha + gamma)


def average_precision(iou_rows: Sequence[Sequence[float]], labels: int, threshold: float) -> float:
    """COCO's precision of one answer at 101 recall levels, averaged, with boxes ranked as they were written.

    COCO's rule: each box takes the free label with the highest IoU, at least ``threshold``; the first 100
    boxes count; precision is made falling in recall and read at 0, 0.01, ..., 1. The metrics come from
    pycocotools itself; this is its rule on a few boxes, fast enough for a reward.
    """
    hits = np.array(_hits(iou_rows[:MAX_DETECTIONS], labels, threshold), dtype=np.float64)
    true = np.cumsum(hits)
    precision = np.maximum.accumulate((true / np.arange(1.0, len(hits) + 1))[::-1])[::-1]
    reached = np.searchsorted(true / labels, _RECALLS)
    return float(precision[reached[reached < len(hits)]].sum() / len(_RECALLS))


def _ap(answer: Answer, target: Value, thresholds: tuple[float, ...], od_length: bool) -> float:
    boxes, labels = boxes_of(answer).xyxy_px, labelled_boxes(target)
    if not boxes or not labels:
        return abstention_reward(answer, target)
    rows = iou_rows(boxes, labels)
    found = mean([average_precision(rows, len(labels), threshold) for threshold in thresholds])
    return found * (length_share(len(labels), len(boxes)) if od_length else 1.0)


def _hits(iou_rows: Sequence[Sequence[float]], labels: int, threshold: float) -> list[bool]:
    free = list(range(labels))
    hits = []
    for row in iou_rows:
        # Of labels that fit alike, pycocotools takes the last.
        fit, label = max(((row[label], label) for label in free), default=(0.0, -1))
        hits.append(fit >= min(threshold, 1 - 1e-10))
        if hits[-1]:
            free.remove(label)
    return hits
