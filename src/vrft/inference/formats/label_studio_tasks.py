"""Pre-annotations of Label Studio: one task a picture, its boxes in per cent, its class as a choice.

Format: https://labelstud.io/guide/predictions. They suit the templates 'Object Detection with Bounding Boxes'
(``RectangleLabels`` named ``label``) and 'Image Classification' (``Choices`` named ``choice``). A picture is
told as local storage has it: set ``LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT`` to the folder above that of the
pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from vrft.inference.formats.prediction_format import Prediction, Setting, Write, by_picture
from vrft.types import BoxXYXY, Example


class LabelStudio:
    """Answers that a person looks through; a picture without one that could be read has no prediction."""

    name = "labelstudio"
    tasks = frozenset({"detection", "classification", "grounding"})
    takes_ids = False

    def opened(self, examples: Sequence[Example], setting: Setting) -> Write:
        """The model stands in each prediction as its version."""
        return lambda predictions: [_task(asked, setting.model) for asked in by_picture(predictions).values()]


def _task(asked: Sequence[Prediction], model: str) -> dict[str, Any]:
    # Points alone have no place, and a picture that has them is not one in which nothing was found.
    read = [one for one in asked if one.answer.parsed and not _points_alone(one)]
    results = [result for one in read for result in (*_rectangles(one), *_choices(one))]
    for number, result in enumerate(results, 1):
        result["id"] = f"answer-{number}"
    scores = [score for one in read for score in one.answer.confidences]
    prediction: dict[str, Any] = {"model_version": model, "result": results}
    if scores:
        # Label Studio shows the pictures with the lowest score first to whoever asks for the uncertain ones.
        prediction["score"] = sum(scores) / len(scores)
    return {"data": {"image": _address(asked[0].example)}, "predictions": [prediction] if read else []}


def _points_alone(one: Prediction) -> bool:
    return bool(one.answer.points_xy_px) and not one.answer.boxes_xyxy_px


def _rectangles(one: Prediction) -> Iterator[dict[str, Any]]:
    width, height = one.example.image_wh
    for box, score in zip(one.answer.boxes_xyxy_px, one.answer.confidences, strict=False):
        labels = {"rotation": 0, "rectanglelabels": [one.example.question]}
        yield {
            "from_name": "label",
            "to_name": "image",
            "type": "rectanglelabels",
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "score": score,
            "value": _per_cent(box, one.example.image_wh) | labels,
        }


def _choices(one: Prediction) -> Iterator[dict[str, Any]]:
    if one.class_name is not None:
        value = {"choices": [one.class_name]}
        yield {"from_name": "choice", "to_name": "image", "type": "choices", "value": value}


def _per_cent(box: BoxXYXY, image_wh: tuple[int, int]) -> dict[str, Any]:
    (x1, y1, x2, y2), (width, height) = box, image_wh
    return {
        "x": 100 * x1 / width,
        "y": 100 * y1 / height,
        "width": 100 * (x2 - x1) / width,
        "height": 100 * (y2 - y1) / height,
    }


def _address(example: Example) -> str:
    """The picture's path from the folder above that which was asked about."""
    within = PurePosixPath(example.record_id)
    above = example.image.resolve().parts[: -len(within.parts)]
    return "/data/local-files/?d=" + quote(str(PurePosixPath(*above[-1:], within)).lstrip("/"))


FORM = LabelStudio()
