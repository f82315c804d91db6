"""How good actions are: right in all, by type, by place, by text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vrft.rewards import action_rewards as actions
from vrft.tasks.metrics.metric import Metric, Prepare, Resampler, mean, mean_reward, target_of
from vrft.types import Action, Answer, Prediction, Value


def _mean_where(reward: Callable[[Answer, Value], float], asked: Callable[[Action], bool]) -> Prepare:
    """The mean over questions whose target asks for it."""

    def prepare(predictions: Sequence[Prediction]) -> Resampler:
        targets = [target_of(one.example, Action) for one in predictions]
        counts = np.array(list(map(asked, targets)), dtype=bool)
        answers = [one.answer for one in predictions]
        scores = np.array(list(map(reward, answers, targets)), dtype=float)
        return lambda indices: mean(scores[indices][counts[indices]])

    return prepare


METRICS = (
    Metric("accuracy", "actions right in all", mean_reward(actions.action_accuracy, Action)),
    Metric("type_accuracy", "right types", mean_reward(actions.action_type, Action)),
    Metric(
        "place_accuracy",
        "right places of those asked for",
        _mean_where(actions.in_place, lambda gold: gold.xy_px is not None),
    ),
    Metric(
        "text_accuracy",
        "right texts of those asked for",
        _mean_where(actions.right_text, lambda gold: bool(gold.text)),
    ),
)
"""A place or a text is right only with the right type, as benchmarks of clicks count."""
