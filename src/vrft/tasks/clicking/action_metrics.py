"""How good actions are: right in all, by type, by place, by text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vrft.rewards import action_rewards as actions
from vrft.tasks.metrics import Metric, mean_of
from vrft.tasks.metrics.metric import Prepare, Resampler, mean
from vrft.types import Action, Answer, Prediction, Value, expect


def _mean_where(score: Callable[[Prediction], float], asked: Callable[[Action], bool]) -> Prepare:
    """The mean over questions whose target asks for it."""

    def prepare(predictions: Sequence[Prediction]) -> Resampler:
        counts = np.array([asked(expect(one.example.target, Action)) for one in predictions], dtype=bool)
        scores = np.array([score(one) for one in predictions], dtype=float)
        return lambda indices: mean(scores[indices][counts[indices]])

    return prepare


def _by(reward: Callable[[Answer, Value], float]) -> Callable[[Prediction], float]:
    return lambda one: reward(one.answer, expect(one.example.target, Action))


METRICS = (
    Metric("accuracy", "actions right in all", mean_of(_by(actions.action_accuracy))),
    Metric("type_accuracy", "right types", mean_of(_by(actions.action_type))),
    Metric(
        "place_accuracy",
        "right places of those asked for",
        _mean_where(_by(actions.in_place), lambda gold: gold.xy_px is not None),
    ),
    Metric(
        "text_accuracy",
        "right texts of those asked for",
        _mean_where(_by(actions.right_text), lambda gold: bool(gold.text)),
    ),
)
"""A place or a text is right only with the right type, as benchmarks of clicks count."""
