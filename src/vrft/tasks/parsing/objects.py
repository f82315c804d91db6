"""Objects in braces: what their keys mean, and where their boxes, points, names and confidences are.

The demanded keys are those of the paper (``Position``, ``Confidence``) and of the Qwen family (``bbox_2d``);
``bbox``, ``box``, ``bounding_box`` and ``bounding_box_2d`` are taken for them. Every other key is read as
well as it can be, and costs the form. Where one object has several boxes, each has the name and the
confidence that are written with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Container
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import NamedTuple, TypeVar

from vrft.tasks.parsing.abstentions import is_abstention
from vrft.tasks.parsing.brackets import (
    Group,
    Item,
    box_of,
    corners_in,
    four_in,
    four_quoted,
    number_in,
    numbers_of,
    pairs_of,
    point_of,
)
from vrft.tasks.parsing.corners import SIDES
from vrft.tasks.parsing.orders import order_of
from vrft.tasks.parsing.raw_answer import Notation, Order, Rating


class Meaning(Enum):
    """What is under a key."""

    BOX = auto()
    BOX_OTHER = auto()
    """A box under a key that nobody asked for."""
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
    CENTER_X = auto()
    CENTER_Y = auto()
    TOP_LEFT = auto()
    BOTTOM_RIGHT = auto()
    WRAPPER = auto()
    """Is around an answer and says nothing of it: ``answer``."""
    NAME = auto()
    """Anything else: the key names the object."""


BOX_KEYS = frozenset({"position", "bbox_2d", "bbox", "box", "bounding_box", "bounding_box_2d"})
CONFIDENCE_KEYS = frozenset({"confidence", "score"})
BOXES = frozenset({Meaning.BOX, Meaning.BOX_OTHER})
CORNERS_XYXY = (Meaning.X1, Meaning.Y1, Meaning.X2, Meaning.Y2)

_WORDS = {
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
    Meaning.CENTER_X: "cx xcenter centerx xcentre centrex",
    Meaning.CENTER_Y: "cy ycenter centery ycentre centrey",
    Meaning.TOP_LEFT: "topleft lefttop upperleft topleftcorner upperleftcorner",
    Meaning.BOTTOM_RIGHT: "bottomright rightbottom lowerright bottomrightcorner lowerrightcorner",
    Meaning.WRAPPER: "answer finalanswer output result results response prediction predictions detections "
    "objects final",
}
_MEANINGS = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}
_SEPARATORS = re.compile(r"[\s_*-]+")
_BOX_PARTS = re.compile(r"b?box|bndb|pos|coord|rect|region|area|2d")
T = TypeVar("T")
Rated = tuple[float | None, Rating]
UNRATED: Rated = (None, Rating.NONE)
_MISSING: Rated = (None, Rating.MISSING)
_UNREADABLE: Rated = (None, Rating.UNREADABLE)
_HOLD_BOXES = BOXES | {Meaning.POINT, Meaning.WRAPPER, Meaning.NAME}
_HOLD_NO_BOX = frozenset({Meaning.CONFIDENCE, Meaning.WIDTH, Meaning.HEIGHT})
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
    return Meaning.BOX_OTHER if _BOX_PARTS.search(plain) or order_of(key) else Meaning.NAME


class BoxCandidate(NamedTuple):
    """Where in an object a box is, and how it is written."""

    at: int
    numbers: tuple[float, ...]
    order: Order | None = None
    """None where neither its key nor the keys of its numbers state one."""
    notation: Notation = Notation.OTHER
    name: str | None = None


@dataclass(slots=True)
class ObjectReading:
    """What one object says."""

    candidates: list[BoxCandidate] = field(default_factory=list)
    ratings: list[tuple[int, Rated]] = field(default_factory=list)
    labels: list[tuple[int, str]] = field(default_factory=list)
    points: list[tuple[float, float]] = field(default_factory=list)
    halved: list[tuple[float, float]] = field(default_factory=list)
    """Two numbers where a box should be."""
    absent: list[str] = field(default_factory=list)
    """Names of which an empty list says that there is none."""
    nested: list[tuple[Group, str | None]] = field(default_factory=list)
    """Groups that may hold boxes of their own, each with what its key calls them."""
    words: list[str] = field(default_factory=list)
    """Strings without a key."""
    order: Order | None = None
    """What the object says of the order of numbers: ``"format": "xywh"``."""
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
    slots_at: int = 0
    """Where the first of these is."""

    def rating(self, number: int) -> Rated:
        """The confidence of the n-th box."""
        own = self._with(self.ratings, number)
        return own[0] if own else _MISSING if self.demands_rating else UNRATED

    def label(self, number: int) -> str | None:
        """The name of the n-th box, and the object's only one where there is no other."""
        if len(self.labels) < 2 or len(self.candidates) < 2:
            return self.labels[0][1] if self.labels else None
        own = self._with(self.labels, number)
        return own[0] if own else None

    def _with(self, given: list[tuple[int, T]], number: int) -> list[T]:
        """What is written with the n-th box: what precedes each of them, or else what follows each."""
        start = self.candidates[number].at
        before = self.candidates[number - 1].at if number else -1
        after = self.candidates[number + 1].at if number + 1 < len(self.candidates) else math.inf
        if len(given) > 1 and len(self.candidates) > 1 and given[0][0] <= self.candidates[0].at:
            return [one for index, one in given if before < index <= start]
        own = [one for index, one in given if start < index < after]
        return own or ([one for index, one in given if index <= start] if number == 0 else [])


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
    if reading.halved:
        reading.bad += len(reading.halved)
        # With a size beside it, it is a place of which the corners are not written.
        sized = any(key and SIDES.search(key) for key, _ in group.entries)
        if not (reading.candidates or reading.points or sized):
            reading.points += reading.halved
    return reading


