"""What released rewards for boxes with names share: the labels as their data hold them, and COCO's AP of one
answer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from vrft.rewards.papers.written_places import shown_boxes
from vrft.types import Boxes, CoordinateFrame, Value, expect

NamedBox = tuple[str, Sequence[float]]
"""A category and x1, y1, x2, y2."""


def written_labels(target: Value, frame: CoordinateFrame | None) -> list[NamedBox]:
    """The labels in the coordinates in which an answer is written; in pixels where these are not known."""
    labels = expect(target, Boxes)
    boxes = [
        [float(number) for number in frame.box_text(box).split(", ")] if frame is not None else [*box]
        for box in labels.xyxy_px
    ]
    return list(zip(_names(labels), boxes, strict=True))


def shown_labels(target: Value, frame: CoordinateFrame | None) -> tuple[list[NamedBox], tuple[float, float]]:
    """The labels in pixels of what is shown of the file, and the factors by which written numbers come there:
    for code that rescales the answer, and whose pairs depend on distances in pixels."""
    labels = expect(target, Boxes)
    boxes, scale_xy = shown_boxes(labels.xyxy_px, frame)
    return list(zip(_names(labels), boxes, strict=True)), scale_xy


def coco_precision(found: Sequence[NamedBox], gold: Sequence[NamedBox]) -> np.ndarray:
    """(10,) COCO's AP at .50, .55, ..., .95, every box of score 1; boxes of names that no label has are left
    out. pycocotools does it, so that what is not a number counts as it does there."""
    ids = {name: place for place, name in enumerate(sorted({name for name, _ in gold}), 1)}
    known = [(name, box) for name, box in found if name in ids]
    with redirect_stdout(StringIO()):
        evaluation = COCOeval(_index(gold, ids), _index(known, ids), "bbox")
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [100]
        evaluation.evaluate()
        evaluation.accumulate()
    precision_TRK = evaluation.eval["precision"][:, :, :, 0, 0]
    mean_T: np.ndarray = precision_TRK.reshape(len(precision_TRK), -1).mean(axis=1)
    return mean_T


def _names(boxes: Boxes) -> list[str]:
    return [name or "" for name in boxes.labels] or [""] * boxes.size


def _index(boxes: Sequence[NamedBox], ids: dict[str, int]) -> COCO:
    annotations: list[dict[str, Any]] = []
    for number, (name, (x1, y1, x2, y2)) in enumerate(boxes, 1):
        width, height = x2 - x1, y2 - y1
        annotations.append(
            {
                "id": number,
                "image_id": 1,
                "category_id": ids[name],
                "bbox": [x1, y1, width, height],
                "area": width * height,
                "iscrowd": 0,
                "score": 1.0,
            }
        )
    coco = COCO()
    coco.dataset = {
        "images": [{"id": 1}],
        "categories": [{"id": place} for place in ids.values()],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco
