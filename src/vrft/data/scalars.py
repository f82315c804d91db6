"""Single values of label files, whether they are written as themselves or as text.

JSON of many tools, every CSV and all XML write flags, numbers and ids as text: ``"0"`` is a flag that is not
set, ``"64"`` a side of 64 pixels, and ``"1"`` the id 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from vrft.errors import ImageError, LabelError

Id = int | float | str
T = TypeVar("T")

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE = re.compile(r"(0|-?[1-9]\d{0,15})(\.0+)?", re.ASCII)
_SET = frozenset({"true", "yes", "y", "on", "t"})
_NOT_SET = frozenset({"", "false", "no", "n", "off", "f", "none", "null"})
_UNCOUNTED = frozenset(
    {"iscrowd", "crowd", "ignore", "ignored", "difficult", "isdifficult", "isgroupof", "groupof"}
)
_GAPS = re.compile(r"[\s_-]+")


def flag(value: object, name: str, where: str) -> bool:
    """Whether a flag is set; nothing, ``0``, ``"0"`` and ``"false"`` are not.

    Args:
        value: a truth value, a number or text; None where the file has none.
        name: how the file calls it, for messages.
        where: the place, for messages.

    Raises:
        LabelError: it is none of these.

    Example:
        >>> flag("0", "iscrowd", "a.json"), flag(1, "iscrowd", "a.json"), flag(None, "iscrowd", "a.json")
        (False, True, False)
    """
    if value is None or value in (0, 1):
        return bool(value)
    found, text = number(value), str(value).strip().lower()
    if isinstance(value, str | int | float):
        if text in _SET or found == 1:
            return True
        if text in _NOT_SET or found == 0:
            return False
    raise LabelError(f"The value of '{name}', {value!r}, is neither 0 nor 1.", where, "Write 0 or 1.")


def is_uncounted(flags: Mapping[str, object], where: str) -> bool:
    """Whether a flag is set by which an object counts neither for nor against an answer.

    The flags are those of crowds and groups, and of ignored and difficult objects.

    Args:
        flags: fields of an object; those of other names are not looked at.
        where: the place, for messages.

    Raises:
        LabelError: such a flag is neither set nor not set.

    Example:
        >>> is_uncounted({"IsGroupOf": "1", "label": "cat"}, "a.csv"), is_uncounted({"ignore": "0"}, "a.csv")
        (True, False)
    """
    return any(flag(value, name, where) for name, value in flags.items() if is_uncounted_flag(name))


def is_uncounted_flag(name: object) -> bool:
    """Whether a field of this name says that an object may not count."""
    return _GAPS.sub("", str(name)).lower() in _UNCOUNTED


def number(value: object) -> float | None:
    """A finite number, also where it is written as text; None where it is something else.

    Example:
        >>> number("12.5"), number(3), number("cat"), number(True), number(float("nan"))
        (12.5, 3.0, None, None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value.strip()):
        return None
    try:
        found = float(value) if isinstance(value, int | float | str) else math.nan
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def numbers(values: object) -> list[float] | None:
    """A list of finite numbers, each also as text; None where it is something else.

    Example:
        >>> numbers([1, "2.5"]), numbers([1, None]), numbers("12")
        ([1.0, 2.5], None, None)
    """
    found = [number(value) for value in values] if isinstance(values, list | tuple) else [None]
    return None if None in found else [value for value in found if value is not None]


def numbers_under(fields: Mapping[str, object], *names: str) -> list[float]:
    """The numbers of some fields; ValueError where one is not a number."""
    found = numbers([fields.get(name) for name in names])
    if found is None:
        raise ValueError(f"{', '.join(names)} are not numbers")
    return found


def pairs(values: object) -> list[tuple[float, float]]:
    """A list of pairs of finite numbers, each also as text; empty where it is something else.

    Example:
        >>> pairs([[1, "2"], [3, 4]]), pairs([[1, 2], [3]]), pairs(None)
        ([(1.0, 2.0), (3.0, 4.0)], [], [])
    """
    listed = [numbers(value) for value in values] if isinstance(values, list | tuple) else []
    found = [(pair[0], pair[1]) for pair in listed if pair is not None and len(pair) == 2]
    return found if len(found) == len(listed) else []


def whole(value: object) -> int | None:
    """A whole number, also written as text or with zeros behind its point; None where it is none.

    Example:
        >>> whole("64"), whole(64.0), whole("64.0"), whole(64.5), whole("cat")
        (64, 64, 64, None, None)
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = number(value)
    return int(found) if found is not None and found.is_integer() else None


def size(width: object, height: object, where: str) -> tuple[int | float | None, int | float | None]:
    """The sides of an image in pixels as a label file states them; None for one that it does not know.

    Nothing, empty text, 0 and less mean that it does not know.

    Args:
        width: a number, also as text.
        height: a number, also as text.
        where: the place, for messages.

    Raises:
        ImageError: it is something else.

    Example:
        >>> size("64", 48, "a.json"), size(0, None, "a.json")
        ((64, 48), (None, None))
    """
    return _side(width, "width", where), _side(height, "height", where)


def _side(value: object, name: str, where: str) -> int | float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    found = number(value)
    if found is None:
        problem = f"The image's {name}, {value!r}, is not a number."
        raise ImageError(problem, where, "Write the number of its pixels, or leave it out.")
    whole_pixels = whole(value)
    return (found if whole_pixels is None else whole_pixels) if found > 0 else None


def as_id(value: object) -> Id | None:
    """An id in the spelling that all its spellings share; None for what cannot be an id.

    Example:
        >>> as_id("7"), as_id(7.0), as_id(" a7 "), as_id("007"), as_id(None), as_id(True)
        (7, 7, 'a7', '007', None, None)
    """
    if isinstance(value, str):
        text = value.strip()
        return int(found[1]) if (found := _WHOLE.fullmatch(text)) else text or None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


class ById(Generic[T]):
    """Things by their ids, where ``1`` and ``"1"`` are one id unless both are given.

    Example:
        >>> images = ById[str]()
        >>> images.add("1", "a.png"), images.add(2, "b.png"), images.add(2.0, "c.png")
        (True, True, False)
        >>> images.get(1), images.get("2"), images.get(3)
        ('a.png', 'b.png', None)
    """

    def __init__(self) -> None:
        self._things: dict[Id, T] = {}
        self._as_text: set[Id] = set()
        self._others: dict[Id, T] = {}
        """Things whose id is that of another thing in the other spelling."""

    def add(self, value: object, thing: T) -> bool:
        """Keep a thing under its id; False where that is no id, or another thing has it."""
        key, text = as_id(value), isinstance(value, str)
        if key is None:
            return False
        if key not in self._things:
            self._things[key] = thing
            self._as_text |= {key} if text else set()
            return True
        if text == (key in self._as_text) or key in self._others:
            return False
        self._others[key] = thing
        return True

    def get(self, value: object) -> T | None:
        """The thing of an id, in this spelling or else in its only one."""
        key = as_id(value)
        if key is None:
            return None
        if key in self._others and isinstance(value, str) != (key in self._as_text):
            return self._others[key]
        return self._things.get(key)

    def items(self) -> Iterator[tuple[Id, T]]:
        """Every thing with its id."""
        yield from self._things.items()
        yield from self._others.items()

    @property
    def clashes(self) -> list[str]:
        """Ids of which both spellings are given, each with both."""
        return [f'{key} and "{key}"' for key in self._others]
