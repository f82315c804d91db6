"""VLM-R1's rewards for open-vocabulary detection (arXiv 2504.07615 and its released code).

A question here asks for one category, so that the release's second hole, predicted categories that do not
exist and cost nothing, cannot arise. Abstention and unread answers are settled as in
``vrft.rewards.box_rewards``, which is VLM-R1's rule too: both sides empty earns 1, one of them 0.
"""

from __future__ import annotations

from vrft.geometry.boxes import iou_rows
from vrft.geometry.matching import TAU, greedy_ious
from vrft.rewards.answer_precision import THRESHOLDS, average_precision
from vrft.rewards.matched_boxes import abstention_pay, labelled_boxes, mean, read_boxes
from vrft.types import Answer, Target


def length_share(labels: int, predictions: int) -> float:
    """The penalty for boxes too many, s_ovd = min(1, L_gt / L_pred) ('odLength', arXiv 2504.07615).

    Args:
        labels: number of labelled boxes.
        predictions: number of predicted boxes, at least 1.

    Returns:
        In [0, 1].

    Example:
        >>> length_share(2, 10), length_share(2, 1)
        (0.2, 1.0)
    """
    return min(1.0, labels / predictions)


def ap(answer: Answer, target: Target, od_length: bool = True) -> float:
    """COCO AP of this one answer, times the penalty for boxes too many.

    R = s_ovd AP, with AP averaged over IoU .50:.05:.95 and every box of score 1, so that confidence plays no
    part (arXiv 2504.07615).

    Args:
        answer: the parsed answer.
        target: the labelled boxes.
        od_length: multiply by s_ovd; without it surplus boxes after the right ones are free.

    Returns:
        In [0, 1].

    Example:
        >>> from vrft.types import BoxesTarget
        >>> good, far = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0)
        >>> answer = Answer(True, True, (good, far), (1.0, 1.0))
        >>> ap(answer, BoxesTarget((good,))), ap(answer, BoxesTarget((good,)), od_length=False)
        (0.5, 1.0)
    """
    return _ap(answer, target, THRESHOLDS, od_length)


def ap50(answer: Answer, target: Target, od_length: bool = True) -> float:
    """As ``ap``, at IoU 0.5 alone.

    Args:
        answer: the parsed answer.
        target: the labelled boxes.
        od_length: multiply by s_ovd.

    Returns:
        In [0, 1].

    Example:
        >>> from vrft.types import BoxesTarget
        >>> answer = Answer(True, True, ((0.0, 0.0, 10.0, 6.0),), (1.0,))
        >>> ap50(answer, BoxesTarget(((0.0, 0.0, 10.0, 10.0),)))
        1.0
    """
    return _ap(answer, target, THRESHOLDS[:1], od_length)


def weighted_sum(
    answer: Answer, target: Target, alpha: float = 0.7, gamma: float = 0.3, tau: float = TAU
) -> float:
    """Weighted mean of position and completeness.

    R = (alpha pos + gamma compl) / (alpha + gamma): pos = sum of matched IoU over the number of labels, compl
    = 1 - (share of labels missed + share of boxes without a label) / 2. The released code's ``weighted_sum``,
    whose third part, the label, has weight 0; boxes are matched greedily in their written order.

    Args:
        answer: the parsed answer.
        target: the labelled boxes.
        alpha: weight of the position, 0 or more.
        gamma: weight of the completeness, 0 or more; not both 0.
        tau: IoU that a match must exceed.

    Returns:
        In [0, 1].

    Example:
        >>> from vrft.types import BoxesTarget
        >>> answer = Answer(True, True, ((0.0, 0.0, 10.0, 8.0), (50.0, 0.0, 60.0, 10.0)), (1.0, 1.0))
        >>> round(weighted_sum(answer, BoxesTarget(((0.0, 0.0, 10.0, 10.0),))), 3)  # .7 * .8 + .3 * .75
        0.785
    """
    boxes, labels = read_boxes(answer), labelled_boxes(target)
    if not boxes or not labels:
        return abstention_pay(answer, target)
    matched = greedy_ious(iou_rows(boxes, labels), [1.0] * len(boxes), tau)
    hits = sum(iou > 0 for iou in matched)
    completeness = (hits / len(labels) + hits / len(boxes)) / 2
    return (alpha * mean(matched, len(labels)) + gamma * completeness) / (alpha + gamma)


def _ap(answer: Answer, target: Target, thresholds: tuple[float, ...], od_length: bool) -> float:
    boxes, labels = read_boxes(answer), labelled_boxes(target)
    if not boxes or not labels:
        return abstention_pay(answer, target)
    rows = iou_rows(boxes, labels)
    found = mean([average_precision(rows, len(labels), threshold) for threshold in thresholds])
    return found * (length_share(len(labels), len(boxes)) if od_length else 1.0)
