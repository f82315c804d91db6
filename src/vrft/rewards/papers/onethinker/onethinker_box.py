"""OneThinker's reward for one box as its code gives it (arXiv 2512.03043; github.com/tulerfeng/OneThinker,
commit 768b20f3ede9: ``EasyR1/verl/reward_function/onethinker_reward.py``).

The whole is 0.9 accuracy + 0.1 format + 0.5 structure, at most 1.5. Accuracy is paid without the format,
structure is not, and structure alone is paid for any four numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import NamedTuple

from vrft.geometry.boxes import iou
from vrft.rewards.papers.onethinker.onethinker_reading import (
    ACCURACY,
    FORMAT,
    STRUCTURE,
    answer_of,
    has_format,
)
from vrft.rewards.papers.written_places import written_box
from vrft.types import Answer, Boxes, CoordinateFrame, Value, expect


class BoxReward(NamedTuple):
    """The whole in [0, 1.5], and its parts; structure is 0 or 0.5."""

    overall: float
    format: float
    accuracy: float
    structure: float


def read_box(text: str) -> tuple[float, ...] | None:
    """The four numbers under 'boxes' in the JSON of the first answer tags, or of a text without tags."""
    try:
        box = json.loads(answer_of(text))["boxes"]
        numbers = tuple(map(float, box))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return numbers if isinstance(box, list) and len(numbers) == 4 else None


def box_reward(text: str, gold: Sequence[float]) -> BoxReward:
    """The reward of a text for one labelled box, x1, y1, x2, y2 in the text's coordinates.

    Example:
        >>> box_reward('<answer>{"boxes": [0, 0, 10, 8]}</answer>', (0, 0, 10, 10))
        BoxReward(overall=0.7200000000000001, format=0.0, accuracy=0.8, structure=0.0)
    """
    return _whole(text, read_box(text), gold)


def _whole(text: str, box: Sequence[float] | None, gold: Sequence[float]) -> BoxReward:
    form = float(has_format(text))
    finite = box is not None and all(map(math.isfinite, box))
    accuracy = iou(tuple(box), tuple(gold)) if box is not None and finite else 0.0  # type: ignore[arg-type]
    structure = STRUCTURE if form and box is not None else 0.0
    return BoxReward(ACCURACY * accuracy + FORMAT * form + structure, form, accuracy, structure)


def box_term(answer: Answer, target: Value, frame: CoordinateFrame | None = None) -> float:
    """OneThinker's reward for one box, as its code reads the text: at most 1.5."""
    (label, *_) = expect(target, Boxes).xyxy_px or ((0.0,) * 4,)
    return box_reward(answer.text, written_box(label, frame)).overall
