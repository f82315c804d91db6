"""Pre-annotations of Label Studio: one task for each image, its boxes in per cent, its class as a choice.

Format: https://labelstud.io/guide/predictions. They suit the templates 'Object Detection with Bounding Boxes'
(``RectangleLabels`` named ``label``) and 'Image Classification' (``Choices`` named ``choice``). An image is
named as local storage has it: set ``LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT`` to the folder above that of the
images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from vrft.inference.formats.prediction_format import (
    PredictionFormat,
    Setting,
    Write,
    by_record,
    named_class,
    scored_boxes,
)
from vrft.types import Boxes, Example, Label, Prediction

KINDS = frozenset({Boxes.kind, Label.kind})


def _opened(examples: Sequence[Example], setting: Setting) -> Write:
    return lambda predictions: [_task(asked, setting.model) for asked in by_record(predictions).values()]


def _task(asked: Sequence[Prediction], model: str) -> dict[str, Any]:
    """What a person looks through; an image without an answer that could be read has no prediction."""
    # Points have no place, and an image that has them alone is not one in which nothing was found.
    read = [one for one in asked if one.answer.value is not None and one.answer.value.kind in KINDS]
    results = [result for one in read for result in (*_rectangles(one), *_choices(one))]
    for number, result in enumerate(results, 1):
        result["id"] = f"answer-{number}"
    scores = [score for one in read for score in _scores(one)]
    prediction: dict[str, Any] = {"model_version": model, "result": results}
    if scores:
        # Label Studio shows the images with the lowest score first to whoever asks for the uncertain ones.
        prediction["score"] = sum(scores) / len(scores)
    return {"data": {"image": _address(asked[0].example)}, "predictions": [prediction] if read else []}


def _scores(one: Prediction) -> list[float]:
    label = named_class(one)
    voted = [label.score] if label is not None and label.score is not None else []
    return [score for _, score in scored_boxes(one)] + voted


def _rectangles(one: Prediction) -> Iterator[dict[str, Any]]:
    width, height = one.example.image.size_wh
    for (x1, y1, x2, y2), score in scored_boxes(one):
        yield {
            "from_name": "label",
            "to_name": "image",
            "type": "rectanglelabels",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "score": score,
            "value": {
                "x": 100 * x1 / width,
                "y": 100 * y1 / height,
                "width": 100 * (x2 - x1) / width,
                "height": 100 * (y2 - y1) / height,
                "rotation": 0,
                "rectanglelabels": [one.example.question],
            },
        }


def _choices(one: Prediction) -> Iterator[dict[str, Any]]:
    label = named_class(one)
    if label is not None:
        value = {"choices": [label.name]}
        yield {"from_name": "choice", "to_name": "image", "type": "choices", "value": value}


def _address(example: Example) -> str:
    """The image's path from the folder above that which was asked about."""
    within = PurePosixPath(example.record_id)
    above = example.image.path.resolve().parts[: -len(within.parts)]
    return "/data/local-files/?d=" + quote(str(PurePosixPath(*above[-1:], within)).lstrip("/"))


FORMAT = PredictionFormat("labelstudio", _opened, KINDS)
