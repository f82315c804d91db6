"""From brackets to boxes: which groups of an answer are boxes, points, empty places, or failed attempts."""

from __future__ import annotations

import re

from vrft.tasks.parsing.abstentions import is_abstention
from vrft.tasks.parsing.brackets import (
    Group,
    Item,
    Name,
    box_of,
    four_in,
    four_quoted,
    is_finite,
    numbers_of,
    spaced_of,
    span_of,
)
from vrft.tasks.parsing.corners import Pair, join
from vrft.tasks.parsing.objects import (
    BOXES,
    CORNERS_XYXY,
    UNRATED,
    Meaning,
    Rated,
    meaning_of,
    rated,
    read_object,
)
from vrft.tasks.parsing.orders import MAX_CHARS, order_of, orders_in
from vrft.tasks.parsing.raw_answer import Notation, Order, RawBox, RawPoint
from vrft.tasks.parsing.scanner import MAX_CHARS as READ_CHARS
from vrft.tasks.parsing.scanner import Scan
from vrft.types import Span

PERCENT = 100.0
PALIGEMMA_BINS = 1024.0
"""``<loc0000>`` to ``<loc1023>``."""
FLORENCE_BINS = 1000.0
"""``<loc_0>`` to ``<loc_999>``."""

_ATTRIBUTE = re.compile(r"""\b([xy])([0-9]{0,3})\s{0,4}=\s{0,4}["']?\s{0,4}([0-9]{1,6}(?:\.[0-9]{1,20})?)""")
_ALT = re.compile(r"""\balt\s{0,4}=\s{0,4}(?:"([^"]{1,300})"|'([^']{1,300})')""")
_AFTER = re.compile(r"[ \t]*([^;<\n]{1,100})")


