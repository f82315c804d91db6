"""Seg-Zero's released rewards (arXiv 2503.06520), holes included, for comparison and the audit.

One object with a box and two points, right within fixed distances in the prompt's numbers (pixels of 840 by
840 there). The twins of (answer, target) write the target's first object as that code has it. The holes: the
first ``{...}`` of the whole text is read, the thought's as well; points are right up to 100 away, also when
the box is the whole image; wrong boxes and points keep 2 of 5.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from vrft.geometry.mask_points import points_of
from vrft.geometry.points import center
from vrft.rewards.papers.tag_form import has_form
from vrft.rewards.reward_term import RewardTerm
from vrft.types import Answer, CoordinateFrame, Regions, Value, expect

L1, POINTS, FOUND = 10, 100, 0.5
_OBJECT = re.compile(r"{[^}]+}")
_PAIR = r"\((\d+),(\d+)\)"
_GOLD_BOX = re.compile(rf"<box>{_PAIR},{_PAIR}</box>")
_GOLD_POINTS = re.compile(rf"<points>{_PAIR},{_PAIR}</points>")
_STRICT = ("bbox", "points_1", "points_2")
_Point = Sequence[float]


def think_text(text: str, gold: str = "", strict: bool = False) -> float:
    """Whether the text is a thought and an answer in their tags, and no more, 0 or 1."""
    return float(has_form(text))


def keys_text(text: str, gold: str = "", strict: bool = False) -> float:
    """Whether the first ``{...}`` has a box of four and two points of two, 0 or 1, whatever they hold.

    ``strict`` wants lists under ``bbox``, ``points_1`` and ``points_2``; otherwise any key with 'bbox' in it,
    and the first two others with 'point', will do.

    Example:
        >>> text = '{"BBox": "four", "point_a": "ab", "point_b": "cd"}'
        >>> keys_text(text), keys_text(text, strict=True)
        (1.0, 0.0)
    """
    return _right(lambda: _has_keys(_read(text), strict))


def iou_text(text: str, gold: str, strict: bool = False) -> float:
    """Whether the box has an IoU above 0.5 with the right one, last pixels included, 0 or 1."""
    return _right(lambda: _iou(_box(_read(text), strict), _numbers(_GOLD_BOX, gold)) > FOUND)


def l1_text(text: str, gold: str, strict: bool = False) -> float:
    """Whether the four numbers are less than 10 off on average, 0 or 1."""

    def near() -> bool:
        box, right = _box(_read(text), strict), _numbers(_GOLD_BOX, gold)
        return bool(sum(abs(box[i] - right[i]) for i in range(4)) / 4 < L1)

    return _right(near)


def points_text(text: str, gold: str, strict: bool = False) -> float:
    """Whether both points lie in the answer's own box and are less than 100 off, 0 or 1.

    They are cut to whole numbers. The distance is the mean over the two, paired so that it is least.

    Example:
        >>> gold = "<box>(100,100),(200,200)</box><points>(130,130),(170,170)</points>"
        >>> points_text('{"bbox": [0, 0, 800, 800], "points_1": [60, 60], "points_2": [240, 240]}', gold)
        1.0
    """

    def near() -> bool:
        data = _read(text)
        box, right = _box(data, strict), _numbers(_GOLD_POINTS, gold)
        keys = _STRICT[1:] if strict else [key for key in data if "points" in key.lower()][:2]
        a, b = ([int(data[key][0]), int(data[key][1])] for key in keys)
        c, d = right[:2], right[2:]
        straight, crossed = math.dist(a, c) + math.dist(b, d), math.dist(a, d) + math.dist(b, c)
        inside = all(box[0] <= x <= box[2] and box[1] <= y <= box[3] for x, y in (a, b))
        return inside and min(straight, crossed) / 2 < POINTS

    return _right(near)


TEXTS: Mapping[str, Callable[..., float]] = {
    "think": think_text,
    "keys": keys_text,
    "iou": iou_text,
    "l1": l1_text,
    "points": points_text,
}
"""By name, of (text, gold, strict); their sum is the release's reward, 5 at most."""


def _term(
    name: str, strict: bool, answer: Answer, target: Value, frame: CoordinateFrame | None = None
) -> float:
    """Seg-Zero's released rule, on the answer's text and the target's first object."""
    return TEXTS[name](answer.text, gold_text(target, frame), strict)


def terms(strict: bool) -> Mapping[str, RewardTerm]:
    """The terms of (answer, target) by name."""
    return {name: RewardTerm(partial(_term, name, strict), unsafe=True) for name in TEXTS}


def gold_text(target: Value, frame: CoordinateFrame | None = None) -> str:
    """A target's first object as that code has it, in the numbers of a frame; None leaves pixels of the file.

    Coordinates are rounded to whole numbers. Where there is no object, nothing is written.
    """
    for one in expect(target, Regions).objects[:1]:
        points = points_of(one, 2) or (center(one.xyxy_px),)
        places = [(points * 2)[i] for i in (0, 1)]
        corners = [one.xyxy_px[:2], one.xyxy_px[2:]]
        if frame is not None:
            box = frame.box_from_px(one.xyxy_px)
            corners, places = [box[:2], box[2:]], [frame.from_px(*place) for place in places]
        a, b, c, d = (f"({round(x)},{round(y)})" for x, y in (*corners, *places))
        return f"<box>{a},{b}</box><points>{c},{d}</points>"
    return ""


def _right(holds: Callable[[], bool]) -> float:
    """1 where something holds; 0 where it does not, or cannot be asked, as there."""
    try:
        return float(holds())
    except Exception:
        return 0.0


def _read(text: str) -> Any:
    found = _OBJECT.search(text)
    if found is None:
        raise ValueError("no braces")
    return json.loads(found[0])


def _has_keys(data: Any, strict: bool) -> bool:
    if strict:
        values = [data[key] for key in _STRICT]
        return all(isinstance(one, list) for one in values) and list(map(len, values)) == [4, 2, 2]
    box = next(key for key in data if "bbox" in key.lower())
    points = [key for key in data if key != box and "point" in key.lower()][:2]
    return len(data[box]) == 4 and len(points) == 2 and all(len(data[key]) == 2 for key in points)


def _box(data: Any, strict: bool) -> Any:
    box = data["bbox" if strict else next(key for key in data if "bbox" in key.lower())]
    if len(box) != 4:
        raise ValueError("not four")
    return box


def _numbers(pattern: re.Pattern[str], gold: str) -> list[int]:
    found = pattern.search(gold)
    if found is None:
        raise ValueError("no gold")
    return [int(number) for number in found.groups()]


def _iou(one: Any, other: Sequence[int]) -> float:
    low = [max(one[i], other[i]) for i in (0, 1)]
    high = [min(one[i], other[i]) for i in (2, 3)]
    # A single shared row or column counts as none, though last pixels belong to boxes.
    shared = (high[0] - low[0] + 1) * (high[1] - low[1] + 1) if low[0] < high[0] and low[1] < high[1] else 0
    areas = sum((box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (one, other))
    return float(shared) / (areas - shared)
