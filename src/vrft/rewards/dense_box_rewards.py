"""Detection rewards without a cliff at IoU 0.5: terms that a configuration may add to a setting.

Abstention and unread answers are settled as in ``vrft.rewards.box_rewards``; boxes earn 0 where there is
nothing to be found.
"""

from __future__ import annotations

import numpy as np

from vrft.geometry.boxes import as_array, giou_matrix, iou_rows
from vrft.geometry.matching import load_matcher
from vrft.rewards.answer_precision import THRESHOLDS
from vrft.rewards.matched_boxes import abstention_pay, labelled_boxes, matched_ious, mean, read_boxes
from vrft.types import Answer, Target


def iou_ladder(answer: Answer, target: Target, matching: str = "hungarian") -> float:
    """Matched IoU, each measured against COCO's ten thresholds and paid in part below them.

    R = (s_1 + ... + s_n) / max(n, m) with s_i = mean over t in .50, .55, ..., .95 of min(iou_i / t, 1), n
    predictions and m labels. Ours, after the thresholds of COCO's AP: where that metric has ten steps, every
    rung is paid for in proportion, so that the pay rises with IoU up to 0.95.

    Args:
        answer: the parsed answer.
        target: the labelled boxes.
        matching: ``greedy`` or ``hungarian``.

    Returns:
        In [0, 1].

    Raises:
        InputError: unknown matching.

    Example:
        >>> from vrft.types import BoxesTarget
        >>> answer = Answer(True, True, ((0.0, 0.0, 10.0, 4.0),), (1.0,))
        >>> round(iou_ladder(answer, BoxesTarget(((0.0, 0.0, 10.0, 10.0),))), 4)  # mean of .4/.50 to .4/.95
        0.575
    """
    matched = matched_ious(answer, target, 0.0, matching)
    if not matched:
        return abstention_pay(answer, target)
    rungs = [float(np.minimum(iou / np.array(THRESHOLDS), 1.0).mean()) for iou in matched]
    return mean(rungs, max(len(matched), len(labelled_boxes(target))))


def giou_matched(answer: Answer, target: Target, matching: str = "hungarian") -> float:
    """Matched generalised IoU, brought to [0, 1], over the predictions or the labels, whichever are more.

    R = (g_1 + ... + g_n) / max(n, m) with g = (GIoU + 1) / 2 (Rezatofighi et al. 2019, arXiv 1902.09630)
    of each one-to-one pair. It tells a near miss from a far one, but a box of IoU 0 earns up to 0.5: weigh it
    low, beside a term that pays nothing for such boxes.

    Args:
        answer: the parsed answer.
        target: the labelled boxes.
        matching: ``greedy`` or ``hungarian``, by g.

    Returns:
        In [0, 1].

    Raises:
        InputError: unknown matching.

    Example:
        >>> from vrft.types import BoxesTarget
        >>> apart = Answer(True, True, ((0.0, 0.0, 10.0, 10.0),), (1.0,))
        >>> giou_matched(apart, BoxesTarget(((30.0, 0.0, 40.0, 10.0),)))
        0.25
    """
    boxes, labels = read_boxes(answer), labelled_boxes(target)
    if not boxes:
        return abstention_pay(answer, target)
    scaled = np.clip((giou_matrix(as_array(boxes), as_array(labels)) + 1) / 2, 0, 1)
    matched = load_matcher(matching)(scaled.tolist(), answer.confidences[: len(boxes)], 0.0)
    return mean(matched, max(len(boxes), len(labels)))


def f1_thresholds(answer: Answer, target: Target, matching: str = "hungarian") -> float:
    """F1 of predicted against labelled boxes, averaged over COCO's ten IoU thresholds.

    R = mean over t in .50, .55, ..., .95 of 2 TP_t / (n + m), with TP_t the one-to-one matches of IoU above
    t, n predictions and m labels. Boxes too many and boxes too few cost alike. Perception-R1 (arXiv
    2504.07954) pays F1 of matched boxes; the average over COCO's thresholds is ours.

    Args:
        answer: the parsed answer.
        target: the labelled boxes.
        matching: ``greedy`` or ``hungarian``.

    Returns:
        In [0, 1].

    Raises:
        InputError: unknown matching.

    Example:
        >>> from vrft.types import BoxesTarget
        >>> answer = Answer(True, True, ((0.0, 0.0, 10.0, 7.2),), (1.0,))
        >>> f1_thresholds(answer, BoxesTarget(((0.0, 0.0, 10.0, 10.0),)))  # above .50, .55, .60, .65, .70
        0.5
    """
    boxes, labels = read_boxes(answer), labelled_boxes(target)
    if not boxes:
        return abstention_pay(answer, target)
    match, rows = load_matcher(matching), iou_rows(boxes, labels)
    confidences = answer.confidences[: len(boxes)]
    true = [sum(iou > 0 for iou in match(rows, confidences, tau)) for tau in THRESHOLDS]
    return mean([2 * t / (len(boxes) + len(labels)) for t in true])
