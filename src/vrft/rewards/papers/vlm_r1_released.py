"""VLM-R1's rewards as its code gives them, holes included (github.com/om-ai-lab/VLM-R1, commit 90052f478646).

For detection ``od_reward`` (AP, AP at 0.5, AP with odLength) and ``weighted_sum``; for one box ``iou`` and
``format``. ``vrft.rewards.papers.vlm_r1`` has the rules without the holes. These are:

- where nothing is to be found, any answer without a fenced list has 1 in ``od_reward``, also none at all;
- boxes of names that no label has are left out of AP: a hundred of them cost nothing but odLength;
- surplus boxes after the right ones cost nothing but odLength, and a box with NaN matches every label;
- ``weighted_sum`` pays 0.3 for boxes under exchanged names, and nothing for a right 'None'.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Literal

from vrft.geometry.boxes import iou
from vrft.rewards.papers.named_boxes import NamedBox, coco_precision, written_labels
from vrft.rewards.papers.written_places import placed_box
from vrft.types import Answer, Boxes, CoordinateFrame, Value, expect

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_FENCE = re.compile(r"```json(.*?)```", re.DOTALL)
_BOX = re.compile(r"\[(\d+),\s*(\d+),\s*(\d+),\s*(\d+)\]")
_REC_FORMAT = re.compile(
    r"<think>.*?</think>\s*<answer>.*?\{.*\[\d+,\s*\d+,\s*\d+,\s*\d+\].*\}.*?</answer>", re.DOTALL
)
Kind = Literal["ap", "ap50", "od_length"]
ALPHA, GAMMA, TAU = 0.7, 0.3, 0.5


def od_reward(text: str, gold: Sequence[NamedBox], kind: Kind = "od_length") -> float:
    """AP of the last fenced list in the last answer tags, in [0, 1].

    Args:
        text: the whole answer.
        gold: the labels, in the coordinates of the text.
        kind: mean over IoU .50:.05:.95; at 0.5; or the mean times min(1, labels / items of the list).

    Example:
        >>> text = '<answer>```json\\n[{"bbox_2d": [0, 0, 9, 9], "label": "cup"}]\\n```</answer>'
        >>> round(od_reward(text, [("cup", (0, 0, 9, 9)), ("fork", (20, 0, 29, 9))], "ap"), 6)
        0.5
    """
    found = _fenced_answer(text)
    if not gold:
        return float(not found)
    if not found:
        return 0.0
    try:
        named = [
            (one["label"], _corners(one["bbox_2d"])) for one in found if {"label", "bbox_2d"} <= one.keys()
        ]
        precision_T = coco_precision(named, gold)
    except Exception:
        return 0.0
    share = min(1.0, len(gold) / len(found)) if kind == "od_length" else 1.0
    return float(precision_T[0] if kind == "ap50" else precision_T.mean()) * share


def weighted_sum(text: str, gold: Sequence[NamedBox]) -> float:
    """0.7 position and 0.3 completeness of the first fenced list, wherever it is, in [0, 1].

    Position is the sum of IoU over the number of labels, of pairs with equal names; pairs are made greedily
    by IoU, at least 0.5, whatever the names. Completeness is 1 - (share of labels missed + share of boxes
    too many) / 2. Everything is in lower case.

    Raises:
        KeyError: a matched box has no label.
    """
    fence = _FENCE.search(text.lower())
    try:
        found = json.loads(fence[1]) if fence else []
        places = [_corners(one["bbox_2d"]) for one in found]
    except Exception:
        return 0.0
    if not places or not gold:
        return 0.0
    pairs = {(i, j): _iou(a, b) for i, a in enumerate(places) for j, (_, b) in enumerate(gold)}
    free, labels, position = set(range(len(places))), set(range(len(gold))), 0.0
    while free and labels:
        best = max(((i, j) for i in sorted(free) for j in sorted(labels)), key=lambda pair: pairs[pair])
        if not pairs[best] >= TAU:
            break
        i, j = best
        position += pairs[best] if found[i]["label"] == gold[j][0].lower() else 0.0
        free.remove(i)
        labels.remove(j)
    completeness = 1 - (len(labels) / len(gold) + len(free) / len(places)) / 2
    return ALPHA * position / len(gold) + GAMMA * completeness


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
    return {"iou": value, "format": float(_REC_FORMAT.search(text) is not None)}


def ap_term(
    answer: Answer,
    target: Value,
    frame: CoordinateFrame | None,
    kind: Kind | Literal["weighted_sum"] = "od_length",
) -> float:
    """VLM-R1's AP of one answer times its odLength, as its code reads it; or ``ap``, ``ap50`` or
    ``weighted_sum`` as its kind."""
    gold = written_labels(target, frame)
    return weighted_sum(answer.text, gold) if kind == "weighted_sum" else od_reward(answer.text, gold, kind)


def rec_iou_term(answer: Answer, target: Value, frame: CoordinateFrame | None = None) -> float:
    """VLM-R1's IoU of one box, as its code reads it: 0 unless it is written in whole numbers."""
    box, labels = rec_box(answer.text), expect(target, Boxes).xyxy_px
    try:
        return rec_iou(placed_box(box, frame), labels[0]) if box is not None and labels else 0.0
    except OverflowError:
        return 0.0


def rec_format_term(answer: Answer, target: Value | None) -> float:
    """VLM-R1's format of one box: a thought, then braces with four whole numbers in answer tags."""
    return float(_REC_FORMAT.search(answer.text) is not None)


def _fenced_answer(text: str) -> list[Any] | None:
    answers = _ANSWER.findall(text)
    fences = _FENCE.findall(answers[-1]) if answers else []
    try:
        found = json.loads(fences[-1]) if fences else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _corners(numbers: Any) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = numbers
    if not all(isinstance(number, int | float) for number in (x1, y1, x2, y2)):
        raise TypeError("a corner is not a number")
    return x1, y1, x2, y2


def _iou(found: Sequence[float], gold: Sequence[float]) -> float:
    value = iou(tuple(map(float, found)), tuple(map(float, gold)))  # type: ignore[arg-type]
    return value if value == value else -1.0
