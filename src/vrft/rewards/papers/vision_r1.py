"""Vision-R1's criteria for boxes (arXiv 2503.18013, Eq. 5, 6, 8): recall and precision, tightened in stages.

The paper's reward is their sum and a format reward's (Eq. 7). Its released code differs: it hands the rules
GIoU for IoU and averages precision over matched pairs alone, so that surplus boxes are free. This is the
paper. Abstention and unread answers are settled as in ``vrft.rewards.box_rewards``.
"""

from __future__ import annotations

from typing import NamedTuple

from vrft.rewards.matched_boxes import abstention_reward, labelled_boxes, matched_ious, mean_of_matches
from vrft.types import Answer, Value


class Stage(NamedTuple):
    """Thresholds of one stage of the training: xi_0, xi_1 and xi_2."""

    hit: float
    """IoU of a box that was found."""
    nothing: float
    """Values below count 0."""
    full: float
    """Values from here on count 1."""


BEGINNER, ADVANCED = Stage(0.5, 0.5, 0.75), Stage(0.75, 0.75, 0.9)


def differentiated(value: float, stage: Stage) -> float:
    """Stretch the contrast between good and bad answers.

    f(x) = 1 if x >= xi_2, 0 if x < xi_1, x otherwise (arXiv 2503.18013, Eq. 8).
    """
    if value >= stage.full:
        return 1.0
    return value if value >= stage.nothing else 0.0


def recall(answer: Answer, target: Value, progress: float = 0.0, step: float = 0.5) -> float:
    """Share of the labels that were found, differentiated, in [0, 1].

    R_recall = f(#{labels matched with IoU > xi_0} / #labels), matched by the Hungarian method on boxes alone
    (arXiv 2503.18013, Eq. 5 and 8). ``progress`` is the share of the training that is done, ``step`` where in
    it the second, stricter stage begins; 1 leaves that out.

    Example:
        >>> from vrft.types import Boxes
        >>> answer = Answer(Boxes(((0.0, 0.0, 10.0, 6.0),), (1.0,)), True)
        >>> target = Boxes(((0.0, 0.0, 10.0, 10.0),))
        >>> recall(answer, target), recall(answer, target, progress=0.5)
        (1.0, 0.0)
    """
    matched, stage = matched_ious(answer, target, 0.0, "hungarian"), _stage(progress, step)
    labels = labelled_boxes(target)
    if not matched or not labels:
        return abstention_reward(answer, target)
    return differentiated(sum(iou > stage.hit for iou in matched) / len(labels), stage)


def precision(answer: Answer, target: Value, progress: float = 0.0, step: float = 0.5) -> float:
    """Mean quality of all predicted boxes, each differentiated, in [0, 1].

    R_prec = (f(iou_1) [iou_1 >= xi_0] + ... + f(iou_M) [iou_M >= xi_0]) / M with M the number of predictions,
    matched or not (arXiv 2503.18013, Eq. 6 and 8); ``progress`` and ``step`` as in ``recall``.

    Example:
        >>> from vrft.types import Boxes
        >>> answer = Answer(Boxes(((0.0, 0.0, 10.0, 6.0), (50.0, 0.0, 60.0, 10.0)), (1.0, 1.0)), True)
        >>> precision(answer, Boxes(((0.0, 0.0, 10.0, 10.0),)))
        0.3
    """
    matched, stage = matched_ious(answer, target, 0.0, "hungarian"), _stage(progress, step)
    values = [differentiated(iou, stage) if iou >= stage.hit else 0.0 for iou in matched]
    return mean_of_matches(answer, target, values, "predictions")


def _stage(progress: float, step: float) -> Stage:
    return ADVANCED if progress >= step and step < 1 else BEGINNER