def _stray(group: Group, index: int, reading: ObjectReading) -> None:
    """A group without a key: {'Position': [...], {'Confidence': 0.5}} is met."""
    key, value = group.entries[0] if len(group.entries) == 1 else (None, None)
    if key is not None and meaning_of(key) is Meaning.CONFIDENCE:
        reading.ratings.append((index, rated(value)))
    else:
        reading.nested.append((group, None))


def _group_under(key: str, group: Group, index: int, reading: ObjectReading) -> None:
    meaning = meaning_of(key)
    numbers = numbers_of(group) or point_of(group) if meaning is Meaning.POINT else box_of(group)
    inner = group.opener == "{" or any(
        isinstance(value, Group) or name is not None for name, value in group.entries
    )
    if meaning is Meaning.CONFIDENCE:
        reading.ratings.append((index, _UNREADABLE))
        reading.nested += [(group, None)] if inner else []
    elif len(numbers) == 4 and meaning not in _HOLD_NO_BOX:
        plain = meaning is Meaning.BOX and len(group.entries) == 4
        notation = Notation.OBJECT if plain else Notation.OTHER
        name = key if meaning is Meaning.NAME else None
        order = order_of(key) if meaning is Meaning.BOX_OTHER else None
        reading.candidates.append(BoxCandidate(index, numbers, order, notation, name))
    elif len(numbers) == 2 and meaning in (Meaning.TOP_LEFT, Meaning.BOTTOM_RIGHT):
        _begin_another(meaning, reading.corners, index, reading)
        reading.corners[meaning] = numbers
    elif meaning is Meaning.POINT and (len(numbers) == 2 or pairs_of(group)):
        reading.points += pairs_of(group) or [(numbers[0], numbers[1])]
    elif not group.entries:
        if meaning is Meaning.NAME:
            reading.absent.append(key)
        else:
            reading.empty += meaning in _HOLD_BOXES
    elif meaning in _HOLD_BOXES and all(isinstance(v, str) and is_abstention(v) for _, v in group.entries):
        reading.empty += 1
    elif meaning in _HOLD_BOXES and (order := order_of(" ".join(str(v) for _, v in group.entries))):
        reading.order = order
    elif inner and (meaning in BOXES or meaning in _HOLD_ANYTHING):
        reading.nested.append((group, key if meaning is Meaning.NAME else None))
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
    elif len(pair := numbers_of(group)) == 2:
        reading.halved.append((pair[0], pair[1]))
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
        if isinstance(value, str) and value.strip():
            reading.labels.append((index, value.strip()))
    elif isinstance(value, str) and (order := order_of(value)):
        reading.order = order
    elif meaning in BOXES or meaning is Meaning.WRAPPER:
        numbers = four_in(value) or corners_in(value) if isinstance(value, str) else ()
        if numbers:
            order = order_of(key) if meaning is Meaning.BOX_OTHER else None
            reading.candidates.append(BoxCandidate(index, numbers, order))
        elif isinstance(value, str) and is_abstention(value):
            reading.empty += 1
        elif meaning in BOXES:
            reading.bad += meaning is not Meaning.BOX_OTHER
            reading.halves += meaning is Meaning.BOX_OTHER
    elif meaning is not Meaning.NAME:
        number = value if isinstance(value, float) else number_in(value)
        if number is not None and math.isfinite(number):
            _begin_another(meaning, reading.slots, index, reading)
            reading.slots[meaning] = number


def _begin_another(meaning: Meaning, known: Container[Meaning], index: int, reading: ObjectReading) -> None:
    """A key that comes again begins another box."""
    if meaning in known:
        _complete(reading)
        reading.slots.clear()
        reading.corners.clear()
        reading.halves = 0
    if not (reading.slots or reading.corners):
        reading.slots_at = index


def _complete(reading: ObjectReading) -> None:
    """Boxes whose numbers are under keys of their own; the half of such a box is bad."""
    if not (reading.slots or reading.corners or reading.halves):
        return
    at = reading.slots_at
    if len(reading.corners) == 2:
        numbers = reading.corners[Meaning.TOP_LEFT] + reading.corners[Meaning.BOTTOM_RIGHT]
        reading.candidates.append(BoxCandidate(at, numbers))
    elif reading.corners:
        reading.halves += 1
    slots = reading.slots
    x, y = slots.get(Meaning.X1, slots.get(Meaning.X)), slots.get(Meaning.Y1, slots.get(Meaning.Y))
    sides = tuple(slots[side] for side in (Meaning.WIDTH, Meaning.HEIGHT) if side in slots)
    center = tuple(slots[axis] for axis in (Meaning.CENTER_X, Meaning.CENTER_Y) if axis in slots)
    if all(slot in slots for slot in CORNERS_XYXY):
        corners = tuple(slots[slot] for slot in CORNERS_XYXY)
        reading.candidates.append(BoxCandidate(at, corners, Order.XYXY))
    elif x is not None and y is not None and len(sides) == 2:
        reading.candidates.append(BoxCandidate(at, (x, y, *sides), Order.XYWH))
    elif len(center) == len(sides) == 2:
        reading.candidates.append(BoxCandidate(at, (*center, *sides), Order.CXCYWH))
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
