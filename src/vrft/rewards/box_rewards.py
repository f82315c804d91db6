"""Detection rewards: R_d = R_IoU + R_conf + R_format (Visual-RFT, Eq. 5), and further terms.

With n predictions, m labels, and iou_i the IoU of prediction i with its match:

===================  =========  =============  ===========  ==========================================
term                 matching   IoU above      divided by   each match counts
===================  =========  =============  ===========  ==========================================
``iou_paper``        greedy     0.5 (``tau``)  n            iou_i
``iou_released``     greedy     0.5 (``tau``)  max(n, m)    iou_i
``iou_dense``        hungarian  0              max(n, m)    iou_i
``iou_ladder``       hungarian  0              max(n, m)    mean over t of min(iou_i / t, 1)
``giou_matched``     hungarian  -              max(n, m)    (GIoU + 1) / 2
``f1_thresholds``    hungarian  each t         (n + m) / 2  1, averaged over t
``iou_f1``           hungarian  0              (n + m) / 2  iou_i
``confidence_*``     greedy     0.5 (``tau``)  n            a rule of hit and confidence
``confidence_gain``  greedy     0.5 (``tau``)  m            a rule of hit and confidence
===================  =========  =============  ===========  ==========================================

t runs over COCO's thresholds .50, .55, ..., .95. Options: ``matching`` (``greedy``: most confident first;
``hungarian``: greatest sum of IoU) and, where the table names it, ``tau`` in [0, 1). Every term lies in
[0, 1].

Where the labelled boxes have names (several classes in one question), a box matches those of its own name
alone; ``giou_matched`` does not look at names.

An equal box that is written again is one more prediction: its label is taken, so it counts 0 for IoU and as a
miss for confidence, and n counts it (Eq. 6 and 8), as COCO's AP does. What the paper leaves open is settled
alike in every term: an answer that could not be read has reward 0; with nothing to be found, an abstention
has 1 for boxes and 1 for confidence; with something to be found, it has neither. Every term raises InputError
for an unknown matching and for a target that is not boxes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vrft.geometry.boxes import as_array, giou_matrix
from vrft.geometry.matching import TAU, load_matcher
from vrft.rewards.matched_boxes import (
    THRESHOLDS,
    abstention_reward,
    boxes_of,
    labelled_boxes,
    matched_ious,
    mean,
    mean_of_matches,
    overlaps,
)
from vrft.types import Answer, Value


def iou_paper(answer: Answer, target: Value, tau: float = TAU, matching: str = "greedy") -> float:
    """Mean matched IoU over the predicted boxes.

    R_IoU = (iou_1 + ... + iou_n) / n, with n the number of predictions (Visual-RFT, Eq. 6). A prediction is
    matched greedily, most confident first, where its IoU is above 0.5, and counts 0 otherwise. Labels that
    were missed cost nothing; with nothing to be found every box counts 0.

    Example:
        >>> from vrft.types import Boxes
        >>> answer = Answer(Boxes(((0.0, 0.0, 10.0, 8.0),), (1.0,)), True)
        >>> iou_paper(answer, Boxes(((0.0, 0.0, 10.0, 10.0),)))
        0.8
    """
    return mean_of_matches(answer, target, matched_ious(answer, target, tau, matching), "predictions")


def iou_released(answer: Answer, target: Value, tau: float = TAU, matching: str = "greedy") -> float:
    """Matched IoU over the predictions or the labels, whichever are more.

    R_IoU = (iou_1 + ... + iou_n) / max(n, m), with m the number of labels (the released code's second
    version, which replaced Eq. 6 because that one invites a single safe box).

    Example:
        >>> from vrft.types import Boxes
        >>> answer = Answer(Boxes(((0.0, 0.0, 10.0, 8.0),), (1.0,)), True)
        >>> iou_released(answer, Boxes(((0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0))))
        0.4
    """
    return mean_of_matches(answer, target, matched_ious(answer, target, tau, matching), "larger")


def iou_dense(answer: Answer, target: Value, matching: str = "hungarian") -> float:
    """Best-matched IoU over the predictions or the labels, whichever are more, without a threshold.

    R_IoU = (iou_1 + ... + iou_n) / max(n, m) under the one-to-one assignment with the greatest sum. The rule
    of ``iou_released`` without its cliff at 0.5: a box that comes nearer has a higher reward, wherever it is.

    Example:
        >>> from vrft.types import Boxes
        >>> answer = Answer(Boxes(((0.0, 0.0, 10.0, 4.0),), (1.0,)), True)
        >>> iou_dense(answer, Boxes(((0.0, 0.0, 10.0, 10.0),)))
        0.4
    """
    return mean_of_matches(answer, target, matched_ious(answer, target, 0.0, matching), "larger")


def iou_f1(answer: Answer, target: Value, matching: str = "hungarian") -> float:
    """Best-matched IoU over the mean of the numbers of predictions and labels, without a threshold.

    R = 2 (iou_1 + ... + iou_n) / (n + m): the Dice coefficient with IoU in place of hits. Ours: where
    ``iou_dense`` leaves surplus boxes free until there are more boxes than labels, here each one costs.

    Example:
        >>> from vrft.types import Boxes
        >>> answer = Answer(Boxes(((0.0, 0.0, 10.0, 10.0), (50.0, 0.0, 60.0, 10.0)), (1.0, 1.0)), True)
        >>> round(iou_f1(answer, Boxes(((0.0, 0.0, 10.0, 10.0),))), 4)
        0.6667
    """
    matched = matched_ious(answer, target, 0.0, matching)
    if not matched:
        return abstention_reward(answer, target)
    return 2 * mean(matched, len(matched) + len(labelled_boxes(target)))


def iou_ladder(answer: Answer, target: Value, matching: str = "hungarian") -> float:
    """Matched IoU, each measured against COCO's ten thresholds and counted in part below them.

    R = (s_1 + ... + s_n) / max(n, m) with s_i = mean over t of min(iou_i / t, 1). Ours, after the thresholds
    of COCO's AP: where that metric has ten steps, every rung counts in proportion, so that the reward rises
    with IoU up to 0.95.

    Example:
        >>> from vrft.types import Boxes
        >>> answer = Answer(Boxes(((0.0, 0.0, 10.0, 4.0),), (1.0,)), True)
        >>> round(iou_ladder(answer, Boxes(((0.0, 0.0, 10.0, 10.0),))), 4)  # mean of .4/.50 to .4/.95
        0.575
    """
    matched = matched_ious(answer, target, 0.0, matching)
    rungs = [float(np.minimum(iou / np.array(THRESHOLDS), 1.0).mean()) for iou in matched]
    return mean_of_matches(answer, target, rungs, "larger")


def giou_matched(answer: Answer, target: Value, matching: str = "hungarian") -> float:
    """Matched generalized IoU, brought to [0, 1], over the predictions or the labels, whichever are more.

    R = (g_1 + ... + g_n) / max(n, m) with g = (GIoU + 1) / 2 (Rezatofighi et al. 2019, arXiv 1902.09630) of
    each one-to-one pair, matched by g. It can tell a near miss from a far one, but a box of IoU 0 has up to
    0.5: give it a low weight, next to a term that is 0 for such boxes.

    Example:
        >>> from vrft.types import Boxes
        >>> apart = Answer(Boxes(((0.0, 0.0, 10.0, 10.0),), (1.0,)), True)
        >>> giou_matched(apart, Boxes(((30.0, 0.0, 40.0, 10.0),)))
        0.25
    """
    boxes, labels = boxes_of(answer), labelled_boxes(target)
    if boxes.is_empty:
        return abstention_reward(answer, target)
    scaled = np.clip((giou_matrix(as_array(boxes.xyxy_px), as_array(labels)) + 1) / 2, 0, 1)
    matched = load_matcher(matching)(scaled.tolist(), boxes.scores, 0.0)
    return mean_of_matches(answer, target, matched, "larger")


def f1_thresholds(answer: Answer, target: Value, matching: str = "hungarian") -> float:
    """F1 of predicted against labelled boxes, averaged over COCO's ten IoU thresholds.

    R = mean over t of 2 TP_t / (n + m), with TP_t the one-to-one matches of IoU above t. Boxes too many and
    boxes too few cost alike. Perception-R1 (arXiv 2504.07954) rewards F1 of matched boxes; the average over
    COCO's thresholds is ours.

    Example:
        >>> from vrft.types import Boxes
        >>> answer = Answer(Boxes(((0.0, 0.0, 10.0, 7.2),), (1.0,)), True)
        >>> f1_thresholds(answer, Boxes(((0.0, 0.0, 10.0, 10.0),)))  # above .50, .55, .60, .65, .70
        0.5
    """
    boxes, labels = boxes_of(answer), labelled_boxes(target)
    if boxes.is_empty:
        return abstention_reward(answer, target)
    match, rows = load_matcher(matching), overlaps(boxes, target)
    true = [sum(iou > 0 for iou in match(rows, boxes.scores, tau)) for tau in THRESHOLDS]
    return mean([2 * t / (len(rows) + len(labels)) for t in true])


def confidence_paper(answer: Answer, target: Value, tau: float = TAU, matching: str = "greedy") -> float:
    """Mean reward of sure hits and unsure misses.

    r_i = c_i if iou_i != 0 else 1 - c_i (Visual-RFT, Eq. 7), R_conf = (r_1 + ... + r_n) / n (Eq. 8). Its
    expectation is linear in c, so that it teaches confidences of 0 or 1, and a wrong box of confidence 0
    has 1, also with nothing to be found; ``confidence_brier`` fixes the first and half of the second.

    Example:
        >>> from vrft.types import Boxes
        >>> wrong = Answer(Boxes(((50.0, 50.0, 60.0, 60.0),), (0.25,)), True)
        >>> confidence_paper(wrong, Boxes(((0.0, 0.0, 10.0, 10.0),)))
        0.75
    """
    return _mean_confidence(answer, target, tau, matching, _linear)


def confidence_brier(answer: Answer, target: Value, tau: float = TAU, matching: str = "greedy") -> float:
    """Mean reward that is greatest where a confidence is the probability of a hit.

    r_i = 1 - (h_i - c_i)^2 with h_i = 1 for a matched box and 0 for another, averaged over the predictions
    (one less the Brier score, a proper rule: for a box that hits with probability p, c = p is best). With
    nothing to be found, boxes have 0 whatever their confidence.

    Example:
        >>> from vrft.types import Boxes
        >>> wrong = Answer(Boxes(((50.0, 50.0, 60.0, 60.0),), (0.5,)), True)
        >>> confidence_brier(wrong, Boxes(((0.0, 0.0, 10.0, 10.0),)))
        0.75
    """
    return _proper_confidence(answer, target, tau, matching, _brier)


def confidence_margin(answer: Answer, target: Value, tau: float = TAU, matching: str = "greedy") -> float:
    """Mean reward that is greatest at the true probability, and never greater for a worse box.

    r_i = (1 + 2 c_i h_i - c_i^2) / 2 with h_i = 1 for a matched box and 0 for another, averaged over the
    predictions. It differs from ``confidence_brier`` by a term of h_i alone, and is therefore proper as well;
    but a hit never has less than a miss of the same confidence, and a wrong box has a half at most, where
    Brier gives it 1 for being unsure. With nothing to be found, boxes have 0.

    Example:
        >>> from vrft.types import Boxes
        >>> wrong = Answer(Boxes(((50.0, 50.0, 60.0, 60.0),), (0.0,)), True)
        >>> confidence_margin(wrong, Boxes(((0.0, 0.0, 10.0, 10.0),)))
        0.5
    """
    return _proper_confidence(answer, target, tau, matching, _margin)


def confidence_gain(answer: Answer, target: Value, tau: float = TAU, matching: str = "greedy") -> float:
    """What a bet on every box wins, over the labels: no box that misses ever raises it.

    R = max(0, (r_1 + ... + r_n) / m) with r_i = c_i (2 h_i - c_i), h_i = 1 for a matched box and 0 for
    another. Ours: for a box that hits with probability p, c = p is best and wins p^2 (a proper rule, that of
    Brier less what is lost without the box). The means of the other rules can be raised by an unsure box that
    misses; this sum cannot. With nothing to be found, boxes have 0.

    Example:
        >>> from vrft.types import Boxes
        >>> answer = Answer(Boxes(((0.0, 0.0, 10.0, 10.0), (50.0, 0.0, 60.0, 10.0)), (1.0, 0.5)), True)
        >>> confidence_gain(answer, Boxes(((0.0, 0.0, 10.0, 10.0),)))  # 1 * (2 - 1) - .5 * .5
        0.75
    """
    matched, labels = matched_ious(answer, target, tau, matching), labelled_boxes(target)
    if not matched or not labels:
        return abstention_reward(answer, target)
    won = [c * (2 * (iou > 0) - c) for iou, c in zip(matched, boxes_of(answer).scores, strict=True)]
    return max(0.0, mean(won, len(labels)))


def _linear(hit: bool, confidence: float) -> float:
    return confidence if hit else 1 - confidence


def _brier(hit: bool, confidence: float) -> float:
    return 1 - (hit - confidence) * (hit - confidence)


def _margin(hit: bool, confidence: float) -> float:
    return (1 + 2 * confidence * hit - confidence * confidence) / 2


_Rule = Callable[[bool, float], float]


def _mean_confidence(answer: Answer, target: Value, tau: float, matching: str, rule: _Rule) -> float:
    matched = matched_ious(answer, target, tau, matching)
    rewards = [rule(iou > 0, c) for iou, c in zip(matched, boxes_of(answer).scores, strict=True)]
    return mean_of_matches(answer, target, rewards, "predictions")


def _proper_confidence(answer: Answer, target: Value, tau: float, matching: str, rule: _Rule) -> float:
    """``_mean_confidence``, but 0 for boxes where there is nothing to be found."""
    if not labelled_boxes(target) and not boxes_of(answer).is_empty:
        return 0.0
    return _mean_confidence(answer, target, tau, matching, rule)
