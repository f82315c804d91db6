"""VisionReasoner's released rewards (arXiv 2505.12081), holes included, for comparison and the audit.

Each ``*_text`` takes the raw text of an answer and the right one as JSON, as that code does; each has a twin
``*_term`` of (answer, target) whose right answer is written as the prompt's coordinate frame has it: the
distances of 10 and 30 are in those numbers, which are pixels of 840 by 840 there. The holes: any well-formed
list has 3, whatever it says; one item without a point loses the whole accuracy; abstention is never paid; a
full stop in a number ends a sentence, so that decimals count as repetitions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from vrft.geometry.mask_points import points_of
from vrft.geometry.points import center
from vrft.rewards.papers.tag_form import has_form
from vrft.types import Answer, CoordinateFrame, Regions, Value, expect

MOST_OBJECTS = 120
"""Of either list, those after it are not looked at."""
L1, POINT, FOUND = 10, 30, 0.5
_ANSWER = re.compile(r"<answer>\s*(.*?)\s*</answer>", re.DOTALL)
_LENGTHS = {"bbox_2d": 4, "point_2d": 2}


def format_text(text: str) -> float:
    """1 for the tags, and up to 2 for the items' keys, in [0, 3] but for rounding.

    Each item adds 1 / n for a ``bbox_2d`` of four and 1 / n for a ``point_2d`` of two, whatever they hold;
    what comes before an exception stays.

    Example:
        >>> format_text('<think>.</think><answer>[{"bbox_2d": ["?", 0, 0, 0], "point_2d": [0]}]</answer>')
        2.0
    """
    total = 0.0
    try:
        items = json.loads(_content(text))
        for item in items:
            kept = [key for key, n in _LENGTHS.items() if key in item and _is_list_of(item[key], n)]
            total += len(kept) / len(items)
    except Exception:  # as there: what was earned before it counts
        pass
    return float(has_form(text)) + total


def accuracy_text(text: str, gold: str) -> float:
    """Right boxes and points over the larger number of objects, in [0, 3]; every exception is 0.

    The sum over pairs of 1[IoU > 0.5] + 1[mean |difference of a coordinate| < 10] + 1[distance of the points
    < 30, and the answered point lies in the answered box], matched so that it is greatest.

    Example:
        >>> gold = '[{"bbox_2d": [100, 100, 200, 200], "point_2d": [150, 150]}]'
        >>> accuracy_text(f"<answer>{gold}</answer>", gold), accuracy_text("<answer>[]</answer>", "[]")
        (3.0, 0.0)
    """
    try:
        found, labels = _objects(_content(text)), _objects(gold)
        ious, l1 = box_ious(found[0], labels[0]), mean_l1(found[0], labels[0])
        (boxes, points), others = found, labels[1]
        off = np.sqrt(((points[:, None, :] - others[None, :, :]) ** 2).sum(-1))
        inside = ((points >= boxes[:, :2]) & (points <= boxes[:, 2:])).all(-1)
        scores = (ious > FOUND).astype(float) + (l1 < L1) + ((off < POINT) & np.asarray(inside)[:, None])
        rows, columns = linear_sum_assignment(scores, maximize=True)
        return float(scores[rows, columns].sum()) / max(len(boxes), len(others))
    except Exception:
        return 0.0


def non_repeat_text(text: str) -> float:
    """0 where a sentence, as split at '.', has come before at least twice in all, else 1.

    Example:
        >>> non_repeat_text("So. So. So."), non_repeat_text("So. So.")
        (0.0, 1.0)
    """
    sentences = [stripped for part in text.split(".") if (stripped := part.strip())]
    return float(len(sentences) - len(set(sentences)) < 2)


def box_ious(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """IoU of (n, 4) and (m, 4) boxes whose last pixels belong to them; NaN of 0 over 0.

    Example:
        >>> box_ious(np.array([[100, 100, 200, 200]]), np.array([[110, 100, 210, 200]])).round(4).tolist()
        [[0.8198]]
    """
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.maximum(high - low + 1, 0).prod(-1)
    areas, other_areas = ((one[:, 2:] - one[:, :2] + 1).prod(-1) for one in (boxes, others))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: np.ndarray = shared / (areas[:, None] + other_areas[None, :] - shared)
    return found


def mean_l1(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Mean absolute difference of the four numbers of (n, 4) and (m, 4) boxes."""
    found: np.ndarray = np.abs(boxes[:, None, :] - others[None, :, :]).mean(-1)
    return found


def format_term(answer: Answer, target: Value | None) -> float:
    """``format_text`` of the answer's text: 3 for any well-formed list."""
    return min(format_text(answer.text), 3.0)


def accuracy_term(answer: Answer, target: Value, frame: CoordinateFrame | None = None) -> float:
    """``accuracy_text`` of the answer's text and the target's ``gold_text``, in [0, 3]."""
    return accuracy_text(answer.text, gold_text(target, frame))


def non_repeat_term(answer: Answer, target: Value | None) -> float:
    """``non_repeat_text`` of the answer's text: 1 for nothing at all."""
    return non_repeat_text(answer.text)


def gold_text(target: Value, frame: CoordinateFrame | None = None) -> str:
    """A target as that code has it, in the numbers of a frame; None leaves pixels of the file."""
    items = []
    for one in expect(target, Regions).objects:
        box, (point, *_) = one.xyxy_px, points_of(one) or (center(one.xyxy_px),)
        if frame is not None:
            box, point = frame.box_from_px(box), frame.from_px(*point)
        items.append({"bbox_2d": list(box), "point_2d": list(point)})
    return json.dumps(items)


def _objects(written: str) -> tuple[np.ndarray, np.ndarray]:
    items = json.loads(written)
    boxes, points = ([item[key] for item in items][:MOST_OBJECTS] for key in _LENGTHS)
    return _rows(boxes, 4), _rows(points, 2)


def _rows(numbers: Sequence[Any], width: int) -> np.ndarray:
    found = np.array(numbers, dtype=float)
    if found.ndim != 2 or found.shape[1] != width:
        raise ValueError("not a list of so many numbers each")
    return found


def _content(text: str) -> str:
    found = _ANSWER.search(text)
    return found[1] if found else ""


def _is_list_of(value: object, length: int) -> bool:
    return isinstance(value, list) and len(value) == length
