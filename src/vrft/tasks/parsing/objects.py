"""Objects in braces: what their keys mean, and where their boxes, points, names and confidences are.

The demanded keys are those of the paper (``Position``, ``Confidence``) and of the Qwen family (``bbox_2d``);
``bbox``, ``box``, ``bounding_box`` and ``bounding_box_2d`` are taken for them. Every other key is read as
well as it can be, and costs the form.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple

from vrft.tasks.parsing.abstentions import is_abstention
from vrft.tasks.parsing.brackets import (
    Group,
    Item,
    box_of,
    four_in,
    four_quoted,
    number_in,
    numbers_of,
    pairs_of,
)
from vrft.tasks.parsing.raw_answer import Notation, Order, Rating


class Meaning(Enum):
    """What is under a key."""

    BOX = auto()
    BOX_OTHER = auto()
    """A box under a key that nobody asked for."""
    BOX_YX = auto()
    """``box_2d``: the models that write it (Gemini) put y before x, always."""
    POINT = auto()
    LABEL = auto()
    CONFIDENCE = auto()
    X1 = auto()
    Y1 = auto()
    X2 = auto()
    Y2 = auto()
    X = auto()
    Y = auto()
    WIDTH = auto()
    HEIGHT = auto()
    TOP_LEFT = auto()
    BOTTOM_RIGHT = auto()
    WRAPPER = auto()
    """Is around an answer and says nothing of it: ``answer``."""
    NAME = auto()
    """Anything else: the key names the object."""


BOX_KEYS = frozenset({"position", "bbox_2d", "bbox", "box", "bounding_box", "bounding_box_2d"})
CONFIDENCE_KEYS = frozenset({"confidence", "score"})
BOXES = frozenset({Meaning.BOX, Meaning.BOX_OTHER, Meaning.BOX_YX})
CORNERS_XYXY = (Meaning.X1, Meaning.Y1, Meaning.X2, Meaning.Y2)

_WORDS = {
    Meaning.BOX_YX: "box2d",
    Meaning.POINT: "point point2d points points2d coordinate xy click center centre location",
    Meaning.LABEL: "label name category class classname categoryname object objectname text textcontent "
    "description caption nameen namezh species",
    Meaning.CONFIDENCE: "confidence score conf probability prob confidencescore",
    Meaning.X1: "x1 x0 xmin minx left leftx topleftx",
    Meaning.Y1: "y1 y0 ymin miny top topy toplefty",
    Meaning.X2: "x2 xmax maxx right rightx bottomrightx",
    Meaning.Y2: "y2 ymax maxy bottom bottomy bottomrighty",
    Meaning.X: "x",
    Meaning.Y: "y",
    Meaning.WIDTH: "w width",
    Meaning.HEIGHT: "h height",
    Meaning.TOP_LEFT: "topleft lefttop upperleft topleftcorner upperleftcorner",
    Meaning.BOTTOM_RIGHT: "bottomright rightbottom lowerright bottomrightcorner lowerrightcorner",
    Meaning.WRAPPER: "answer finalanswer output result results response prediction predictions detections "
    "objects final",
}
_MEANINGS = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}
_SEPARATORS = re.compile(r"[\s_*-]+")
_BOX_PARTS = re.compile(r"b?box|bndb|pos|coord|rect|region|area|2d")
Rated = tuple[float | None, Rating]
UNRATED: Rated = (None, Rating.NONE)
_MISSING: Rated = (None, Rating.MISSING)
_UNREADABLE: Rated = (None, Rating.UNREADABLE)
_HOLD_BOXES = BOXES | {Meaning.POINT, Meaning.WRAPPER, Meaning.NAME}
_HOLD_ANYTHING = frozenset({Meaning.LABEL, Meaning.WRAPPER, Meaning.NAME})


@lru_cache(maxsize=4096)
def meaning_of(key: str) -> Meaning:
    """What is under a key of an object, given in lower case; ``NAME`` for a key that is not known."""
    if key in BOX_KEYS:
        return Meaning.BOX
    plain = _SEPARATORS.sub("", key[:60])
    found = _MEANINGS.get(plain)
    if found is not None:
        return found
    return Meaning.BOX_OTHER if _BOX_PARTS.search(plain) else Meaning.NAME


class BoxCandidate(NamedTuple):
    """Where in an object a box is, and how it is written."""

    at: int
    numbers: tuple[float, ...]
    order: Order = Order.XYXY
    notation: Notation = Notation.OTHER
    name: str | None = None


@dataclass(slots=True)
class ObjectReading:
    """What one object says."""

    candidates: list[BoxCandidate] = field(default_factory=list)
    ratings: list[tuple[int, Rated]] = field(default_factory=list)
    points: list[tuple[float, float]] = field(default_factory=list)
    nested: list[Group] = field(default_factory=list)
    """Groups that may hold boxes of their own."""
    words: list[str] = field(default_factory=list)
    """Strings without a key."""
    label: str | None = None
    bad: int = 0
    """Failed attempts at a box."""
    empty: int = 0
    """Keys for boxes with nothing under them."""
    halves: int = 0
    """What would be attempts at a box if there were no box next to them."""
    demands_rating: bool = False
    loose: bool = False
    """A key was met that nobody asked for, and that counts."""
    slots: dict[Meaning, float] = field(default_factory=dict)
    corners: dict[Meaning, tuple[float, ...]] = field(default_factory=dict)

    def rating(self, number: int) -> Rated:
        """The confidence of the n-th box: what follows it before the next one, or precedes the first."""
        start = self.candidates[number].at
        end = self.candidates[number + 1].at if number + 1 < len(self.candidates) else math.inf
        own = [one for index, one in self.ratings if start < index < end]
        if not own and number == 0:
            own = [one for index, one in self.ratings if index <= start]
        return own[0] if own else _MISSING if self.demands_rating else UNRATED


def read_object(group: Group) -> ObjectReading:
    """Read the keys of one object, or of a list that has keys; what is nested in it is the caller's."""
    reading = ObjectReading()
    for index, (key, value) in enumerate(group.entries):
        if key is None:
            if isinstance(value, Group):
                _stray(value, index, reading)
            elif isinstance(value, str):
                reading.words.append(value)
        elif isinstance(value, Group):
            _group_under(key, value, index, reading)
        else:
            _scalar_under(key, value, index, reading)
        reading.demands_rating |= key == "position"
    _complete(reading)
    return reading


