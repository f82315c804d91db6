"""VLM-R1's rewards of one box as its code gives them, holes included: ``iou`` and ``format``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vrft.rewards.papers.written_places import placed_box
from vrft.types import Answer, Boxes, CoordinateFrame, Value, expect

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_BOX = re.compile(r"\[(\d+),\s*(\d+),\s*(\d+),\s*(\d+)\]")
_REC_FORMAT = (
    *map(re.compile, ("<think>", r"</think>\s*<answer>", r"\{")),
    _BOX,
    *map(re.compile, (r"\}", "</answer>")),
)
"""What must follow one another, whatever lies between; one pattern of them takes time that grows with the
square of a text."""


def rec_box(text: str) -> tuple[int, int, int, int] | None:
    """The first list of four whole numbers in the first answer tags."""
    answer = _ANSWER.search(text)
    box = _BOX.search(answer[1]) if answer else None
    if box is None:
        return None
    try:
        x1, y1, x2, y2 = map(int, box.groups())
    except ValueError:  # thousands of digits
        return None
    return x1, y1, x2, y2


def rec_iou(found: Sequence[float], gold: Sequence[float]) -> float:
    """IoU with an intersection that ends a pixel early and counts one more, in [0, 1]: an overlap of one row
    or column of pixels is none."""
    x1, y1 = max(found[0], gold[0]), max(found[1], gold[1])
    x2, y2 = min(found[2] - 1, gold[2] - 1), min(found[3] - 1, gold[3] - 1)
    inner = (x2 - x1 + 1) * (y2 - y1 + 1) if x1 < x2 and y1 < y2 else 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (found, gold)]
    union = sum(areas) - inner
    return inner / union if union else 0.0


def rec_reward(
    text: str, gold: Sequence[float], image_wh: tuple[int, int], input_wh: tuple[int, int]
) -> dict[str, float]:
    """``iou`` and ``format`` of one box, each in [0, 1].

    Args:
        text: the whole answer, in pixels of what the model saw.
        gold: x1, y1, x2, y2 in pixels of the file.
        image_wh: width and height of the file.
        input_wh: of what the model saw.
    """
    box = rec_box(text)
    value = 0.0
    if box is not None:
        scale = [whole / seen for whole, seen in zip(image_wh * 2, input_wh * 2, strict=True)]
        try:
            value = rec_iou([number * by for number, by in zip(box, scale, strict=True)], gold)
        except Exception:
            value = 0.0
    return {"iou": value, "format": float(_rec_format(text))}


def rec_iou_term(answer: Answer, target: Value, frame: CoordinateFrame | None = None) -> float:
    """VLM-R1's IoU of one box, as its code reads it: 0 unless it is written in whole numbers."""
    box, labels = rec_box(answer.text), expect(target, Boxes).xyxy_px
    try:
        return rec_iou(placed_box(box, frame), labels[0]) if box is not None and labels else 0.0
    except OverflowError:
        return 0.0


def rec_format_term(answer: Answer, target: Value | None) -> float:
    """VLM-R1's format of one box: a thought, then braces with four whole numbers in answer tags."""
    return float(_rec_format(answer.text))


def _rec_format(text: str) -> bool:
    place = 0
    for part in _REC_FORMAT:
        found = part.search(text, place)
        if found is None:
            return False
        place = found.end()
    return True
