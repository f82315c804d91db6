"""An action in a model's text: JSON, a Python literal, or a call as UI-TARS writes it. Nothing is evaluated.

One action is asked for: of two none is taken, and what a key says twice is not believed.
"""

from __future__ import annotations

import ast
import json
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from vrft.tasks.parsing.answer_parsers import answered
from vrft.tasks.parsing.tags import split_tags
from vrft.types import Action, Answer, CoordinateFrame, Fault, Form, PointXY
from vrft.types.actions import AT_A_PLACE, NO_TEXT

_NONE = frozenset({"no action", "none", "null", "action"})
"""Words that name no action: GUI-R1's for one that it cannot read, and a prompt's own."""
_NAMES = ("action", "action_type")
_POINTS = ("point", "coordinate", "coordinates", "point_2d", "position", "click_point")
_BOXES = ("start_box", "bbox_2d", "bbox", "box")
"""Keys of places that may be written as boxes."""
_TEXTS = ("input_text", "text", "value", "content", "direction", "app_name")
_NUMBER = r"[-+]?[0-9]{1,9}(?:\.[0-9]{0,20})?"
_PLACE = re.compile(
    rf"[\s\[(]*(?:<point>|<\|box_start\|>)?[\s\[(]*({_NUMBER}(?:(?:\s*,\s*|\s+){_NUMBER}){{1,3}})"
    r"[\s\])]*(?:</point>|<\|box_end\|>)?[\s\])]*"
)
_FENCE = re.compile(r"(?:```\w{0,20}|<tool_call>)\s*(.*?)\s*(?:```|</tool_call>)", re.DOTALL)
_PREFIX = r"[ \t]*Action:[ \t]*"
_CALL = r"(?:[A-Za-z]\w{0,39}\.)?([A-Za-z][A-Za-z_]{0,39})\(((?:[^()\n]|\([^()\n]{0,200}\)){0,2000})\)[ \t]*"
_WHOLE = re.compile(f"(?:{_PREFIX})?{_CALL}")
_CALLED = re.compile(f"^{_PREFIX}{_CALL}$", re.MULTILINE)
_ARGUMENT = re.compile(
    rf"(\w{{1,40}})\s*=\s*(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|({_NUMBER})(?=\s*(?:,|$)))"
)
_MAX_CHARS = 10_000


class _Said(NamedTuple):
    """One action as written."""

    action: str
    place: tuple[float, ...]
    """Two numbers, or the four of a box, of which the middle is meant; none where it cannot be read."""
    text: str


def parse_action_answer(text: str, frame: CoordinateFrame | None, form: Form) -> Answer:
    """Read the one action of an answer.

    Args:
        text: what the model wrote.
        frame: how the screen's coordinates are written; None where that or the image's size is unknown:
            then an action with a point has no value, and ``Fault.UNKNOWN_FRAME`` says so.
        form: the tags that were demanded.

    Returns:
        ``Action``, its place in pixels of the file. A click whose point is missing, outside or not readable
        has no place; so have two actions of one type where one was asked for; two of two types have no value.

    Example:
        >>> frame = CoordinateFrame.whole("norm1000", (640, 480))
        >>> said = '<answer>[{"action": "click", "point": [500, 250]}]</answer>'
        >>> parse_action_answer(said, frame, Form.DIRECT).value.describe()
        'Action: click at 320, 120 (pixels)'
    """
    sections = split_tags(text, form)
    if not sections.content:
        return answered(text, sections, (Fault.EMPTY,), None)
    said = _written(sections.content)
    faults: tuple[Fault, ...] = ()
    if not said:
        said = _called(sections.content)
        faults = (Fault.OTHER_NOTATION,)
    if not said:
        return answered(text, sections, (Fault.NOT_READABLE,), None)
    if len(said) > 1:
        names = {Action(one.action).action for one in said}
        value = Action(said[0].action) if len(names) == 1 else None
        return answered(text, sections, (*faults, Fault.SEVERAL_ACTIONS), value)
    (one,) = said
    if one.place and frame is None:
        return answered(text, sections, (*faults, Fault.UNKNOWN_FRAME), None)
    point = _placed(one.place, frame)
    faults += (Fault.OTHER_NOTATION,) if len(one.place) == 4 and not faults else ()
    value = Action(one.action, point, one.text)
    if point is None and value.action in AT_A_PLACE:
        faults = (*faults, Fault.BAD_POINT)
    return answered(text, sections, faults, value)


