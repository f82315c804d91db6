"""Metrics of class names: right by the strict rule, by the released one, and as the mean of classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vrft.errors import InputError
from vrft.rewards.label_rewards import accuracy_substring, exact_match
from vrft.tasks.metrics.metric import Metric, Resampler, mean, mean_of
from vrft.types import Answer, Example, Label, Prediction


def target_label(example: Example) -> Label:
    """The label of a question that asks for a class name; an InputError for any other."""
    if not isinstance(example.target, Label):
        raise InputError(
            f"Example '{example.id}' asks for no class name, so no accuracy can be measured. Use the metrics "
            f"of its own task ({example.task})."
        )
    return example.target


def answer_name(answer: Answer) -> str | None:
    """The class name as written; None where none could be read."""
    return answer.value.name if isinstance(answer.value, Label) else None


def _right(prediction: Prediction) -> float:
    return float(exact_match(answer_name(prediction.answer), target_label(prediction.example).name))


def _right_leniently(prediction: Prediction) -> float:
    return accuracy_substring(prediction.answer, target_label(prediction.example))


def _class_mean(predictions: Sequence[Prediction]) -> Resampler:
    right = np.array([_right(one) for one in predictions], dtype=float)
    names = [target_label(one.example).name for one in predictions]
    class_Q = np.unique(names, return_inverse=True)[1]

    def value(indices: np.ndarray) -> float:
        counts = np.bincount(class_Q[indices])
        sums = np.bincount(class_Q[indices], weights=right[indices])
        return mean(sums[counts > 0] / counts[counts > 0])

    return value


ACCURACY = Metric("accuracy", "accuracy", mean_of(_right))
ACCURACY_LENIENT = Metric("accuracy_lenient", "lenient accuracy", mean_of(_right_leniently))
"""By the rule of the released code: answer or class name holds the other."""
ACCURACY_CLASS_MEAN = Metric("accuracy_class_mean", "mean accuracy of classes", _class_mean)
ACCURACIES = (ACCURACY, ACCURACY_LENIENT, ACCURACY_CLASS_MEAN)