class Extractor:
    """Collects what the groups of one scan say; for one use."""

    def __init__(
        self,
        found: Scan,
        text: str,
        brackets_only: bool = False,
        order: Order | None = None,
        points: bool = False,
    ) -> None:
        """Read all groups of a text.

        ``brackets_only`` leaves out numbers after keys outside of brackets; ``order`` is stated before it;
        with ``points`` no pairs of numbers are joined to boxes.
        """
        self._points_asked = points
        self.boxes: list[RawBox] = []
        self.spans: list[Span] = []
        """Where each box is written."""
        self.points: list[RawPoint] = []
        self.notations: set[Notation] = set()
        self.bad = 0
        """Failed attempts at a box."""
        self.empty = 0
        """Places for a box that were left empty: ``'Position': []``, ``[None]``."""
        self.absent: set[str] = set()
        """Names of which there is none: ``"dog": []``."""
        self.empty_places = 0
        """``[]`` and ``{}``, which in the midst of prose say nothing."""
        self.stray = False
        """Pairs of numbers are next to boxes."""
        self._pairs: list[Pair] = []
        self._name: str | None = None
        self._order: Order | None = None
        """What is stated beside what is being read."""
        self._without_order: list[int] = []
        """Boxes for which neither a key nor a notation states an order."""
        self._states = found.words
        """Words are there that may state one."""
        self._text = text
        keyed = Group("{")
        for key, value in found.root.entries:
            if isinstance(value, Name):
                self._name = value.label or None
            elif key is not None and not brackets_only and _counts_outside(key, value):
                keyed.entries.append((key, value))
            elif isinstance(value, Group):
                self._inside(value, order=order_of(key) if key else None)
        if keyed.entries:
            self._boxes_of_object(keyed)
        self._join_pairs(found)
        stated = [(0, order)] if order else []
        if self._without_order and (stated := stated + (orders_in(text, READ_CHARS) if self._states else [])):
            self._follow(stated)
        if self.points and not (self.boxes or points):
            self.notations.add(Notation.OTHER)

    def _follow(self, stated: list[tuple[int, Order]]) -> None:
        """Give boxes the order that was stated last before them, or first after them."""
        for number in self._without_order:
            before = [order for end, order in stated if end <= self.spans[number][0]]
            order = before[-1] if before else stated[0][1]
            self.boxes[number] = self.boxes[number]._replace(order=order)

    def _inside(self, group: Group, name: str | None = None, order: Order | None = None) -> None:
        """Read a group under what is said around it."""
        outer = self._name, self._order
        self._name, self._order = name or self._name, order or self._order
        self._group(group)
        self._name, self._order = outer

    def _join_pairs(self, found: Scan) -> None:
        if self._points_asked:
            for pair in self._pairs:
                self._point(RawPoint(pair.numbers))
            return
        if self.boxes or not self._pairs:
            self.stray = bool(self._pairs)
            return
        joined = join(self._pairs, self._text, found.words)
        for box in joined.boxes:
            self._box(box.numbers, Notation.CORNERS, label=box.label)
        for point in joined.points:
            self._point(RawPoint(point))
        self.bad += joined.unclear

    def _group(self, group: Group) -> None:
        if group.opener == "<":
            self._tokens(group)
        elif group.opener == "{" or any(key is not None for key, _ in group.entries):
            self._object(group)
        else:
            self._list(group)

    def _list(self, group: Group) -> None:
        values = [value for _, value in group.entries]
        numbers = numbers_of(group)
        if not values:
            self.empty_places += group.opener == "["
        elif len(numbers) == 4:
            self._box(numbers, Notation.LIST)
        elif len(numbers) == 2:
            self._pairs.append(Pair((numbers[0], numbers[1]), group.start, group.end))
        elif spaced := spaced_of(group):
            self._box(spaced, Notation.OTHER)
        elif any(isinstance(value, Group) for value in values):
            self._list_of_groups(values)
        else:
            self._flat(group, values)

    def _list_of_groups(self, values: list[Item]) -> None:
        """Boxes, objects or points; or one box with its name and confidence next to it."""
        inner = [value for value in values if isinstance(value, Group)]
        labels = [value for value in values if isinstance(value, str) and not four_in(value)]
        ratings = [value for value in values if isinstance(value, float)]
        numbers = numbers_of(inner[0]) if len(inner) == 1 else ()
        if len(numbers) == 4 and 1 <= len(labels) + len(ratings) == len(values) - 1 <= 2 and len(labels) < 2:
            rating = rated(ratings[0]) if ratings else UNRATED
            self._box(numbers, Notation.OTHER, rating, labels[0] if labels else None)
            return
        for value in values:
            if isinstance(value, Group):
                self._group(value)
            elif isinstance(value, str) and (numbers := four_in(value)):
                self._box(numbers, Notation.OTHER)
            elif value is not None:
                self.bad += 1

    def _flat(self, group: Group, values: list[Item]) -> None:
        """Numbers and words, but neither four numbers nor two."""
        words = [value for value in values if isinstance(value, str)]
        numbers = tuple(value for value in values if isinstance(value, float))
        whole = len(words) + len(numbers) == len(values)
        if not numbers:
            self._states = True
            if order_of(self._text[group.start : min(group.end, group.start + MAX_CHARS)]):
                return
        if group.opener == "(" and not (numbers and whole):
            return  # "(left)" and "(see box 3)" are prose; "(12, left)" is a bad attempt at numbers
        boxes = [box for box in map(four_in, words) if box]
        if not whole:
            self.bad += 1
        elif len(numbers) == 4 and len(words) == 1:
            self._box(numbers, Notation.OTHER, label=words[0])
        elif words and not any(numbers) and all(map(is_abstention, words)):
            self.empty += 1
        elif not numbers and (quoted := four_quoted(words)):
            self._box(quoted, Notation.OTHER)
        else:
            self.bad += len(boxes) < len(values)
            for box in boxes:
                self._box(box, Notation.OTHER)

    def _object(self, group: Group) -> None:
        if not group.entries:
            self.empty_places += not group.cut
            return
        before = self._count()
        words = self._boxes_of_object(group)
        if self._count() > before or group.cut:
            return
        boxes = [box for box in map(four_in, words) if box]
        for box in boxes:
            self._box(box, Notation.OTHER)
        self.bad += not boxes

    def _count(self) -> int:
        found = len(self.boxes) + len(self.points) + len(self._pairs)
        return found + self.bad + self.empty + len(self.absent) + self.empty_places

    def _boxes_of_object(self, group: Group) -> list[str]:
        """An object's own boxes, then what is nested in it; returns its words without a key."""
        reading = read_object(group)
        alone = len(reading.candidates) == 1
        for number, candidate in enumerate(reading.candidates):
            notation = candidate.notation if alone and not reading.loose else Notation.OTHER
            label, order = reading.label(number) or candidate.name, reading.order or candidate.order
            self._box(candidate.numbers, notation, reading.rating(number), label, order)
        only = reading.labels[0][1] if reading.labels else None
        for point in reading.points:
            self._point(RawPoint(point, only))
        self.bad += reading.bad
        self.empty += reading.empty
        self.absent |= {*reading.absent}
        bad, found = self.bad, len(self.boxes) + len(self.points)
        for nested, name in reading.nested:
            self._inside(nested, only or name, reading.order)
        if len(self.boxes) + len(self.points) > found:
            self.notations.add(Notation.OTHER)
        elif reading.candidates or reading.points:
            self.bad = bad  # attributes of a box, and no attempts at more
        return reading.words

    def _tokens(self, group: Group) -> None:
        if group.token.startswith("<point"):
            points = read_point_tag(group.token)
            self.bad += not points
            for point in points:
                self._point(point)
            self.notations.add(Notation.OTHER)
            return
        found = read_run(group, self._text)
        if isinstance(found, RawBox):
            self._box(found.numbers, Notation.OTHER, UNRATED, found.label, found.order, found.extent)
        elif found is not None:
            self._point(found)
            self.notations.add(Notation.OTHER)
        else:
            self.bad += 1

    def _box(
        self,
        numbers: tuple[float, ...],
        notation: Notation,
        rating: Rated = UNRATED,
        label: str | None = None,
        order: Order | None = None,
        extent: float | None = None,
    ) -> None:
        if not is_finite(numbers):
            self.bad += 1
            return
        x1, y1, x2, y2 = map(float, numbers)
        name = label.strip() if label and label.strip() else self._name
        order = order or self._order
        if order is None:
            self._without_order.append(len(self.boxes))
        self.boxes.append(RawBox((x1, y1, x2, y2), order or Order.XYXY, rating[0], name, extent, rating[1]))
        self.spans.append(span_of(numbers))
        self.notations.add(notation)

    def _point(self, point: RawPoint) -> None:
        if not is_finite(point.numbers):
            self.bad += 1
            return
        x, y = map(float, point.numbers)
        self.points.append(point._replace(numbers=(x, y), label=point.label or self._name))