def _placed(place: tuple[float, ...], frame: CoordinateFrame | None) -> PointXY | None:
    if not place or frame is None:
        return None
    return frame.to_px((place[0] + place[-2]) / 2, (place[1] + place[-1]) / 2)


def _written(content: str) -> list[_Said]:
    """The actions of JSON or of a Python literal; none where anything else is among them."""
    fenced = _FENCE.fullmatch(content)
    value = _literal(fenced[1] if fenced else content)
    entries = [value] if isinstance(value, Mapping) else value
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        return []
    flat = [one for entry in entries for one in (entry if isinstance(entry, list | tuple) else [entry])]
    said = [_of_keys(one) if isinstance(one, Mapping) else None for one in flat]
    return [one for one in said if one is not None] if None not in said else []


def _literal(text: str) -> Any:
    """JSON, else a Python literal; None where it is neither, or has a key twice."""
    if len(text) > _MAX_CHARS:
        return None
    try:
        return json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        return None
    except ValueError:
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is odd in a model's text
            tree = ast.parse(text.strip(), mode="eval")
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                _once([(ast.dump(key) if key else "", None) for key in node.keys])
        return ast.literal_eval(tree)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key is there twice")
    return dict(pairs)


def _of_keys(entry: Mapping[Any, Any]) -> _Said | None:
    inner = entry.get("arguments")
    keys = {key.casefold(): value for key, value in (inner if isinstance(inner, Mapping) else entry).items()
            if isinstance(key, str)}  # fmt: skip
    name = next((keys[key] for key in _NAMES if key in keys), None)
    if not isinstance(name, str) or not name.strip() or name.strip().casefold() in _NONE:
        return None
    places = [(keys[key], key in _BOXES) for key in (*_POINTS, *_BOXES) if keys.get(key) is not None]
    if not places and "x" in keys and "y" in keys:
        places = [(keys, False)]
    words = next((keys[key] for key in _TEXTS if keys.get(key) is not None), "")
    return _Said(name, _place(*places[0]) if len(places) == 1 else (), _words(words))


def _words(value: Any) -> str:
    if isinstance(value, str):
        return "" if value.strip().casefold() == NO_TEXT else value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _place(value: Any, or_box: bool) -> tuple[float, ...]:
    """Two finite numbers, 0 among them, or the four of a box; none where that is not all."""
    if isinstance(value, str):
        found = _PLACE.fullmatch(value) if len(value) < 200 else None
        value = re.split(r"\s*,\s*|\s+", found[1]) if found else ()
    elif isinstance(value, Mapping):
        value = (value.get("x"), value.get("y"))
    elif isinstance(value, list | tuple) and len(value) == 1:
        (value,) = value
    if not isinstance(value, list | tuple) or len(value) not in (2, 4 if or_box else 2):
        return ()
    numbers = tuple(number for number in map(_finite, value) if number is not None)
    return numbers if len(numbers) == len(value) else ()


def _finite(value: Any) -> float | None:
    """A number, also one in quotes; none that is not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and not re.fullmatch(_NUMBER, value.strip()):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _called(content: str) -> list[_Said]:
    """``Action: click(start_box='(x,y)')``: every such line, or a call that is all of the text."""
    if len(content) > _MAX_CHARS:
        return []
    whole = _WHOLE.fullmatch(content)
    said = []
    for call in [whole] if whole else _CALLED.finditer(content):
        named = _ARGUMENT.findall(call[2])
        arguments = [(key.casefold(), one or other or number) for key, one, other, number in named]
        if not named and _place(call[2], False):
            arguments = [("point", call[2])]
        if len(dict(arguments)) == len(arguments):
            one = _of_keys({**dict(arguments), "action": call[1]})
            said += [one] if one is not None else []
    return said
