"""Metrics of boxes: COCO's average precision, and IoU where a question has exactly one box."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from vrft.errors import InputError
from vrft.geometry.boxes import as_array, iou_matrix
from vrft.tasks.metrics.average_precision import ANY_AREA, AREAS, Areas, match_questions
from vrft.tasks.metrics.metric import Metric, Prepare, Resampler, mean_of
from vrft.tasks.metrics.prediction_values import answer_boxes, target_boxes
from vrft.types import Prediction


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
