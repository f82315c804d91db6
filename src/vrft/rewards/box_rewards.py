"""Detection rewards: R_d = R_IoU + R_conf + R_format (Visual-RFT, Eq. 5).

What the paper leaves open is settled alike in every setting: an answer that could not be read earns nothing;
with nothing to be found, an abstention earns 1 for boxes and 1 for confidence; with something to be found,
an abstention earns neither. Every term but ``iou_dense`` has the options ``tau`` (IoU that a match must
exceed) and ``matching`` (``greedy``: most confident first; ``hungarian``: greatest sum of IoU).
"""

from __future__ import annotations

from collections.abc import Callable

from vrft.geometry.matching import TAU
from vrft.rewards.matched_boxes import abstention_pay, labelled_boxes, matched_ious, mean, read_boxes
from vrft.types import Answer, Target


def iou_paper(answer: Answer, target: Target, tau: float = TAU, matching: str = "greedy") -> float:
    """Mean matched IoU over the predicted boxes.

    R_IoU = (iou_1 + ... + iou_n) / n, with n the number of predictions (Visual-RFT, Eq. 6). A prediction is
    matched greedily, most confident first, where its IoU is above 0.5, and counts 0 otherwise. Labels that
    were missed cost nothing; with nothing to be found every box earns 0.

    Args:
        answer: the parsed answer.
        target: the labelled boxes.
        tau: IoU that a match must exceed, in [0, 1).
        matching: ``greedy`` or ``hungarian``.

    Returns:
        In [0, 1].

    Raises:
        InputError: unknown matching.

    Example:
        >>> from vrft.types import BoxesTarget
        >>> answer = Answer(True, True, ((0.0, 0.0, 10.0, 8.0),), (1.0,))
        >>> iou_paper(answer, BoxesTarget(((0.0, 0.0, 10.0, 10.0),)))
        0.8
    """
    matched = matched_ious(answer, target, tau, matching)
    return mean(matched) if matched else abstention_pay(answer, target)


def iou_released(answer: Answer, target: Target, tau: float = TAU, matching: str = "greedy") -> float:
    """Matched IoU over the predictions or the labels, whichever are more.

    R_IoU = (iou_1 + ... + iou_n) / max(n, m), with m the number of labels (the released code's second
    version, which replaced Eq. 6 because that one invites a single safe box).

    Args:
        answer: the parsed answer.
        target: the labelled boxes.
        tau: IoU that a match must exceed, in [0, 1).
        matching: ``greedy`` or ``hungarian``.

    Returns:
        In [0, 1].

    Raises:
        InputError: unknown matching.

    Example:
        >>> from vrft.types import BoxesTarget
        >>> answer = Answer(True, True, ((0.0, 0.0, 10.0, 8.0),), (1.0,))
        >>> iou_released(answer, BoxesTarget(((0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0))))
        0.4
    """
    matched = matched_ious(answer, target, tau, matching)
    if not matched:
        return abstention_pay(answer, target)
    return mean(matched, max(len(matched), len(labelled_boxes(target))))


def iou_dense(answer: Answer, target: Target, matching: str = "hungarian") -> float:
    """Best-matched IoU over the predictions or the labels, whichever are more, without a threshold.

    R_IoU = (iou_1 + ... + iou_n) / max(n, m) under the one-to-one assignment with the greatest sum. The rule
    of ``iou_released`` without its cliff at 0.5: a box that comes nearer earns more, wherever it stands.

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
        >>> iou_dense(answer, BoxesTarget(((0.0, 0.0, 10.0, 10.0),)))
        0.4
    """
    matched = matched_ious(answer, target, 0.0, matching)
    if not matched:
        return abstention_pay(answer, target)
    return mean(matched, max(len(matched), len(labelled_boxes(target))))


