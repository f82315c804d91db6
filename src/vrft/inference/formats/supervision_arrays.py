"""The arrays of ``supervision.Detections`` and ``supervision.Classifications``, by image.

Format: https://supervision.roboflow.com/latest/detection/core. With ``read`` as it is read from the file::

    import numpy as np, supervision as sv

    for name, one in read["images"].items():
        detections = sv.Detections(
            xyxy=np.array(one["xyxy"], dtype=float).reshape(-1, 4),
            confidence=np.array(one["confidence"], dtype=float),
            class_id=np.array(one["class_id"], dtype=int),
            data={"class_name": np.array(one["data"]["class_name"], dtype=str)},
        )

Of classes there is no ``xyxy``, and ``sv.Classifications`` takes ``class_id`` and ``confidence``, which is
null where nobody voted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vrft.inference.formats.prediction_format import (
    PredictionFormat,
    Setting,
    Write,
    by_record,
    named_class,
    scored_boxes,
)
from vrft.tasks.registry import task_of
from vrft.types import Boxes, Example, Label, Prediction


def _opened(examples: Sequence[Example], setting: Setting) -> Write:
    """Classes are numbered from 0: those to choose from, or the questions, as they were given."""
    of_boxes = [example.question for example in examples if not _asks_class(example)]
    names = dict.fromkeys([name for example in examples for name in example.options] + of_boxes)

    def write(predictions: Sequence[Prediction]) -> dict[str, Any]:
        named = [label.name for one in predictions if (label := named_class(one)) is not None]
        numbers = {name: number for number, name in enumerate(dict.fromkeys([*names, *named]))}
        images = {
            image: (_classes if all(_asks_class(one.example) for one in asked) else _boxes)(asked, numbers)
            for image, asked in by_record(predictions).items()
        }
        return {"classes": list(numbers), "images": images}

    return write


def _asks_class(example: Example) -> bool:
    return task_of(example).answer.kind == Label.kind


def _boxes(asked: Sequence[Prediction], numbers: Mapping[str, int]) -> dict[str, Any]:
    rows = [(box, score, one.example.question) for one in asked for box, score in scored_boxes(one)]
    return {
        "xyxy": [list(box) for box, _, _ in rows],
        "confidence": [score for _, score, _ in rows],
        "class_id": [numbers[name] for _, _, name in rows],
        "data": {"class_name": [name for _, _, name in rows]},
    }


def _classes(asked: Sequence[Prediction], numbers: Mapping[str, int]) -> dict[str, Any]:
    labels = [label for one in asked if (label := named_class(one)) is not None]
    scores = [label.score for label in labels if label.score is not None]
    return {
        "class_id": [numbers[label.name] for label in labels],
        "confidence": scores if len(scores) == len(labels) else None,
        "data": {"class_name": [label.name for label in labels]},
    }


FORMAT = PredictionFormat("supervision", _opened, frozenset({Boxes.kind, Label.kind}))
