"""Which held-out questions a reader sees, by a rule that favours nobody, and how each one went."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vrft.evaluation.judged import Judged
from vrft.geometry.boxes import as_array, iou_matrix
from vrft.geometry.matching import match_greedy
from vrft.rewards.label_rewards import exact_match
from vrft.types import BoxesTarget, ClassTarget

EACH = 4
"""Questions of each kind: gained most, lost most, at random."""


@dataclass(frozen=True)
class Case:
    """One question with the answer of every system that was asked it."""

    why: str
    """``gained most``, ``lost most`` or ``at random``; of one system ``worst``, ``best`` or ``at random``."""
    gain: float
    """Of the later system over the earlier one; of one system, its score."""
    answers: dict[str, Judged]
    scores: dict[str, float]


@dataclass(frozen=True)
class Tally:
    """On how many questions the later system did better, worse and alike."""

    better: int
    worse: int
    same: int


def detection_score(judged: Judged) -> float:
    """How well one detection question was answered, in [0, 1].

    The matched IoU summed over boxes, divided by the larger of the numbers of predicted and labelled boxes; 1
    where nothing is there and the answer says so; 0 for an answer that cannot be read.
    """
    target = judged.example.target
    assert isinstance(target, BoxesTarget)
    answer = judged.answer
    if not answer.parsed:
        return 0.0
    count = max(len(answer.boxes_xyxy_px), len(target.boxes_xyxy_px))
    if count == 0:
        return 1.0
    ious = iou_matrix(as_array(answer.boxes_xyxy_px), as_array(target.boxes_xyxy_px))
    return float(match_greedy(ious, np.asarray(answer.confidences, dtype=np.float64)).sum() / count)


def grounding_score(judged: Judged) -> float:
    """The IoU of the first box with the labelled one; 0 without a box."""
    target = judged.example.target
    assert isinstance(target, BoxesTarget)
    if not judged.answer.boxes_xyxy_px:
        return 0.0
    first = as_array(judged.answer.boxes_xyxy_px[:1])
    return float(iou_matrix(first, as_array(target.boxes_xyxy_px)).max(initial=0.0))


def classification_score(judged: Judged) -> float:
    """1 for the right class, 0 for any other."""
    target = judged.example.target
    assert isinstance(target, ClassTarget)
    return float(exact_match(judged.answer.label, target.name))


SCORES: dict[str, Callable[[Judged], float]] = {
    "detection": detection_score,
    "grounding": grounding_score,
    "classification": classification_score,
}
MEANINGS = {
    "detection": "matched IoU over the larger number of predicted and labelled boxes (finding rightly that "
    "nothing is there counts 100)",
    "grounding": "IoU of the box with the label",
    "classification": "100 for the right class, 0 for another",
}


def pick_cases(
    answers: Mapping[str, Sequence[Judged]], task: str, earlier: str, later: str, seed: int
) -> tuple[list[Case], Tally]:
    """Choose held-out questions: the largest gains, the largest losses, and some at random.

    Args:
        answers: by system; only questions that every one of them answered are looked at.
        task: a key of ``SCORES``.
        earlier: the system to compare with.
        later: the system whose gain is looked at.
        seed: decides ties and the random ones.

    Returns:
        At most three times ``EACH`` cases in that order, and the tally over all questions. At most half of
        the gains, and of the losses, are questions where nothing is there.
    """
    score = SCORES[task]
    by_id = {name: {judged.example.id: judged for judged in listed} for name, listed in answers.items()}
    shared = sorted(set.intersection(*(set(listed) for listed in by_id.values()))) if by_id else []
    random.Random(seed).shuffle(shared)
    scores = {key: {name: score(listed[key]) for name, listed in by_id.items()} for key in shared}
    gains = {key: scores[key][later] - scores[key][earlier] for key in shared}
    up = sorted((key for key in shared if gains[key] > 0), key=lambda key: -gains[key])
    down = sorted((key for key in shared if gains[key] < 0), key=lambda key: gains[key])
    empty = {key for key in shared if _nothing_there(by_id[later][key])}
    chosen = dict.fromkeys(_first(up, empty), "gained most") | dict.fromkeys(_first(down, empty), "lost most")
    chosen |= {key: "at random" for key in [key for key in shared if key not in chosen][:EACH]}
    cases = [
        Case(why, gains[key], {name: listed[key] for name, listed in by_id.items()}, scores[key])
        for key, why in chosen.items()
    ]
    return cases, Tally(len(up), len(down), len(shared) - len(up) - len(down))


def pick_extremes(answers: Mapping[str, Sequence[Judged]], task: str, of: str, seed: int) -> list[Case]:
    """Choose questions by one system alone: its worst answers, its best, and some at random.

    Args:
        answers: by system; the others are shown beside it.
        task: a key of ``SCORES``.
        of: the system that is looked at.
        seed: decides ties and the random ones.

    Returns:
        At most three times ``EACH`` cases in that order. At most half of the worst, and of the best, are
        questions where nothing is there.
    """
    score = SCORES[task]
    by_id = {name: {judged.example.id: judged for judged in listed} for name, listed in answers.items()}
    shared = sorted(set.intersection(*(set(listed) for listed in by_id.values()))) if by_id else []
    random.Random(seed).shuffle(shared)
    scores = {key: {name: score(listed[key]) for name, listed in by_id.items()} for key in shared}
    empty = {key for key in shared if _nothing_there(by_id[of][key])}
    up = sorted(shared, key=lambda key: scores[key][of])
    chosen = dict.fromkeys(_first(up, empty), "worst")
    down = [key for key in reversed(up) if key not in chosen]
    chosen |= dict.fromkeys(_first(down, empty), "best")
    chosen |= {key: "at random" for key in [key for key in shared if key not in chosen][:EACH]}
    return [
        Case(why, scores[key][of], {name: listed[key] for name, listed in by_id.items()}, scores[key])
        for key, why in chosen.items()
    ]


def _nothing_there(judged: Judged) -> bool:
    target = judged.example.target
    return isinstance(target, BoxesTarget) and not target.boxes_xyxy_px


def _first(ordered: Sequence[str], empty: set[str]) -> list[str]:
    """The first few, at most half of them empty: abstentions gain or lose all and would crowd out boxes."""
    kept: list[str] = []
    for key in ordered:
        if len(kept) < EACH and (key not in empty or sum(one in empty for one in kept) < EACH // 2):
            kept.append(key)
    return kept
