"""OneThinker's reward of tracking as its code gives it, holes included (arXiv 2512.03043).

Total: 0.9 of the accuracy, 0.1 of the format, and up to 0.5 for the answer's structure, which only a
formatted answer has. The terms read the answer's text and write the target as the first image's frame has it:
the images of a sequence have one size there.

What pays for nothing: the structure (0.5 for naming every labelled image, wherever its boxes are), boxes in
images that show nothing, and of an image that is named twice the last box.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from vrft.rewards.papers.onethinker.onethinker_reading import ACCURACY, FORMAT, answer_of, has_format
from vrft.rewards.papers.written_places import written_box
from vrft.types import Answer, CoordinateFrame, Tracks, Value, expect

PART = 0.25


def tracking_parts(text: str, gold: Mapping[str, Any]) -> dict[str, float]:
    """Overall reward, format, accuracy and structure of one text.

    Args:
        text: the whole response.
        gold: boxes of four numbers by the image's number as a text.

    Example:
        >>> text = '<think>.</think><answer>{"boxes": {"1": [0, 0, 10, 10]}}</answer>'
        >>> parts = tracking_parts(text, {"1": [0, 0, 10, 10], "2": [0, 0, 10, 10]})
        >>> {name: round(value, 4) for name, value in parts.items()}
        {'overall': 0.925, 'format': 1.0, 'accuracy': 0.5, 'structure_reward': 0.375}
    """
    formatted = float(has_format(text))
    boxes = _boxes(answer_of(text))
    ious = [_iou((boxes or {}).get(name), box) for name, box in gold.items()]
    accuracy = sum(ious) / len(ious) if ious else 0.0
    structure = _structure(boxes, gold) if formatted and boxes is not None else 0.0
    overall = ACCURACY * accuracy + FORMAT * formatted + structure
    return {"overall": overall, "format": formatted, "accuracy": accuracy, "structure_reward": structure}


def accuracy_term(answer: Answer, target: Value, frame: CoordinateFrame | None = None) -> float:
    """0.9 of the mean IoU over the labelled images."""
    return ACCURACY * tracking_parts(answer.text, gold_of(target, frame))["accuracy"]


def format_term(answer: Answer, target: Value) -> float:
    """0.1 for a thought and an answer in their tags."""
    return FORMAT * tracking_parts(answer.text, gold_of(target))["format"]


def structure_term(answer: Answer, target: Value) -> float:
    """0.25 for JSON with boxes by image, and 0.25 of the share of labelled images that it names."""
    return tracking_parts(answer.text, gold_of(target))["structure_reward"]


def gold_of(target: Value, frame: CoordinateFrame | None = None) -> dict[str, Any]:
    """A target of one thing as OneThinker's labels have it, in the numbers of a frame."""
    images = expect(target, Tracks).by_image
    return {str(number): list(written_box(next(iter(own.values())), frame)) for number, own in images.items()}


def _boxes(written: str) -> Mapping[str, Any] | None:
    """The boxes by image; None where the answer is no JSON, or its boxes are not by image."""
    try:
        boxes = json.loads(written)["boxes"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return boxes if isinstance(boxes, dict) else None


def _structure(boxes: Mapping[str, Any], gold: Mapping[str, Any]) -> float:
    """A single box that is not four numbers costs the whole share of images."""
    whole = all(isinstance(box, list) and len(box) == 4 for box in boxes.values())
    return PART + (PART * sum(name in boxes for name in gold) / len(gold) if whole and gold else 0.0)


def _iou(written: Any, gold: Any) -> float:
    """Of two boxes as they are written; 0 where one is none."""
    try:
        (a1, b1, a2, b2), (c1, d1, c2, d2) = map(float, written), map(float, gold)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    shared = max(0.0, min(a2, c2) - max(a1, c1)) * max(0.0, min(b2, d2) - max(b1, d1))
    union = max(0.0, a2 - a1) * max(0.0, b2 - b1) + max(0.0, c2 - c1) * max(0.0, d2 - d1) - shared
    return shared / union if union > 0 else 0.0
