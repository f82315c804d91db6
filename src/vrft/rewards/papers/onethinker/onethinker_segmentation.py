"""OneThinker's released segmentation reward (arXiv 2512.03043), holes included, for comparison and the audit.

One object with a box, three points on it and three beside it, as JSON: ``{"boxes": [x1, y1, x2, y2],
"positive_points": [[x, y], ...], "negative_points": [...]}``. The holes: the object is paid without tags; an
inverted box keeps half; points beside the object are right where the label has them, and nowhere else; a box
and points that are nothing but well formed keep up to 0.6 of 1.5.
"""

from __future__ import annotations

import json
import math
from itertools import permutations
from typing import Any

from vrft.geometry.boxes import iou
from vrft.geometry.mask_points import points_of
from vrft.geometry.points import center
from vrft.rewards.papers.onethinker.onethinker_reading import (
    ACCURACY,
    FORMAT,
    STRUCTURE,
    answer_of,
    has_format,
    said_in,
)
from vrft.rewards.reward_term import RewardTerm
from vrft.types import Answer, CoordinateFrame, PointXY, Regions, Value, expect

SIGMA = 50.0
"""Of the distance of points, on a frame of 0 to 1000."""
SECONDS = 2.0
"""Of the distance in time."""
_KEYS = ("positive_points", "negative_points")


def point_similarity(found: Any, right: Any, sigma: float = SIGMA) -> float:
    """How near three points are to three others, in [0, 1]; 0 for any other number of points.

    s = exp(-d^2 / (2 sigma^2)) with d the mean distance of the pairs, paired so that it is least.

    Example:
        >>> right = [[0, 0], [10, 0], [20, 0]]
        >>> round(point_similarity([[20, 50], [10, 50], [0, 50]], right), 4)
        0.6065
    """
    if not (_are_points(found) and _are_points(right)):
        return 0.0
    sums = [
        sum(_distance(found[i], right[j]) for j, i in enumerate(order)) for order in permutations(range(3))
    ]
    # NaN is greater and less than nothing, and an infinite distance is no match.
    least = min((one for one in sums if one < math.inf), default=math.inf)
    return math.exp(-((least / 3) ** 2) / (2 * sigma**2)) if least < math.inf else 0.0


def accuracy_text(text: str, gold: str, data_type: str = "image") -> float:
    """0.5 IoU + 0.25 s+ + 0.25 s-, in [0, 1]; of a video 0.3 IoU + 0.3 exp(-|dt| / 2) + 0.2 s+ + 0.2 s-.

    0 without three points of either kind, in answer or label, and for a time that is no float. An answer in
    no tags is read whole. A time that is NaN gives NaN.
    """
    found, right = _loaded(said_in(text)), _loaded(said_in(gold))
    if not (isinstance(found, dict) and isinstance(right, dict)):
        return 0.0
    if not all(_are_points(one.get(key)) for one in (found, right) for key in _KEYS):
        return 0.0
    overlap = _iou(found.get("boxes"), right.get("boxes"))
    on, beside = (point_similarity(found[key], right[key]) for key in _KEYS)
    if data_type == "image":
        return 0.5 * overlap + 0.25 * on + 0.25 * beside
    times: tuple[Any, Any] = (found.get("time"), right.get("time"))
    if data_type != "video" or not all(isinstance(time, int | float) for time in times):
        return 0.0
    try:
        near = math.exp(-abs(float(times[0]) - float(times[1])) / SECONDS)
    except OverflowError:
        return 0.0
    return 0.3 * overlap + 0.3 * near + 0.2 * on + 0.2 * beside


def format_text(text: str) -> float:
    """Whether a text is a thought and an answer in their tags, blanks around them allowed, 0 or 1."""
    return float(has_format(text))


def structure_text(text: str, data_type: str = "image") -> float:
    """0.5 for the three keys with numbers of the right count, and of a video a time; 0 without the tags."""
    found = _loaded(answer_of(text))
    if not format_text(text) or not isinstance(found, dict) or data_type not in ("image", "video"):
        return 0.0
    timed = data_type == "image" or isinstance(found.get("time"), int | float)
    right = (
        timed and _are_numbers(found.get("boxes"), 4) and all(_are_points(found.get(key)) for key in _KEYS)
    )
    return STRUCTURE * right


def overall_text(text: str, gold: str, data_type: str = "image") -> float:
    """0.9 accuracy + 0.1 format + structure, in [0, 1.5].

    Example:
        >>> gold = '{"boxes": [1, 1, 2, 2], "positive_points": [[1, 1], [1, 1], [1, 1]], '
        >>> gold += '"negative_points": [[0, 0], [0, 0], [0, 0]]}'
        >>> overall_text(f"<think>.</think><answer>{gold}</answer>", gold), overall_text(gold, gold)
        (1.5, 0.9)
    """
    accuracy = accuracy_text(text, gold, data_type)
    return ACCURACY * accuracy + FORMAT * format_text(text) + structure_text(text, data_type)


def overall_term(answer: Answer, target: Value, frame: CoordinateFrame | None = None) -> float:
    """``overall_text`` of the answer's text and the target's ``gold_text``, in [0, 1.5]."""
    return overall_text(answer.text, gold_text(target, frame))


TERM = RewardTerm(overall_term, high=ACCURACY + FORMAT + STRUCTURE, unsafe=True)


def gold_text(target: Value, frame: CoordinateFrame | None = None) -> str:
    """A target's first object as that code has it, in the numbers of a frame; None leaves pixels of the file.

    Its three points on the object are deep inside of the mask, those beside it are corners of its box: how
    OneThinker chose its own is not published. Where there is no object, nothing is written.
    """
    for one in expect(target, Regions).objects[:1]:
        x1, y1, x2, y2 = one.xyxy_px
        inside = points_of(one, 3) or (center(one.xyxy_px),)
        places: dict[str, list[PointXY]] = {
            "positive_points": [(inside * 3)[i] for i in range(3)],
            "negative_points": [(x1, y1), (x2, y1), (x1, y2)],
        }
        box = one.xyxy_px
        if frame is not None:
            box = frame.box_from_px(box)
            places = {key: [frame.from_px(*place) for place in found] for key, found in places.items()}
        return json.dumps({"boxes": box, **places})
    return ""


def _loaded(written: str) -> Any:
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        return None


def _are_numbers(value: Any, length: int) -> bool:
    """A list of so many numbers, or of what Python makes numbers of: texts, true, NaN."""
    if not isinstance(value, list) or len(value) != length:
        return False
    try:
        return all(isinstance(float(one), float) for one in value)
    except (TypeError, ValueError, OverflowError):
        return False


def _are_points(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(_are_numbers(one, 2) for one in value)


def _distance(one: Any, other: Any) -> float:
    return math.dist(*([float(number) for number in point] for point in (one, other)))


def _iou(one: Any, other: Any) -> float:
    if not (_are_numbers(one, 4) and _are_numbers(other, 4)):
        return 0.0
    (a, b, c, d), (e, f, g, h) = ([float(number) for number in box] for box in (one, other))
    return iou((a, b, c, d), (e, f, g, h))