def _counts_outside(key: str, value: Item) -> bool:
    """Whether a key outside of all brackets is more than a word of prose with a colon."""
    meaning = meaning_of(key)
    if isinstance(value, Group):
        return meaning in BOXES and len(box_of(value)) == 4
    return isinstance(value, float) and meaning in {*CORNERS_XYXY, Meaning.CONFIDENCE}


def read_run(group: Group, text: str) -> RawBox | RawPoint | None:
    """Read one run of coordinate tokens: four are a box, two a point, any other number is None.

    PaliGemma names a box after it in the text, up to a semicolon.
    """
    numbers = numbers_of(group)
    if len(numbers) == 2:
        return RawPoint((numbers[0], numbers[1]))
    if len(numbers) != 4:
        return None
    x1, y1, x2, y2 = numbers
    if group.token.startswith("<loc_"):
        return RawBox((x1, y1, x2, y2), extent=FLORENCE_BINS)
    if not group.token.startswith("<loc"):
        return RawBox((x1, y1, x2, y2))
    named = _AFTER.match(text, group.end)
    label = named[1].strip() or None if named else None
    return RawBox((x1, y1, x2, y2), Order.YXYX, label=label, extent=PALIGEMMA_BINS)


def read_point_tag(tag: str) -> list[RawPoint]:
    """Read a ``<point>`` or ``<points>`` tag: x and y, numbered where there are several.

    They are percent, as Molmo writes them, unless a number is above 100. No point is read where an x or a y
    is missing.
    """
    found: dict[str, dict[str, float]] = {}
    for axis, number, value in _ATTRIBUTE.findall(tag):
        found.setdefault(number, {})[axis] = float(value)
    alt = _ALT.search(tag)
    label = (alt[1] or alt[2]).strip() or None if alt else None
    if any(len(point) != 2 for point in found.values()):
        return []
    extent = (
        PERCENT if max((n for point in found.values() for n in point.values()), default=0) <= 100 else None
    )
    return [RawPoint((point["x"], point["y"]), label, extent) for point in found.values()]
