"""Which held-out questions a reader sees, by a rule that favors nobody, and how each one went."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

from vrft.tasks.task import Task
from vrft.types import Prediction

EACH = 4
"""Questions of each kind: gained most, lost most, at random."""


class PickedCase(NamedTuple):
    """One question with the prediction of every system that was asked it."""

    why: str
    """``gained most``, ``lost most`` or ``at random``; of one system ``worst``, ``best`` or ``at random``."""
    gain: float
    """Of the later system over the earlier one; of one system, its score."""
    answers: dict[str, Prediction]
    scores: dict[str, float]


class Tally(NamedTuple):
    """On how many questions the later system did better, worse and alike."""

    better: int
    worse: int
    same: int


class _Scored:
    """The questions that every system answered, in an order that a seed decides, with their scores."""

    def __init__(self, answers: Mapping[str, Sequence[Prediction]], task: Task, seed: int) -> None:
        self.by_id = {
            system: {one.example.id: one for one in listed if one.example.target is not None}
            for system, listed in answers.items()
        }
        sets = [set(listed) for listed in self.by_id.values()]
        self.keys = sorted(set.intersection(*sets)) if sets else []
        random.Random(seed).shuffle(self.keys)
        self.scores: dict[str, dict[str, float]] = {key: {} for key in self.keys}
        for key, (system, listed) in product(self.keys, self.by_id.items()):
            target = listed[key].example.target
            assert target is not None
            self.scores[key][system] = task.score(listed[key].answer, target)
        first = next(iter(self.by_id.values()), {})
        self.empty = {key for key in self.keys if not first[key].example.is_positive}

    def first(self, ordered: Sequence[str]) -> list[str]:
        """The first few, at most half of them empty: those gain or lose all and would crowd out the rest."""
        kept: list[str] = []
        for key in ordered:
            few = sum(one in self.empty for one in kept) < EACH // 2
            if len(kept) < EACH and (key not in self.empty or few):
                kept.append(key)
        return kept

    def cases(self, chosen: dict[str, str], gains: Mapping[str, float]) -> list[PickedCase]:
        """The chosen ones, and some of the others at random."""
        others = [key for key in self.keys if key not in chosen][:EACH]
        return [
            PickedCase(
                why, gains[key], {s: listed[key] for s, listed in self.by_id.items()}, self.scores[key]
            )
            for key, why in (chosen | dict.fromkeys(others, "at random")).items()
        ]


def pick_cases(
    answers: Mapping[str, Sequence[Prediction]], task: Task, earlier: str, later: str, seed: int
) -> tuple[list[PickedCase], Tally]:
    """Choose held-out questions: the largest gains, the largest losses, and some at random.

    Of the gains, and of the losses, at most half are questions where nothing is there; the tally is over all.
    """
    scored = _Scored(answers, task, seed)
    gains = {key: own[later] - own[earlier] for key, own in scored.scores.items()}
    up = sorted((key for key in scored.keys if gains[key] > 0), key=lambda key: -gains[key])
    down = sorted((key for key in scored.keys if gains[key] < 0), key=lambda key: gains[key])
    chosen = dict.fromkeys(scored.first(up), "gained most")
    chosen |= dict.fromkeys(scored.first(down), "lost most")
    return scored.cases(chosen, gains), Tally(len(up), len(down), len(scored.keys) - len(up) - len(down))


def pick_extremes(
    answers: Mapping[str, Sequence[Prediction]], task: Task, of: str, seed: int
) -> list[PickedCase]:
    """Choose in the same way by one system alone: its worst answers, its best, and some at random."""
    scored = _Scored(answers, task, seed)
    own = {key: scores[of] for key, scores in scored.scores.items()}
    up = sorted(scored.keys, key=lambda key: own[key])
    chosen = dict.fromkeys(scored.first(up), "worst")
    chosen |= dict.fromkeys(scored.first([key for key in reversed(up) if key not in chosen]), "best")
    return scored.cases(chosen, own)


def some_are_empty(answers: Mapping[str, Sequence[Prediction]]) -> bool:
    """Whether some question asks for what is not there."""
    return any(not one.example.is_positive for listed in answers.values() for one in listed)
