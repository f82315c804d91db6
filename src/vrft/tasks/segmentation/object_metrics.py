"""What is measured of objects without a segmenter; ``vrft eval --sam`` adds gIoU and cIoU of masks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from vrft.geometry.masks import mask_of_boxes, merge_masks
from vrft.rewards import object_rewards
from vrft.tasks.metrics.mask_iou import Overlap, c_iou, g_iou, overlap
from vrft.tasks.metrics.metric import Metric, Resampler, mean_reward
from vrft.types import Mask, Prediction, Regions, expect


def box_overlap(prediction: Prediction) -> Overlap:
    """The answer's boxes, filled, over the labelled region; pixels that do not count are left out."""
    target, size_wh = expect(prediction.example.target, Regions), prediction.example.image.size_wh
    boxes = [one.xyxy_px for one in object_rewards.objects_of(prediction.answer)]
    filled = mask_of_boxes(boxes, size_wh[::-1]) if boxes else None
    labelled = [one.mask or mask_of_boxes([one.xyxy_px], size_wh[::-1]) for one in target.objects]
    right: Mask | None = merge_masks(labelled) if labelled else None
    return replace(overlap(filled, right, target.ignore), was_read=prediction.answer.parsed)


def _of_boxes(measure: Callable[[Sequence[Overlap]], float]) -> Callable[[Sequence[Prediction]], Resampler]:
    def prepare(predictions: Sequence[Prediction]) -> Resampler:
        found = [box_overlap(one) for one in predictions]
        return lambda indices: measure([found[i] for i in indices])

    return prepare


def _none_right(predictions: Sequence[Prediction]) -> Resampler:
    """Of questions with nothing to be found, the share whose answer says so; NaN where there is none."""
    right = [
        float(one.answer.abstained) if expect(one.example.target, Regions).is_empty else None
        for one in predictions
    ]

    def value(indices: np.ndarray) -> float:
        found = [one for i in indices if (one := right[i]) is not None]
        return sum(found) / len(found) if found else float("nan")

    return value


METRICS = (
    Metric("object_iou", "object IoU", mean_reward(object_rewards.box_iou, Regions)),
    Metric("objects_found", "objects found", mean_reward(object_rewards.count, Regions)),
    Metric("points_on_object", "points on the object", mean_reward(object_rewards.point_on_object, Regions)),
    Metric("giou_of_boxes", "gIoU of filled boxes", _of_boxes(g_iou), needs_size=True),
    Metric("ciou_of_boxes", "cIoU of filled boxes", _of_boxes(c_iou), needs_size=True),
    Metric("nothing_right", "right where nothing is there", _none_right),
)
"""The headline first: matched box IoU over the larger number of objects."""
