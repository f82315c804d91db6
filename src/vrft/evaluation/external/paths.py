"""Dotted paths into rows: ``target.name``, ``conversations.1.value``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def value_at(entry: Mapping[str, Any], path: str) -> Any:
    """What stands at a path of a row.

    Args:
        entry: a row of a file.
        path: names and list indices, parted by dots; a name that itself has dots is found whole.

    Returns:
        The value, or None where there is none.

    Example:
        >>> row = {"answers": [{"text": "a cat"}], "a.b": 7}
        >>> value_at(row, "answers.0.text"), value_at(row, "a.b"), value_at(row, "answers.1.text")
        ('a cat', 7, None)
    """
    if path in entry:
        return entry[path]
    value: Any = entry
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and step.isascii() and len(step) < 10:
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value


def nested(leaves: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Values at paths as one tree; steps that count from 0 make a list.

    Args:
        leaves: paths with their values, no path twice and none the beginning of another.

    Returns:
        The tree; a part in which every value is None is None itself.

    Example:
        >>> nested([("image_wh.0", 640), ("image_wh.1", 480), ("target.name", None), ("text", "a cat")])
        {'image_wh': [640, 480], 'target': None, 'text': 'a cat'}
    """
    parts: dict[str, list[tuple[str, Any]]] = {}
    whole: dict[str, Any] = {}
    for path, value in leaves:
        first, dot, rest = path.partition(".")
        if dot:
            parts.setdefault(first, []).append((rest, value))
            whole.setdefault(first, None)
        else:
            whole[first] = value
    return whole | {name: _part(inner) for name, inner in parts.items()}


def _part(leaves: list[tuple[str, Any]]) -> Any:
    inner = nested(leaves)
    if all(value is None for value in inner.values()):
        return None
    places = [str(place) for place in range(len(inner))]
    return [inner[place] for place in places] if inner.keys() == set(places) else inner
