"""What a generative detector's boxes may be ranked by, and what each ranking is worth.

AP needs a score for each box. A model that writes the same confidence everywhere leaves the ranking to
chance, but it has other scores:

- ``confidence``: as it wrote it, or as a fusion rule gave it;
- ``box_logprob``: the probability of the tokens that write the box, exp of the mean of their
  log-probabilities, so that a box with more digits is not worth less;
- ``answer_logprob``: the same of the whole answer, one score for all its boxes;
- ``vote``: the share of the further answers to the question that have the box too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from vrft.errors import InputError
from vrft.geometry.boxes import iou_rows
from vrft.geometry.matching import TAU, greedy_ious
from vrft.tasks.detection.calibration import calibration, confidences_and_hits
from vrft.tasks.metrics.box_confidences import box_logprobs as rollout_logprobs
from vrft.tasks.metrics.metric import answer_boxes, answer_scores, with_scores, written_rollout
from vrft.tasks.metrics.shared_metrics import AP, AP50
from vrft.types import Answer, Prediction

ORDERS = 20
"""Random orders of equal scores that are tried."""
Scores = list[list[float]]
"""One for each box of each answer, in [0, 1]."""


def rescored(predictions: Sequence[Prediction], scores: Sequence[Sequence[float]]) -> list[Prediction]:
    """The same answers with other confidences.

    Args:
        predictions: of detection questions.
        scores: one for each box of each answer, in [0, 1]; of a log-probability take its exponential.

    Raises:
        InputError: a box has no score or several, or a score is not in [0, 1].

    Example:
        >>> from vrft.types import Boxes, Example
        >>> found = Answer(Boxes(((0.0, 0.0, 4.0, 4.0),), (1.0,)))
        >>> asked = Prediction(Example("a", "a", "detection", (), "cat", Boxes()), found)
        >>> rescored([asked], [[0.3]])[0].answer.value.scores
        (0.3,)
    """
    if len(scores) != len(predictions):
        raise InputError(
            f"{len(predictions)} answers have {len(scores)} lists of scores. Give one list for each answer."
        )
    for one, given in zip(predictions, scores, strict=True):
        boxes = len(answer_boxes(one.answer))
        if len(given) != boxes or not all(0 <= score <= 1 for score in given):
            raise InputError(
                f"The scores of example '{one.example.id}' are {list(given)}, and its answer has "
                f"{boxes} boxes. Give one score in [0, 1] for each box."
            )
    return [with_scores(one, given) for one, given in zip(predictions, scores, strict=True)]


def vote_shares(answer: Answer, samples: Sequence[Answer], tau: float = TAU) -> list[float]:
    """Of each box, the share of samples that have it too.

    The boxes of a sample are given to the answer's boxes one to one, the most confident first, above an IoU
    of ``tau``: a sample votes for a box once, and a box written twice does not get the votes twice.

    Args:
        answer: its boxes are voted on.
        samples: further answers to the same question; one that could not be parsed votes for nothing. Leave
            the answer itself out: it would vote for all of its own.
        tau: threshold in [0, 1).

    Raises:
        InputError: there are no samples.

    Example:
        >>> from vrft.types import Boxes
        >>> a, b = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 60.0, 60.0)
        >>> both, one = Answer(Boxes((a, b))), Answer(Boxes((a,)))
        >>> vote_shares(both, [both, one])
        [1.0, 0.5]
    """
    if not samples:
        raise InputError("There are no samples to vote. Sample at least one more answer for each question.")
    boxes, scores = answer_boxes(answer), answer_scores(answer)
    votes = np.zeros((len(samples), len(boxes)))
    for row, sample in zip(votes, samples, strict=True):
        row[:] = [iou > 0 for iou in greedy_ious(iou_rows(boxes, answer_boxes(sample)), scores, tau)]
    shares: list[float] = votes.mean(axis=0).tolist()
    return shares


def untied(predictions: Sequence[Prediction], seed: int = 0) -> list[Prediction]:
    """The same answers with equal confidences put into a random order, for the spread of AP over the ties.

    ``[AP.value(untied(predictions, seed)) for seed in range(20)]`` shows how much of an AP depends on the
    order of boxes that the model holds for equally sure.

    Confidences are then all different, in (0, 1]; what was less sure still is.
    """
    counts = [len(answer_boxes(one.answer)) for one in predictions]
    scores = np.array([score for one in predictions for score in answer_scores(one.answer)])
    order = np.lexsort((np.random.default_rng(seed).random(len(scores)), scores))
    ranks = np.empty(len(order))
    ranks[order] = np.arange(1, len(order) + 1) / max(len(order), 1)
    parts = np.split(ranks, np.cumsum(counts)[:-1]) if counts else []
    return rescored(predictions, [part.tolist() for part in parts])


def rankings(predictions: Sequence[Prediction], seed: int = 0) -> dict[str, Any]:
    """AP and calibration under every score that the boxes have.

    Returns:
        By score, left out where it is not known: ``ap``, ``ap50``; ``ap_ties``, least and greatest AP
        (``low``, ``high``) over ``ORDERS`` random orders of the boxes with equal scores; ``ece``, ``brier``
        at an IoU of 0.5; ``borrowed``, boxes that have the score of their whole answer because their own is
        not known.
    """
    found = {}
    for name, scores_of in SCORES.items():
        scores = scores_of(predictions)
        if scores is not None:
            borrowed = sum(own is None for one in predictions for own in box_logprobs(one))
            found[name] = {
                **_measured(rescored(predictions, scores), seed),
                "borrowed": borrowed if name == "box_logprob" else 0,
            }
    return found


def box_logprobs(prediction: Prediction) -> list[float | None]:
    """Of each box the mean log-probability of the tokens that write it; None where it is not known."""
    rollout = written_rollout(prediction)
    return rollout_logprobs(rollout) if rollout is not None else [None] * len(answer_boxes(prediction.answer))


def _measured(predictions: Sequence[Prediction], seed: int) -> dict[str, Any]:
    given = [score for one in predictions for score in answer_scores(one.answer)]
    # Without ties there is one order only.
    orders = ORDERS if len(set(given)) < len(given) else 1
    tied = [AP.value(untied(predictions, seed + order)) for order in range(orders)]
    seen = calibration(*confidences_and_hits(predictions))
    return {
        "ap": AP.value(predictions),
        "ap50": AP50.value(predictions),
        "ap_ties": {"low": float(np.min(tied)), "high": float(np.max(tied))},
        "ece": seen.ece,
        "brier": seen.brier,
    }


def _confidences(predictions: Sequence[Prediction]) -> Scores | None:
    return [list(answer_scores(one.answer)) for one in predictions]


def _box_probabilities(predictions: Sequence[Prediction]) -> Scores | None:
    """Each box's own probability, or else its answer's; None where no box's is known, or neither of one."""
    own = [box_logprobs(one) for one in predictions]
    if all(value is None for row in own for value in row):
        return None
    whole = [_answer_logprob(one) for one in predictions]
    return _probabilities(
        [
            [answer if value is None else value for value in row]
            for row, answer in zip(own, whole, strict=True)
        ]
    )


