"""Metrics of numbers. One that could not be read is wrong, and as far off as 0 is, at least by 1."""

from __future__ import annotations

import math

from vrft.rewards import number_rewards
from vrft.rewards.number_rewards import pair_of
from vrft.tasks.metrics.metric import Metric, mean_of, mean_reward, target_of
from vrft.types import Number, Prediction


def _error(prediction: Prediction) -> float:
    right = target_of(prediction.example, Number)
    pair = pair_of(prediction.answer, right)
    return max(abs(right.number), 1.0) if pair is None else abs(pair[0] - pair[1])


def _one_off(prediction: Prediction) -> float:
    pair = pair_of(prediction.answer, target_of(prediction.example, Number))
    return float(pair is not None and math.isclose(pair[0], pair[1], rel_tol=0, abs_tol=1 + 1e-9))


EXACT = Metric("accuracy", "accuracy", mean_reward(number_rewards.exact, Number))
WITHIN_5_PERCENT = Metric("accuracy", "accuracy within 5 %", mean_reward(number_rewards.within, Number))
"""Share of the numbers that are at most 5 % of the right one off."""
WITHIN_ONE = Metric("within_one", "at most one off", mean_of(_one_off))
MRA = Metric("mra", "mean relative accuracy", mean_reward(number_rewards.mra, Number))
"""``vrft.rewards.number_rewards.mra``; an unread answer has 0 and stays in the mean."""


def mean_absolute_error(unit: str) -> Metric:
    """The mean of |y' - y|; of an unread answer max(|y|, 1).

    Args:
        unit: of the numbers, in words.
    """
    return Metric("mae", "mean absolute error", mean_of(_error), unit=unit, higher_is_better=False)
