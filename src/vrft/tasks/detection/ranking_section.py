"""What a generative detector's boxes may be ranked by, and what each ranking is worth.

AP needs a score a box, and such a model has several:

- ``confidence``: as it wrote it, or as a rule of fusion gave it;
- ``box_logprob``: the probability of the tokens that write the box, exp of the mean of their
  log-probabilities, so that a box with more digits is not worth less;
- ``answer_logprob``: the same of the whole answer, one score for all its boxes;
- ``vote``: the share of the further answers to the question that have the box too.

The last three need no word of the model about its own certainty.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.evaluation.scorecard.scored import Json, Scored, plain_json
from vrft.tasks.detection.box_scores import rescored, untied, vote_shares
from vrft.tasks.detection.calibration import calibration, confidences_and_hits
from vrft.tasks.metrics.metric import METRICS

ORDERS = 20
"""Random orders of equal scores that are tried."""

Scores = list[list[float]]
"""One a box of each answer, in [0, 1]."""


def measure(scored: Scored) -> Json:
    """AP and calibration under every score that the boxes have.

    Returns:
        By score, left out where it is not known: ``ap``, ``ap50``; ``ap_ties``, least and greatest AP
        (``low``, ``high``) over ``ORDERS`` random orders of the boxes with equal scores; ``ece``, ``brier``
        at an IoU of 0.5; ``borrowed``, boxes that have the score of their whole answer because their own is
        not known.
    """
    found = {}
    for name, scores_of in SCORES.items():
        scores = scores_of(scored.judged)
        if scores is not None:
            found[name] = {
                **_measured(rescored(scored.judged, scores), scored.options.seed),
                "borrowed": _borrowed(scored.judged) if name == "box_logprob" else 0,
            }
    return found


def measure_calibration(scored: Scored) -> Json:
    """The table of a reliability diagram of the confidences that the headline ranks by.

    Returns:
        ``ranking``, ``n`` (boxes), ``ece``, ``brier``, ``bins``.
    """
    found = calibration(*confidences_and_hits(scored.judged))
    return {"ranking": "confidence", **plain_json(found)}


def _measured(judged: Sequence[Judged], seed: int) -> Json:
    given = [score for j in judged for score in j.answer.confidences]
    # Without ties there is one order only.
    orders = ORDERS if len(set(given)) < len(given) else 1
    tied = [METRICS["ap"].value(untied(judged, seed + order)) for order in range(orders)]
    told = calibration(*confidences_and_hits(judged))
    return {
        "ap": METRICS["ap"].value(judged),
        "ap50": METRICS["ap50"].value(judged),
        "ap_ties": {"low": float(np.min(tied)), "high": float(np.max(tied))},
        "ece": told.ece,
        "brier": told.brier,
    }


def _confidences(judged: Sequence[Judged]) -> Scores | None:
    return [list(j.answer.confidences) for j in judged]


def _box_probabilities(judged: Sequence[Judged]) -> Scores | None:
    """Each box's own probability, or else its answer's; None where no box's is known, or neither of one."""
    rows = [[j.logprob if own is None else own for own in _box_logprobs(j)] for j in judged]
    some = any(own is not None for j in judged for own in j.box_logprobs)
    return _probabilities(rows) if some else None


def _answer_probabilities(judged: Sequence[Judged]) -> Scores | None:
    return _probabilities([[j.logprob] * len(j.answer.boxes_xyxy_px) for j in judged])


def _votes(judged: Sequence[Judged]) -> Scores | None:
    """None where a question with boxes has no further answers."""
    if not any(j.others for j in judged) or any(j.answer.boxes_xyxy_px and not j.others for j in judged):
        return None
    return [vote_shares(j.answer, [other.answer for other in j.others]) if j.others else [] for j in judged]


SCORES: Mapping[str, Callable[[Sequence[Judged]], Scores | None]] = {
    "confidence": _confidences,
    "box_logprob": _box_probabilities,
    "answer_logprob": _answer_probabilities,
    "vote": _votes,
}
"""Each gives None where it is not known for all boxes."""


def _box_logprobs(judged: Judged) -> Sequence[float | None]:
    boxes, known = len(judged.answer.boxes_xyxy_px), judged.box_logprobs
    if known and len(known) != boxes:
        raise InputError(
            f"Example '{judged.example.id}': there are {len(known)} log-probabilities for the {boxes} boxes "
            "of its answer. Ask the question again, or give one (or null) for each box."
        )
    return known or (None,) * boxes


def _borrowed(judged: Sequence[Judged]) -> int:
    return sum(own is None for j in judged for own in _box_logprobs(j))


def _probabilities(rows: Sequence[Sequence[float | None]]) -> Scores | None:
    known = [[math.exp(min(v, 0.0)) for v in row if v is not None] for row in rows]
    whole = all(len(row) == len(given) for row, given in zip(known, rows, strict=True))
    return known if whole and any(rows) else None
