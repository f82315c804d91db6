"""Questions for training tests, and rewards that are given by hand instead of by a rule."""

from __future__ import annotations

from dataclasses import replace

from vrft.tasks.scorer import Scorer
from vrft.types import Boxes, Example, Form, Image


def question(path, wh, name):
    """A detection question in the direct form."""
    target = Boxes(((4.0, 4.0, 30.0, 30.0),))
    media = (Image(path, wh),)
    return Example(
        f"{name}#seven", name, "detection", media, "seven", target, group="seven", form=Form.DIRECT
    )


def plant_rewards(monkeypatch, reward):
    """Every rollout gets ``reward(rollout, names of the terms) -> (terms, reward)``."""

    def score(self, groups, now=None):
        scored = []
        for group in groups:
            rollouts = []
            for rollout in group.rollouts:
                terms, value = reward(rollout, list(self.terms))
                rollouts.append(replace(rollout, terms=terms, reward=value))
            scored.append(replace(group, rollouts=tuple(rollouts)))
        return scored

    monkeypatch.setattr(Scorer, "score", score)