def _stray(group: Group, index: int, reading: ObjectReading) -> None:
    """A group without a key: {'Position': [...], {'Confidence': 0.5}} is met."""
    key, value = group.entries[0] if len(group.entries) == 1 else (None, None)
    if key is not None and meaning_of(key) is Meaning.CONFIDENCE:
        reading.ratings.append((index, rated(value)))
    else:
        reading.nested.append(group)


def _group_under(key: str, group: Group, index: int, reading: ObjectReading) -> None:
    meaning = meaning_of(key)
    numbers = numbers_of(group) if meaning is Meaning.POINT else box_of(group)
    inner = group.opener == "{" or any(
        isinstance(value, Group) or name is not None for name, value in group.entries
    )
    if meaning is Meaning.CONFIDENCE:
        reading.ratings.append((index, _UNREADABLE))
        reading.nested += [group] if inner else []
    elif len(numbers) == 4 and meaning in _HOLD_BOXES:
        plain = meaning is Meaning.BOX and len(group.entries) == 4
        reading.candidates.append(
            BoxCandidate(
                index,
                numbers,
                Order.YXYX if meaning is Meaning.BOX_YX else Order.XYXY,
                Notation.OBJECT if plain else Notation.OTHER,
                key if meaning is Meaning.NAME else None,
            )
        )
    elif len(numbers) == 2 and meaning in (Meaning.TOP_LEFT, Meaning.BOTTOM_RIGHT):
        reading.corners[meaning] = numbers
    elif meaning is Meaning.POINT and (len(numbers) == 2 or pairs_of(group)):
        reading.points += pairs_of(group) or [(numbers[0], numbers[1])]
    elif not group.entries:
        reading.empty += meaning in _HOLD_BOXES
    elif inner and (meaning in BOXES or meaning in _HOLD_ANYTHING):
        reading.nested.append(group)
    elif meaning in BOXES:
        _words_under(group, index, reading, sure=meaning is not Meaning.BOX_OTHER)
    else:
        reading.halves += meaning not in _HOLD_ANYTHING


