"""Metrics of numbers. One that could not be read is wrong, and as far off as 0 is, at least by 1."""

from __future__ import annotations

import math

from vrft.errors import InputError
from vrft.rewards import number_rewards
from vrft.rewards.number_rewards import pair_of
from vrft.tasks.metrics.metric import Metric, mean_of
from vrft.types import Number, Prediction


def target_number(prediction: Prediction) -> Number:
    """The label of a question that asks for a number; an InputError for any other."""
    example = prediction.example
    if not isinstance(example.target, Number):
        raise InputError(
            f"Example '{example.id}' asks for no number, so no error can be measured. Use the metrics of its "
            f"own task ({example.task})."
        )
    return example.target


def _error(prediction: Prediction) -> float:
    right = target_number(prediction)
    pair = pair_of(prediction.answer, right)
    return max(abs(right.number), 1.0) if pair is None else abs(pair[0] - pair[1])


def _exact(prediction: Prediction) -> float:
    return number_rewards.exact(prediction.answer, target_number(prediction))


def _within(prediction: Prediction) -> float:
    return number_rewards.within(prediction.answer, target_number(prediction))


def _mra(prediction: Prediction) -> float:
    return number_rewards.mra(prediction.answer, target_number(prediction))


def _one_off(prediction: Prediction) -> float:
    pair = pair_of(prediction.answer, target_number(prediction))
    return float(pair is not None and math.isclose(pair[0], pair[1], rel_tol=0, abs_tol=1 + 1e-9))


EXACT = Metric("accuracy", "accuracy", mean_of(_exact))
WITHIN_5_PERCENT = Metric("accuracy", "accuracy within 5 %", mean_of(_within))
"""Share of the numbers that are at most 5 % of the right one off."""
WITHIN_ONE = Metric("within_one", "at most one off", mean_of(_one_off))
MRA = Metric("mra", "mean relative accuracy", mean_of(_mra))
"""``vrft.rewards.number_rewards.mra``; an unread answer has 0 and stays in the mean."""


def mean_absolute_error(unit: str) -> Metric:
    """The mean of |y' - y|; of an unread answer max(|y|, 1).

    Args:
        unit: of the numbers, in words.
    """
    return Metric("mae", "mean absolute error", mean_of(_error), unit=unit, higher_is_better=False)
