"""OneThinker's reward for one box as its code gives it (arXiv 2512.03043; github.com/tulerfeng/OneThinker,
commit 768b20f3ede9: ``EasyR1/verl/reward_function/onethinker_reward.py``).

The whole is 0.9 accuracy + 0.1 format + 0.5 structure, at most 1.5. Accuracy is paid without the format,
structure is not, and structure alone is paid for any four numbers.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from vrft.geometry.boxes import iou
from vrft.types import Answer, Boxes, Value, expect

ACCURACY, FORMAT, STRUCTURE = 0.9, 0.1, 0.5
_BLANKS = re.compile(r"\s*([<>/])\s*")
_FORM = re.compile(r"<think>.*?</think>\s*<answer>.*?</answer>", re.DOTALL)
_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)


class BoxReward(NamedTuple):
    """The whole in [0, 1.5], and its parts; structure is 0 or 0.5."""

    overall: float
    format: float
    accuracy: float
    structure: float


def read_box(text: str) -> tuple[float, ...] | None:
    """The four numbers under 'boxes' in the JSON of the first answer tags, or of a text without tags."""
    answer = _ANSWER.search(text)
    try:
        box = json.loads(answer[1] if answer else text)["boxes"]
        numbers = tuple(map(float, box))
    except (ValueError, TypeError, KeyError):
        return None
    return numbers if isinstance(box, list) and len(numbers) == 4 else None


def box_reward(text: str, gold: Sequence[float]) -> BoxReward:
    """The reward of a text for one labelled box, x1, y1, x2, y2 in the text's coordinates.

    Example:
        >>> box_reward('<answer>{"boxes": [0, 0, 10, 8]}</answer>', (0, 0, 10, 10))
        BoxReward(overall=0.7200000000000001, format=0.0, accuracy=0.8, structure=0.0)
    """
    spelt = _BLANKS.sub(r"\1", text)
    form = float(_FORM.fullmatch(spelt) is not None)
    box = read_box(spelt) if _ANSWER.search(spelt) else None
    return _whole(form, box, gold)


def _whole(form: float, box: Sequence[float] | None, gold: Sequence[float]) -> BoxReward:
    finite = box is not None and all(map(math.isfinite, box))
    accuracy = iou(tuple(box), tuple(gold)) if box is not None and finite else 0.0  # type: ignore[arg-type]
    structure = STRUCTURE if form and box is not None else 0.0
    return BoxReward(ACCURACY * accuracy + FORMAT * form + structure, form, accuracy, structure)


def box_term(answer: Answer, target: Value) -> float:
    """OneThinker's reward for one box, as its code reads the text: at most 1.5."""
    spelt = _BLANKS.sub(r"\1", answer.text)
    box = read_box(spelt) if _ANSWER.search(spelt) else None
    found, labels = answer.as_(Boxes), expect(target, Boxes).xyxy_px
    placed = found.xyxy_px[0] if box is not None and found is not None and found.xyxy_px else None
    # Its numbers are in pixels of the file where vrft could place them, and as they are written elsewhere.
    return _whole(
        float(_FORM.fullmatch(spelt) is not None), placed or box, labels[0] if labels else (0.0,) * 4
    ).overall