def confidence_paper(answer: Answer, target: Target, tau: float = TAU, matching: str = "greedy") -> float:
    """Mean pay for sure hits and unsure misses.

    r_i = c_i if iou_i != 0 else 1 - c_i (Visual-RFT, Eq. 7), R_conf = (r_1 + ... + r_n) / n (Eq. 8). Its
    expectation is linear in c, so that it teaches confidences of 0 or 1, and a wrong box of confidence 0
    earns 1, also with nothing to be found; ``confidence_brier`` mends the first and half of the second.

    Args:
        answer: the parsed answer.
        target: the labelled boxes.
        tau: IoU that a match must exceed, in [0, 1).
        matching: ``greedy`` or ``hungarian``.

    Returns:
        In [0, 1].

    Raises:
        InputError: unknown matching.

    Example:
        >>> from vrft.types import BoxesTarget
        >>> wrong = Answer(True, True, ((50.0, 50.0, 60.0, 60.0),), (0.25,))
        >>> confidence_paper(wrong, BoxesTarget(((0.0, 0.0, 10.0, 10.0),)))
        0.75
    """
    return _mean_pay(answer, target, matched_ious(answer, target, tau, matching), _linear)


def confidence_brier(answer: Answer, target: Target, tau: float = TAU, matching: str = "greedy") -> float:
    """Mean pay that is greatest where a confidence is the probability of a hit.

    r_i = 1 - (h_i - c_i)^2 with h_i = 1 for a matched box and 0 for another, averaged over the predictions
    (one less the Brier score, a proper rule: a box that hits with probability p earns most at c = p). With
    nothing to be found, boxes earn 0 whatever their confidence.

    Args:
        answer: the parsed answer.
        target: the labelled boxes.
        tau: IoU that a match must exceed, in [0, 1).
        matching: ``greedy`` or ``hungarian``.

    Returns:
        In [0, 1].

    Raises:
        InputError: unknown matching.

    Example:
        >>> from vrft.types import BoxesTarget
        >>> wrong = Answer(True, True, ((50.0, 50.0, 60.0, 60.0),), (0.5,))
        >>> confidence_brier(wrong, BoxesTarget(((0.0, 0.0, 10.0, 10.0),)))
        0.75
    """
    if read_boxes(answer) and not labelled_boxes(target):
        return 0.0
    return _mean_pay(answer, target, matched_ious(answer, target, tau, matching), _brier)


def confidence_margin(answer: Answer, target: Target, tau: float = TAU, matching: str = "greedy") -> float:
    """Mean pay that is greatest at the true probability, and never greater for a worse box.

    r_i = (1 + 2 c_i h_i - c_i^2) / 2 with h_i = 1 for a matched box and 0 for another, averaged over the
    predictions. It differs from ``confidence_brier`` by a term of h_i alone, and is therefore proper as well
    (a box that hits with probability p earns most at c = p); but a hit never earns less than a miss of the
    same confidence, and a wrong box earns a half at most, where Brier pays it in full for being unsure. With
    nothing to be found, boxes earn 0.

    Args:
        answer: the parsed answer.
        target: the labelled boxes.
        tau: IoU that a match must exceed, in [0, 1).
        matching: ``greedy`` or ``hungarian``.

    Returns:
        In [0, 1].

    Raises:
        InputError: unknown matching.

    Example:
        >>> from vrft.types import BoxesTarget
        >>> wrong = Answer(True, True, ((50.0, 50.0, 60.0, 60.0),), (0.0,))
        >>> confidence_margin(wrong, BoxesTarget(((0.0, 0.0, 10.0, 10.0),)))
        0.5
    """
    if read_boxes(answer) and not labelled_boxes(target):
        return 0.0
    return _mean_pay(answer, target, matched_ious(answer, target, tau, matching), _margin)


def _linear(hit: bool, confidence: float) -> float:
    return confidence if hit else 1 - confidence


def _brier(hit: bool, confidence: float) -> float:
    return 1 - (hit - confidence) * (hit - confidence)


def _margin(hit: bool, confidence: float) -> float:
    return (1 + 2 * confidence * hit - confidence * confidence) / 2


def _mean_pay(
    answer: Answer, target: Target, matched: list[float], pay: Callable[[bool, float], float]
) -> float:
    if not matched:
        return abstention_pay(answer, target)
    return mean([pay(iou > 0, c) for iou, c in zip(matched, answer.confidences, strict=True)])