def _words_under(group: Group, index: int, reading: ObjectReading, sure: bool) -> None:
    """A list under a key for boxes that is not a list of four numbers: they may be in quotes."""
    words = [value for _, value in group.entries if isinstance(value, str)]
    numbers = four_quoted(words) or (four_in(words[0]) if len(words) == len(group.entries) == 1 else ())
    if numbers:
        reading.candidates.append(BoxCandidate(index, numbers))
    elif sure:
        reading.bad += 1
    else:
        reading.halves += 1


def _scalar_under(key: str, value: Item, index: int, reading: ObjectReading) -> None:
    meaning = meaning_of(key)
    if meaning is Meaning.CONFIDENCE:
        reading.ratings.append((index, rated(value)))
        reading.loose |= key not in CONFIDENCE_KEYS
    elif meaning is Meaning.LABEL:
        if isinstance(value, str) and reading.label is None:
            reading.label = value.strip() or None
    elif meaning in BOXES or meaning is Meaning.WRAPPER:
        numbers = four_in(value) if isinstance(value, str) else ()
        if numbers:
            reading.candidates.append(BoxCandidate(index, numbers))
        elif isinstance(value, str) and is_abstention(value):
            reading.empty += 1
        elif meaning in BOXES:
            reading.bad += meaning is not Meaning.BOX_OTHER
            reading.halves += meaning is Meaning.BOX_OTHER
    elif meaning is not Meaning.NAME:
        number = value if isinstance(value, float) else number_in(value)
        if number is not None and math.isfinite(number):
            reading.slots[meaning] = number


def _complete(reading: ObjectReading) -> None:
    """Boxes whose numbers are under keys of their own; the half of such a box is bad."""
    if not (reading.slots or reading.corners or reading.halves):
        return
    if len(reading.corners) == 2:
        numbers = reading.corners[Meaning.TOP_LEFT] + reading.corners[Meaning.BOTTOM_RIGHT]
        reading.candidates.append(BoxCandidate(0, numbers))
    elif reading.corners:
        reading.halves += 1
    slots = reading.slots
    x, y = slots.get(Meaning.X1, slots.get(Meaning.X)), slots.get(Meaning.Y1, slots.get(Meaning.Y))
    if all(slot in slots for slot in CORNERS_XYXY):
        reading.candidates.append(BoxCandidate(0, tuple(slots[slot] for slot in CORNERS_XYXY)))
    elif x is not None and y is not None and Meaning.WIDTH in slots and Meaning.HEIGHT in slots:
        numbers = (x, y, slots[Meaning.WIDTH], slots[Meaning.HEIGHT])
        reading.candidates.append(BoxCandidate(0, numbers, Order.XYWH))
    elif Meaning.X in slots and Meaning.Y in slots:
        reading.points.append((slots[Meaning.X], slots[Meaning.Y]))
    elif any(slot in slots for slot in CORNERS_XYXY):
        reading.halves += 1
    if not reading.candidates and not reading.points:
        reading.bad += reading.halves


def rated(value: Item) -> Rated:
    """What is written as a confidence: a number, a number in quotes, or nothing to be read."""
    if isinstance(value, float):
        return _UNREADABLE if math.isnan(value) else (float(value), Rating.GIVEN)
    number = number_in(value)
    return _UNREADABLE if number is None else (float(number), Rating.LOOSE)
