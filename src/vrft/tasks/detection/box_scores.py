"""Other scores for a generative detector's boxes than the confidence that it writes.

AP ranks boxes by their score, and a model that writes the same confidence everywhere leaves the ranking to
chance. Put another score in its place and measure again: the share of further samples that agree, or the
probability of the box's tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.geometry.boxes import iou_rows
from vrft.geometry.matching import TAU, greedy_ious
from vrft.types import Answer


def rescored(judged: Sequence[Judged], scores: Sequence[Sequence[float]]) -> list[Judged]:
    """The same answers with other confidences.

    Args:
        judged: answers to detection questions.
        scores: one a box of each answer, in [0, 1]; of a log-probability take its exponential.

    Raises:
        InputError: not one score a box, or a score that is not in [0, 1].

    Example:
        >>> from pathlib import Path
        >>> from vrft.types import BoxesTarget, Example
        >>> example = Example("a", "a", Path("a.png"), (8, 8), "detection", "cat", BoxesTarget(()))
        >>> judged = Judged(example, "", Answer(True, True, ((0.0, 0.0, 4.0, 4.0),), (1.0,)), 9)
        >>> rescored([judged], [[0.3]])[0].answer.confidences
        (0.3,)
    """
    if len(scores) != len(judged):
        raise InputError(
            f"{len(judged)} answers have {len(scores)} lists of scores. Give one list an answer."
        )
    for one, given in zip(judged, scores, strict=True):
        if len(given) != len(one.answer.boxes_xyxy_px) or not all(0 <= score <= 1 for score in given):
            raise InputError(
                f"The scores of example '{one.example.id}' are {list(given)}, and its answer has "
                f"{len(one.answer.boxes_xyxy_px)} boxes. Give one score in [0, 1] for each box."
            )
    return [
        replace(one, answer=replace(one.answer, confidences=tuple(map(float, given))))
        for one, given in zip(judged, scores, strict=True)
    ]


def vote_shares(answer: Answer, samples: Sequence[Answer], tau: float = TAU) -> list[float]:
    """Of each box, the share of samples that have it too.

    The boxes of a sample are given to the answer's boxes one to one, the most confident first, above an IoU
    of ``tau``: a sample votes for a box once, and a box written twice does not get the votes twice.

    Args:
        answer: its boxes are voted on.
        samples: further answers to the same question; one that could not be parsed votes for nothing. Leave
            the answer itself out: it would vote for all of its own.
        tau: threshold in [0, 1).

    Returns:
        One share in [0, 1] a box.

    Raises:
        InputError: there are no samples.

    Example:
        >>> a, b = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0)
        >>> both, one = Answer(True, True, (a, b), (1.0, 1.0)), Answer(True, True, (a,), (1.0,))
        >>> vote_shares(both, [both, one])
        [1.0, 0.5]
    """
    if not samples:
        raise InputError("There are no samples to vote. Sample at least one further answer.")
    votes = np.zeros((len(samples), len(answer.boxes_xyxy_px)))
    for row, sample in zip(votes, samples, strict=True):
        if sample.parsed:
            ious = iou_rows(answer.boxes_xyxy_px, sample.boxes_xyxy_px)
            row[:] = [iou > 0 for iou in greedy_ious(ious, answer.confidences, tau)]
    shares: list[float] = votes.mean(axis=0).tolist()
    return shares


def untied(judged: Sequence[Judged], seed: int = 0) -> list[Judged]:
    """The same answers with equal confidences put into a random order, for the spread of AP over the ties.

    ``[METRICS["ap"].value(untied(judged, seed)) for seed in range(20)]`` tells how much of an AP hangs on
    the order of boxes that the model holds for equally sure.

    Args:
        judged: answers to detection questions.
        seed: of the order.

    Returns:
        Answers whose confidences are all different, in (0, 1]; what was less sure still is.
    """
    counts = [len(j.answer.confidences) for j in judged]
    confidences = np.array([c for j in judged for c in j.answer.confidences])
    order = np.lexsort((np.random.default_rng(seed).random(len(confidences)), confidences))
    ranks = np.empty(len(order))
    ranks[order] = np.arange(1, len(order) + 1) / max(len(order), 1)
    parts = np.split(ranks, np.cumsum(counts)[:-1]) if counts else []
    return rescored(judged, [part.tolist() for part in parts])
