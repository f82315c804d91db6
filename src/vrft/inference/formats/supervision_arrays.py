"""The arrays of ``supervision.Detections`` and ``supervision.Classifications``, by picture.

Format: https://supervision.roboflow.com/latest/detection/core. With ``told`` as it is read from the file::

    import numpy as np, supervision as sv

    for name, one in told["pictures"].items():
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

from vrft.inference.formats.prediction_format import Prediction, Setting, Write, by_picture
from vrft.types import BoxXYXY, Example


class Supervision:
    """Every picture once, with the boxes of all its questions."""

    name = "supervision"
    tasks = frozenset({"detection", "classification", "grounding"})
    takes_ids = False

    def opened(self, examples: Sequence[Example], setting: Setting) -> Write:
        """Classes are numbered from 0: those to choose from, or the questions, as they were given."""
        of_boxes = [example.question for example in examples if example.task != "classification"]
        names = dict.fromkeys([name for example in examples for name in example.options] + of_boxes)

        def write(predictions: Sequence[Prediction]) -> dict[str, Any]:
            named = [p.class_name for p in predictions if p.answer.parsed and p.class_name is not None]
            numbers = {name: number for number, name in enumerate(dict.fromkeys([*names, *named]))}
            pictures = {
                picture: _classes(asked, numbers) if _is_of_classes(asked) else _boxes(asked, numbers)
                for picture, asked in by_picture(predictions).items()
            }
            return {"classes": list(numbers), "pictures": pictures}

        return write


def _is_of_classes(asked: Sequence[Prediction]) -> bool:
    return all(one.example.task == "classification" for one in asked)


def _boxes(asked: Sequence[Prediction], numbers: Mapping[str, int]) -> dict[str, Any]:
    rows: list[tuple[BoxXYXY, float, str]] = [
        (box, confidence, one.example.question)
        for one in asked
        if one.answer.parsed
        for box, confidence in zip(one.answer.boxes_xyxy_px, one.answer.confidences, strict=True)
    ]
    return {
        "xyxy": [list(box) for box, _, _ in rows],
        "confidence": [confidence for _, confidence, _ in rows],
        "class_id": [numbers[name] for _, _, name in rows],
        "data": {"class_name": [name for _, _, name in rows]},
    }


def _classes(asked: Sequence[Prediction], numbers: Mapping[str, int]) -> dict[str, Any]:
    named = [(one, one.class_name) for one in asked if one.answer.parsed]
    kept = [(one.answer.confidences, name) for one, name in named if name is not None]
    confidences = [share for shares, _ in kept for share in shares]
    return {
        "class_id": [numbers[name] for _, name in kept],
        "confidence": confidences if len(confidences) == len(kept) else None,
        "data": {"class_name": [name for _, name in kept]},
    }


FORM = Supervision()
