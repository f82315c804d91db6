"""UI-R1's released rewards of an action, holes included (arXiv 2503.21620, ``grpo_json_action_coord.py``).

Total = action + coordinate + format, one each. Single quotes are needed, or none; case counts. A coordinate
that is not two whole numbers in brackets is [0, 0], which is right in a box that holds the origin; the first
pair of the answer counts; a box is inclusive. Without a click, whatever is written about places is right. The
format asks for the tags alone, and is paid for an empty answer.
"""

from __future__ import annotations

import re

from vrft.rewards.papers.tag_form import has_form
from vrft.rewards.papers.written_places import placed
from vrft.types import Action, Answer, CoordinateFrame, Value, expect

_CONTENT = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_NAMES = (re.compile(r"'action':\s*'(\w+)'"), re.compile(r"'action':\s*(\w+)"))
_PAIR = re.compile(r"\[(\d+),\s*(\d+)\]")
_FOUR = re.compile(r"\[(\d+),\s*(\d+),\s*(\d+),\s*(\d+)\]")


def action_term(answer: Answer, target: Value) -> float:
    """``action_text`` of the answer and the target's ``gold_text``."""
    return action_text(answer.text, gold_text(target))


def coordinate_term(answer: Answer, target: Value, frame: CoordinateFrame | None = None) -> float:
    """``coordinate_text`` of the answer and the target's ``gold_text``, in pixels of the file."""
    return coordinate_text(answer.text, gold_text(target), frame=frame)


def format_term(answer: Answer, target: Value | None) -> float:
    """``format_text`` of the answer."""
    return format_text(answer.text)


def gold_text(target: Value) -> str:
    """A target as the release writes its labels, in whole pixels; a point alone is a box without area."""
    gold = expect(target, Action)
    point = gold.xy_px or (0.0, 0.0)
    box = gold.box_px or (*point, *point)
    return f"<answer>[{{'action': '{gold.action}', 'coordinate': {[round(n) for n in box]}}}]</answer>"


def action_text(text: str, solution: str) -> float:
    """1 where both texts name the same action.

    Example:
        >>> gold = "<answer>[{'action': 'click', 'coordinate': [0, 0, 9, 9]}]</answer>"
        >>> said = "<think>.</think><answer>[{'action': click}]</answer>"
        >>> action_text(said, gold), coordinate_text(said, gold), format_text(said)
        (1.0, 1.0, 1.0)
    """
    said = _name(text)
    return float(said is not None and said == _name(solution))


def coordinate_text(
    text: str,
    solution: str,
    scale: tuple[float, float] = (1.0, 1.0),
    frame: CoordinateFrame | None = None,
) -> float:
    """1 for the right action, and of a click the first pair, scaled and cut to whole pixels, in the box."""
    name = _name(text)
    if name is None or name != _name(solution):
        return 0.0
    if name != "click":
        return 1.0
    try:
        x, y = (int(n) for n in _numbers(_PAIR, text, 2))
        scaled = (x * scale[0], y * scale[1]) if frame is None else placed((x, y), frame)
        x, y = map(int, scaled)
        x1, y1, x2, y2 = (int(n) for n in _numbers(_FOUR, solution, 4))
    except (OverflowError, ValueError):
        return 0.0
    return float(x1 <= x <= x2 and y1 <= y <= y2)


def format_text(text: str) -> float:
    """1 where a thought and an answer in their tags are all of the text."""
    return float(has_form(text))


def _content(text: str) -> str:
    found = _CONTENT.search(text)
    return "" if found is None else found[1]


def _name(text: str) -> str | None:
    content = _content(text)
    return next((found[1] for name in _NAMES if (found := name.search(content))), None)


def _numbers(pattern: re.Pattern[str], text: str, count: int) -> tuple[str, ...]:
    found = pattern.search(_content(text))
    return ("0",) * count if found is None else found.groups()
