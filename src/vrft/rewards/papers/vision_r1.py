"""Vision-R1's criteria for boxes (arXiv 2503.18013, Eq. 5, 6, 8): recall and precision, tightened in stages.

The paper's reward is their sum and a format reward's (Eq. 7). Its released code differs: it hands the rules
GIoU for IoU and averages precision over matched pairs alone, so that surplus boxes are free. This is the
paper. Abstention and unread answers are settled as in ``vrft.rewards.box_rewards``.
"""

from __future__ import annotations

from typing import NamedTuple

from vrft.rewards.matched_boxes import abstention_pay, labelled_boxes, matched_ious, mean
from vrft.types import Answer, Target


class Stage(NamedTuple):
    """Thresholds of one stage of the training: xi_0, xi_1 and xi_2."""

    hit: float
    """IoU of a box that was found."""
    nothing: float
    """Values below earn nothing."""
    full: float
    """Values from here on earn all."""


BEGINNER, ADVANCED = Stage(0.5, 0.5, 0.75), Stage(0.75, 0.75, 0.9)


def differentiated(value: float, stage: Stage) -> float:
    """Stretch the contrast between good and bad answers.

    f(x) = 1 if x >= xi_2, 0 if x < xi_1, x otherwise (arXiv 2503.18013, Eq. 8).

    Args:
        value: an IoU or a recall, in [0, 1].
        stage: its thresholds.

    Returns:
        In [0, 1].

    Example:
        >>> [differentiated(x, BEGINNER) for x in (0.49, 0.5, 0.74, 0.75)]
        [0.0, 0.5, 0.74, 1.0]
    """
    if value >= stage.full:
        return 1.0
    return value if value >= stage.nothing else 0.0


def recall(answer: Answer, target: Target, progress: float = 0.0, step: float = 0.5) -> float:
    """Share of the labels that were found, differentiated.

    R_recall = f(#{labels matched with IoU > xi_0} / #labels), matched by the Hungarian method on boxes alone
    (arXiv 2503.18013, Eq. 5 and 8).

    Args:
        answer: the parsed answer.
        target: the labelled boxes.
        progress: how much of the training is done, from 0 to 1.
        step: where the second, stricter stage begins; 1 leaves it out.

    Returns:
        In [0, 1].

    Example:
        >>> from vrft.types import BoxesTarget
        >>> answer = Answer(True, True, ((0.0, 0.0, 10.0, 6.0),), (1.0,))
        >>> target = BoxesTarget(((0.0, 0.0, 10.0, 10.0),))
        >>> recall(answer, target), recall(answer, target, progress=0.5)
        (1.0, 0.0)
    """
    matched, stage = matched_ious(answer, target, 0.0, "hungarian"), _stage(progress, step)
    labels = labelled_boxes(target)
    if not matched or not labels:
        return abstention_pay(answer, target)
    return differentiated(sum(iou > stage.hit for iou in matched) / len(labels), stage)


def precision(answer: Answer, target: Target, progress: float = 0.0, step: float = 0.5) -> float:
    """Mean quality of all predicted boxes, each differentiated.

    R_prec = (f(iou_1) [iou_1 >= xi_0] + ... + f(iou_M) [iou_M >= xi_0]) / M with M the number of predictions,
    matched or not (arXiv 2503.18013, Eq. 6 and 8).

    Args:
        answer: the parsed answer.
        target: the labelled boxes.
        progress: how much of the training is done, from 0 to 1.
        step: where the second, stricter stage begins; 1 leaves it out.

    Returns:
        In [0, 1].

    Example:
        >>> from vrft.types import BoxesTarget
        >>> answer = Answer(True, True, ((0.0, 0.0, 10.0, 6.0), (50.0, 0.0, 60.0, 10.0)), (1.0, 1.0))
        >>> precision(answer, BoxesTarget(((0.0, 0.0, 10.0, 10.0),)))
        0.3
    """
    matched, stage = matched_ious(answer, target, 0.0, "hungarian"), _stage(progress, step)
    if not matched:
        return abstention_pay(answer, target)
    return mean([differentiated(iou, stage) if iou >= stage.hit else 0.0 for iou in matched])


def _stage(progress: float, step: float) -> Stage:
    return ADVANCED if progress >= step and step < 1 else BEGINNER
