"""GUI-R1's released rewards of an action, holes included (arXiv 2504.10458, ``r1gui.py``).

Total = 0.8 accuracy + 0.2 format. Texts are searched by patterns that want single quotes: an action in double
quotes is 'no action', which is right where the label says so. A point that is not two whole numbers in
brackets is [0, 0], and right where the label is near the origin. Of several points in one line the last
counts. The format is judged by the content as a Python expression, an empty list included, and is paid
whatever the answer says. Whatever raises there counts 0 there and here.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from vrft.rewards.papers.tag_form import has_form
from vrft.rewards.papers.written_places import placed
from vrft.types import Action, Answer, CoordinateFrame, PointXY, Value, expect
from vrft.types.actions import NO_TEXT

WEIGHT_ACCURACY, WEIGHT_FORMAT = 0.8, 0.2
NEAR_PX = 140
"""Distance to a gold point below which a click is right."""
LEAST_F1 = 0.5
NO_ACTION = "no action"
"""What an answer without a readable action does there; it is right where the label says so."""
NEEDS_TEXT = ("type", "select", "open_app")
DIRECTIONS = ("left", "right", "up", "down")
_CONTENT = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_NAME = re.compile(r"'action':\s*'(\w+)'")
_TEXT = re.compile(r"'input_text':\s*'(.*?)'")
_PAIR = re.compile(r"\[(\d+),\s*(\d+)\]\s*")
_MAX_CHARS = 30_000
_LARGEST = 10**15
"""Of numbers that are computed with: an expression must not fill the memory."""


def accuracy_term(answer: Answer, target: Value, frame: CoordinateFrame | None = None) -> float:
    """0.8 of ``accuracy_text``, the point in pixels of the file."""
    return WEIGHT_ACCURACY * accuracy_text(answer.text, gold_text(target), frame)


def format_term(answer: Answer, target: Value | None) -> float:
    """0.2 of ``format_text``."""
    return WEIGHT_FORMAT * format_text(answer.text)


def gold_text(target: Value) -> str:
    """A target as the release has its labels; a click with neither box nor point has an empty box there."""
    gold = expect(target, Action)
    place = gold.box_px or gold.xy_px or ()
    action = NO_ACTION if gold.action == NO_ACTION.replace(" ", "_") else gold.action
    return json.dumps({"action": action, "gt_bbox": list(place), "input_text": gold.text or NO_TEXT})


def accuracy_text(text: str, gold: str, frame: CoordinateFrame | None = None) -> float:
    """1 for the right type and, of a click, the right place; of type, select and scroll, the right text.

    Args:
        text: the model's.
        gold: JSON with ``action``, ``gt_bbox`` (four numbers, or two of a point) and ``input_text``.
        frame: how the text's numbers are written; None compares them as they are.

    Example:
        >>> gold = '{"action": "click", "gt_bbox": [40, 40, 60, 60], "input_text": "no input text"}'
        >>> said = "<answer>[{'action': 'click', 'point': [50, 45]}]</answer>"
        >>> accuracy_text(said, gold), accuracy_text(said.replace("'", '"'), gold)
        (1.0, 0.0)
        >>> gold = '{"action": "click", "gt_bbox": [90, 90], "input_text": ""}'
        >>> accuracy_text("<answer>[{'action': 'click'}]</answer>", gold)  # no point: [0, 0]
        1.0
    """
    try:
        label = json.loads(gold)
        kind, place, words = label["action"].lower(), label["gt_bbox"], label["input_text"]
        if (_first(_NAME, text) or NO_ACTION).lower() != kind:
            return 0.0
        if kind == "click":
            return float(_hit(placed(_point(text), frame), place))
        if kind in ("type", "select", "scroll"):
            said = _first(_TEXT, text)
            return float(text_f1(NO_TEXT if said is None else said, words) >= LEAST_F1)
        return 1.0
    except Exception:
        return 0.0


def format_text(text: str) -> float:
    """1 where a thought and an answer are all of the text, and the answer is a list of complete actions.

    The release evaluates the answer as Python. Here literals, arithmetic on numbers and the usual
    constructors (``dict(...)``) are worked out, and every other expression has 0.
    """
    content = _CONTENT.search(text)
    if not has_form(text) or content is None:
        return 0.0
    try:
        said = python_value(content[1].strip())
        return float(isinstance(said, list) and all(map(_complete, said)))
    except Exception:
        return 0.0


def score_text(text: str, gold: str) -> dict[str, float]:
    """Accuracy, format and their weighted sum, as the release returns them."""
    accuracy, formatted = accuracy_text(text, gold), format_text(text)
    overall = WEIGHT_ACCURACY * accuracy + WEIGHT_FORMAT * formatted
    return {"overall": overall, "format": formatted, "accuracy": accuracy}


def text_f1(said: str, gold: str) -> float:
    """F1 of two sets of lower-case words, brackets removed; of two single words 1 where one holds the other.

    Example:
        >>> text_f1("light blue", "blue"), text_f1("u", "up"), text_f1("", "")
        (0.6666666666666666, 1, 0)
    """
    one, other = (set(words.replace("[", "").replace("]", "").lower().split()) for words in (said, gold))
    if len(one) == len(other) == 1:
        (first,), (second,) = one, other
        if first in second or second in first:
            return 1
    both = len(one & other)
    precision, recall = both / len(one) if one else 0, both / len(other) if other else 0
    return 2 * (precision * recall) / (precision + recall) if precision + recall else 0


def python_value(text: str) -> Any:
    """The value of a Python expression of literals, arithmetic and constructors; ValueError for others.

    Example:
        >>> python_value("[dict(point=[100 + 50, 150])]")
        [{'point': [150, 150]}]
    """
    if len(text) > _MAX_CHARS:
        raise ValueError("too long")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is odd in a model's text
        return _value(ast.parse(text, mode="eval").body)


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    content = _CONTENT.search(text)
    found = pattern.search(content[1].strip()) if content is not None else None
    return None if found is None else found[1]


def _point(text: str) -> PointXY:
    """The last pair in brackets of the first line that has one between braces; [0, 0] where none has."""
    content = _CONTENT.search(text)
    if content is None:
        return (0, 0)
    within = content[1].strip()
    line: int | None = None
    found: PointXY = (0, 0)
    for pair in _PAIR.finditer(within):
        start = within.rfind("\n", 0, pair.start()) + 1
        opened = "{" in within[start : pair.start()]
        closed = "}" in within[pair.end() :].partition("\n")[0]
        if not (opened and closed):
            continue
        if line not in (None, start):
            break
        try:
            line, found = start, (int(pair[1]), int(pair[2]))
        except ValueError:  # thousands of digits
            return (0, 0)
    return found


def _hit(point: PointXY, place: Any) -> bool:
    x, y = point
    if len(place) == 2:
        return bool((x - place[0]) ** 2 + (y - place[1]) ** 2 < NEAR_PX**2)
    return len(place) == 4 and bool(place[0] < x < place[2] and place[1] < y < place[3])


def _complete(action: Any) -> bool:
    if not (isinstance(action, dict) and {"action", "point", "input_text"} <= action.keys()):
        return False
    kind, point, words = action["action"], action["point"], action["input_text"]
    sound = isinstance(kind, str) and isinstance(point[0], int) and isinstance(point[1], int)
    if not (sound and isinstance(words, str)) or (kind in NEEDS_TEXT and words == NO_TEXT):
        return False
    return kind != "scroll" or words in DIRECTIONS


_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}
_SIGNS: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: lambda a: -a,
    ast.UAdd: lambda a: +a,
    ast.Invert: lambda a: ~a,
    ast.Not: lambda a: not a,
}
_CALLED: Mapping[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (dict, list, tuple, set, str, int, float, bool, abs, round, min, max, len, sum)
}


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.List() | ast.Tuple() | ast.Set():
            made = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
            return made(map(_value, node.elts))
        case ast.Dict():
            return (
                {_value(k): _value(v) for k, v in zip(node.keys, node.values, strict=True) if k}
                if all(node.keys)
                else _refuse()
            )
        case ast.UnaryOp() if type(node.op) in _SIGNS:
            return _SIGNS[type(node.op)](_value(node.operand))
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            sides = _value(node.left), _value(node.right)
            numbers = all(isinstance(side, int | float) and abs(side) < _LARGEST for side in sides)
            texts = isinstance(node.op, ast.Add) and all(isinstance(side, str | list) for side in sides)
            return _ARITHMETIC[type(node.op)](*sides) if numbers or texts else _refuse()
        case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
            named = {one.arg: _value(one.value) for one in node.keywords if one.arg}
            if len(named) < len(node.keywords):
                _refuse()
            return _CALLED[name](*map(_value, node.args), **named)
    return _refuse()


def _refuse() -> Any:
    raise ValueError("not a literal")
