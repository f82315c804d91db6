"""Metrics that several tasks have: of class names, COCO's average precision, and the IoU of one box."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from vrft.errors import InputError
from vrft.geometry.boxes import as_array, iou_matrix
from vrft.rewards.label_rewards import accuracy_substring, exact_match
from vrft.tasks.metrics.average_precision import ANY_AREA, AREAS, Areas, match_questions
from vrft.tasks.metrics.metric import (
    Metric,
    Prepare,
    Resampler,
    answer_boxes,
    mean,
    mean_of,
    target_boxes,
    target_of,
)
from vrft.types import Answer, Example, Label, Prediction


def target_label(example: Example) -> Label:
    """The label of a question that asks for a class name; an InputError for any other."""
    return target_of(example, Label)


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


def _precision(thresholds: slice = slice(None), areas: Areas = ANY_AREA) -> Prepare:
    """The mean of average precision at some of COCO's IoU thresholds."""

    def prepare(predictions: Sequence[Prediction]) -> Resampler:
        matches = match_questions(predictions, areas)
        return lambda indices: float(matches.precision(indices)[thresholds].mean())

    return prepare


def _first_iou(prediction: Prediction) -> float:
    labels = target_boxes(prediction.example).xyxy_px
    if len(labels) != 1:
        raise InputError(
            f"Example '{prediction.example.id}' has {len(labels)} labeled boxes and mean IoU needs exactly "
            "one. Use the metric 'ap' for any number of boxes."
        )
    return float(iou_matrix(as_array(answer_boxes(prediction.answer)[:1]), as_array(labels)).sum())


AP = Metric("ap", "AP", _precision())
"""COCO's, over IoU .50 to .95."""
AP50 = Metric("ap50", "AP50", _precision(slice(0, 1)))
AP75 = Metric("ap75", "AP75", _precision(slice(5, 6)))
AP_BY_SIZE = MappingProxyType(
    {
        size: Metric(f"ap_{size}", f"AP {size}", _precision(areas=areas), needs_size=True)
        for size, areas in AREAS.items()
    }
)
"""By the area of the labeled box, where COCO has the mask's."""
MEAN_IOU = Metric("mean_iou", "mean IoU", mean_of(_first_iou))
ACC50 = Metric("acc50", "acc@0.5", mean_of(lambda prediction: float(_first_iou(prediction) >= 0.5)))
"""Share of the questions whose first box has an IoU of at least 0.5 with the one label."""
AVERAGE_PRECISION = (AP, AP50, AP75, *AP_BY_SIZE.values())
FIRST_BOX = (MEAN_IOU, ACC50)
