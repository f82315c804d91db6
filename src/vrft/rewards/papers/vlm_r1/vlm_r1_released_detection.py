"""VLM-R1's rewards of detection as its code gives them, holes included: ``od_reward`` (AP, AP at 0.5, AP with
odLength) and ``weighted_sum``.

``vlm_r1_detection`` has the rules without the holes. These are:

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
from vrft.types import Answer, CoordinateFrame, Value

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_FENCE = re.compile(r"```json(.*?)```", re.DOTALL)
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
