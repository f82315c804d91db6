"""The released reward of grounding, holes included (Visual-RFT's code: ``grpo_lisa.py``)."""

from __future__ import annotations

import re

from vrft.rewards.matched_boxes import labelled_boxes
from vrft.rewards.papers.visual_rft_released.released_reading import answer_of, same_number
from vrft.types import Answer, Value

_SPAN = 1000
_CORNERS = re.compile(r"\(\s*(\d+)\s*,\s*(\d+)\s*\)\s*,\s*\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_Point = tuple[float, float]


def iou_text(text: str, gold: str) -> float:
    """GIoU + 1 of two corners, in whatever order they are: any finite number, 2 for the right box.

    1 where ``same_number`` holds, which is less than the right box has; else 2 for the right words; else
    GIoU + 1 of the first box, whatever the order of its corners and the frame. An inverted box has a
    positive area, and the box around both shrinks to the label, so that the reward has no bound. Several
    boxes are mixed up: the upper left corners of the first two make the box. No box has 0.

    Example:
        >>> from vrft.types import Boxes
        >>> gold = gold_text(Boxes(((400.0, 400.0, 600.0, 600.0),)))
        >>> corners = ("(400,400),(600,600)", "(0,0),(1000,1000)", "(1000,1000),(0,0)")
        >>> [round(iou_text(f"<answer>{x}</answer>", gold), 2) for x in corners]
        [2.0, 1.04, 26.0]
    """
    if same_number(text, gold):
        return 1.0
    written, right = answer_of(text, over_lines=True), answer_of(gold)
    if written == right:
        return 2.0
    try:
        return _giou(_corners(right), _corners(written)) + 1
    except Exception:
        return 0.0


def iou_term(answer: Answer, target: Value) -> float:
    """``iou_text`` of the answer's text and the target's ``gold_text``: 2 for the right box."""
    return iou_text(answer.text, gold_text(target))


def gold_text(target: Value) -> str:
    """A target's first box in the released notation, coordinates rounded to whole numbers."""
    x1, y1, x2, y2 = (round(number) for number in labelled_boxes(target)[0])
    return f"<answer> ({x1},{y1}),({x2},{y2}) </answer>"


def _corners(text: str) -> list[_Point]:
    """All upper left corners, then all lower right ones, as shares of the image's sides."""
    found = [[int(number) / _SPAN for number in match] for match in _CORNERS.findall(text)]
    return [(x1, y1) for x1, y1, _, _ in found] + [(x2, y2) for _, _, x2, y2 in found]


def _giou(label: list[_Point], box: list[_Point]) -> float:
    """Areas keep the product of their signs, as there; fewer than two corners raise."""
    (a, b), (c, d) = label[:2], box[:2]
    shared = _area((max(a[0], c[0]), max(a[1], c[1])), (min(b[0], d[0]), min(b[1], d[1])), least=0.0)
    around = _area((min(a[0], c[0]), min(a[1], c[1])), (max(b[0], d[0]), max(b[1], d[1])))
    union = _area(a, b) + _area(c, d) - shared
    iou = shared / union if union > 0 else 0.0
    return iou - (around - union) / around if around > 0 else iou


def _area(low: _Point, high: _Point, least: float | None = None) -> float:
    width, height = high[0] - low[0], high[1] - low[1]
    return width * height if least is None else max(least, width) * max(least, height)