def _answer_probabilities(predictions: Sequence[Prediction]) -> Scores | None:
    return _probabilities([[_answer_logprob(one)] * len(answer_boxes(one.answer)) for one in predictions])


def _answer_logprob(prediction: Prediction) -> float | None:
    rollout = written_rollout(prediction)
    return rollout.mean_logprob if rollout is not None else None


def _votes(predictions: Sequence[Prediction]) -> Scores | None:
    """None where a question with boxes has no further answers."""
    others = [one.rollouts[1:] if one.rule is None else () for one in predictions]
    asked = list(zip(predictions, others, strict=True))
    if not any(others) or any(answer_boxes(one.answer) and not more for one, more in asked):
        return None
    return [vote_shares(one.answer, [r.answer for r in more]) if more else [] for one, more in asked]


SCORES: Mapping[str, Callable[[Sequence[Prediction]], Scores | None]] = {
    "confidence": _confidences,
    "box_logprob": _box_probabilities,
    "answer_logprob": _answer_probabilities,
    "vote": _votes,
}
"""Each gives None where it is not known for all boxes."""


def _probabilities(rows: Sequence[Sequence[float | None]]) -> Scores | None:
    known = [[math.exp(min(v, 0.0)) for v in row if v is not None] for row in rows]
    whole = all(len(row) == len(given) for row, given in zip(known, rows, strict=True))
    return known if whole and any(rows) else None
