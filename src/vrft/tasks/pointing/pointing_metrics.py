"""How good points are: questions with all right, precision, recall and F1 of points, mean distance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vrft.geometry.points import distances, matched_pairs
from vrft.rewards.point_rewards import found_places, point_f1, points_of
from vrft.tasks.metrics import Metric, mean_of
from vrft.tasks.metrics.metric import Prepare, Resampler
from vrft.types import Points, Prediction, expect

PER_MILLE = 1000.0


def all_right(prediction: Prediction) -> float:
    """1 where each labelled place has a point and there is no further one; or rightly none."""
    return float(point_f1(prediction.answer, expect(prediction.example.target, Points)) == 1)


def off_by(prediction: Prediction) -> float:
    """Mean distance of the labelled points from those of the answer, as a share of the image's diagonal.

    Points are paired so that the sum is least; one that has none is off by the whole diagonal. Where nothing
    is there, so is an answer that names a point, or that could not be read.
    """
    said, labels = points_of(prediction.answer), expect(prediction.example.target, Points).xy_px
    if not labels:
        return float(not prediction.answer.abstained)
    diagonal = float(np.hypot(*prediction.example.media[0].size_wh))
    near = 1 - np.minimum(distances(said, labels) / diagonal, 1)
    return 1 - float(sum(near[i, j] for i, j in matched_pairs(near))) / len(labels)


def _of_points(share: str) -> Prepare:
    def prepare(predictions: Sequence[Prediction]) -> Resampler:
        counts = np.array([_counts(one) for one in predictions], dtype=float).reshape(-1, 3)

        def value(indices: np.ndarray) -> float:
            found, said, labelled = counts[indices].sum(0)
            whole = {"precision": said, "recall": labelled, "f1": (said + labelled) / 2}[share]
            # Of nothing said where something is there, no point is right.
            return float(found / whole) if whole else (0.0 if labelled else float("nan"))

        return value

    return prepare


def _counts(prediction: Prediction) -> tuple[int, int, int]:
    target = expect(prediction.example.target, Points)
    return found_places(prediction.answer, target), len(points_of(prediction.answer)), target.size


METRICS = (
    Metric("accuracy", "questions with all points right", mean_of(all_right)),
    Metric("f1", "F1 of points", _of_points("f1")),
    Metric("precision", "precision of points", _of_points("precision")),
    Metric("recall", "recall of points", _of_points("recall")),
    Metric(
        "distance",
        "mean distance",
        mean_of(lambda prediction: PER_MILLE * off_by(prediction)),
        unit="per mille of the diagonal",
        higher_is_better=False,
        negligible=5.0,
    ),
)
"""Precision, recall and F1 are of all points of all questions together."""
