"""Plain rows: an image, what is asked of it, and the answer.

What a row says follows from its columns:

- boxes of a category: ``category`` with boxes, all or some: several rows of an image and category add up,
  ``[]`` says that the category is absent, and no row says nothing;
- the same with ``xmin``, ``ymin``, ``xmax`` and ``ymax`` as columns, one row for each box (TensorFlow's CSV):
  all other categories are then absent;
- the class of an image: ``class``, ``label`` or ``category`` without boxes, or a ``target`` that is text;
- a question with a short answer, or the class of the image, whichever is needed: ``question`` with such a
  class, or with a ``target`` that is text or a number;
- a phrase with boxes: ``question`` (or ``phrase``, ``expression``, ``sentence``) with ``box``, ``boxes`` or
  ``bbox``;
- a phrase or a category, whichever is needed: ``question`` with a ``target`` of boxes;
- a thing through the images of a sequence: ``images`` with several names, a ``question`` or ``category``, and
  ``{"boxes": {"1": [x1, y1, x2, y2], ...}}`` by the images' numbers;
- a number: ``question`` with a ``target`` that is one, also in words or with a unit (``"3.2 m"``), which may
  have a column of its own, ``unit``; or a ``count`` of a ``category``, of what a ``question`` asks for, or,
  without both, of all things in the image;
- any other value: a ``target`` that is an object, such as ``{"kind": "number", "number": 3}`` or
  ``{"kind": "points", "xy_px": [[10, 20]]}`` (``vrft.types.Value``). It is about the category, the
  question, or, without both, the whole image.

``answer`` is another name of ``target``. Boxes are ``[x1, y1, x2, y2]``, a list of these, or ``[]`` for none;
one may also be an object with the names of its numbers, or a text of them. Corners are pixels of the image as
it is seen. ``bbox_xywh`` has a corner with width and height, and so may ``bbox``, where the boxes show it.
Other columns are not read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from vrft.data.data_options import BoxOrder
from vrft.data.label_checks import CATEGORY_BOXES, IMAGE_CLASS, PHRASE_BOXES, QUESTION_LABEL
from vrft.data.rows.box_orders import CORNERS, read_box
from vrft.data.rows.numbers import (
    CATEGORY_NUMBER,
    COUNT,
    IMAGE_NUMBER,
    QUESTION_NUMBER,
    UNIT,
    is_number,
    stated_number,
)
from vrft.data.rows.row_form import (
    IMAGE_COLUMNS,
    LabelRow,
    Reading,
    RowForm,
    of_category,
    of_image,
    of_phrase,
    unpacked,
)
from vrft.data.scalars import is_uncounted, number
from vrft.errors import InputError, LabelError
from vrft.types import About, Boxes, BoxXYXY, Label, Number, Provides, Record, Value, expect

QUESTION = ("question", "phrase", "expression", "sentence")
TARGET = ("target", "answer")
NAME = ("class", "label", "category", "class_name", "category_name", "labelname")
_BOXES: Mapping[str, BoxOrder | None] = {
    **dict.fromkeys(("box", "boxes", "boxes_xyxy", "bbox_xyxy", "bboxes_xyxy", "bbox_2d"), "xyxy"),
    **dict.fromkeys(("bbox_xywh", "bboxes_xywh", "boxes_xywh"), "xywh"),
    **dict.fromkeys(("bbox", "bboxes"), None),
}
"""Columns of boxes, with the order of their numbers where the name says it."""
_PLACE = re.compile(
    r"(bbox_?|box_?)?[xy]([_-]?(c|cen(ter|tre)|mid|min|max|[12]|tl|br))?|[xy]?cen(ter|tre)[_-]?[xy]?|left|top"
)
"""Columns that say where something is."""
EXPECTED = 'Expected: {"image": "a.jpg", "question": "the left cup", "target": [x1, y1, x2, y2]}, in pixels.'
EXPECTED_ANSWER = (
    'Expected: {"image": "a.jpg", "question": "How many cups?", "answer": "two"}, or a "target" of four '
    "numbers, in pixels, where the question is for a place."
)


@dataclass(frozen=True)
class _PlainRow:
    """A row by its columns."""

    row: LabelRow

    @property
    def where(self) -> str:
        return self.row.where

    @property
    def entry(self) -> Mapping[str, Any]:
        return self.row.entry

    def has(self, keys: tuple[str, ...]) -> bool:
        return any(key in self.entry for key in keys)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that may hold its class: those of known names, or the only one with a list of names."""
        listed = [key for key in self.row.names if key in self.entry]
        return NAME if self.has(NAME) or len(listed) != 1 else (listed[0],)

    @property
    def short_answer(self) -> tuple[str, ...]:
        """The columns that may hold its class, or the answer to its question."""
        return (*TARGET, *self.names)

    def text(self, keys: tuple[str, ...]) -> str:
        """The first of these columns, trimmed; LabelError where it is not text."""
        key = next((key for key in keys if key in self.entry), keys[0])
        value = self.entry.get(key)
        # A class may well be called 7.
        is_number = isinstance(value, int) and not isinstance(value, bool)
        text = self.row.named(value, key) if is_number else value
        if isinstance(value, float) and math.isfinite(value):
            text = str(int(value) if value.is_integer() else value)
        if not isinstance(text, str) or not text.strip():
            fix = EXPECTED if key in NAME else EXPECTED_ANSWER
            raise LabelError(f"The row has no text under '{key}'.", self.where, fix)
        return text.strip()

    def boxes(self, record: Record, reading: Reading) -> tuple[BoxXYXY, ...]:
        """Its boxes in pixels, inside the image; LabelError without any."""
        if len(record.media) > 1:
            problem = f"The row shows {len(record.media)} images, and its boxes do not say in which they are."
            fix = 'Name the image of each box: "target": {"boxes": {"1": [x1, y1, x2, y2], ...}}.'
            raise LabelError(problem, self.where, fix)
        if self.is_value:
            return expect(self.value(Boxes.kind, record), Boxes).xyxy_px
        if self.corners is not None:
            found = [number(self.entry.get(key)) for key in self.corners]
            if None in found:
                problem = f"The columns {', '.join(self.corners)} are not four numbers."
                raise LabelError(problem, self.where, "Fix or remove the row.")
            order = CORNERS[self.corners]
            return (reading.box([n for n in found if n is not None], record, self.where, order),)
        key, boxes = self.written_boxes
        usual = _BOXES.get(key, "xyxy") or reading.order
        found_here = [read_box(box) or (box, None) for box in boxes]
        return tuple(reading.box(four, record, self.where, order or usual) for four, order in found_here)

    @property
    def written_boxes(self) -> tuple[str, list[Any]]:
        """Its column of boxes, and these as written; LabelError where it has none."""
        key = next((key for key in (*_BOXES, *TARGET) if key in self.entry), "")
        value = _as_list(self.entry.get(key), self.where)
        flat = isinstance(value, list) and not _all_boxes(value)
        single = key == "box" or (flat and key in (*TARGET, "bbox", "bbox_xyxy", "bbox_xywh", "bbox_2d"))
        boxes = [value] if single or isinstance(value, dict) else value
        if not isinstance(boxes, list) or not _all_boxes(boxes):
            if self.places:
                problem = f"The columns {', '.join(self.places)} make no box."
                raise LabelError(problem, self.where, "Expected: xmin, ymin, xmax, ymax.")
            if not key and self.has(QUESTION):
                problem = f"The row has a question and no answer; its columns are {', '.join(self.entry)}."
                raise LabelError(problem, self.where, EXPECTED_ANSWER)
            problem = "The row has no 'box' of four numbers and no list of 'boxes'."
            raise LabelError(problem, self.where, EXPECTED)
        return key, boxes

    @cached_property
    def corners(self) -> tuple[str, ...] | None:
        """The columns that make its box together."""
        return next((keys for keys in CORNERS if all(key in self.entry for key in keys)), None)

    @property
    def places(self) -> tuple[str, ...]:
        """The columns that say where something is."""
        return tuple(key for key in self.entry if _PLACE.fullmatch(key.lower()))

    def value(self, kind: str, record: Record) -> Value:
        """Its target as a value; LabelError where it is none of this kind, or not of these images."""
        try:
            value = Value.decode(self._object)
        except InputError as error:
            raise LabelError(str(error), self.where) from error
        if value.kind != kind:
            problem = f"The target is of kind '{value.kind}', where '{kind}' is expected."
            raise LabelError(problem, self.where, "Keep targets of different kinds in different tables.")
        wrong = value.label_error([medium.size_wh for medium in record.media])
        if wrong is not None:
            raise LabelError(wrong, self.where, "Fix it. Coordinates are in pixels.")
        return value

    @property
    def has_unit(self) -> bool:
        return any(self.entry.get(key) not in (None, "") for key in UNIT)

    @property
    def number_column(self) -> str | None:
        """The column that holds a number by itself; None where none does."""
        count = next((key for key in COUNT if key in self.entry), None)
        target = next((key for key in TARGET if key in self.entry), None)
        if count is not None or target is None:
            return count
        value = self.entry[target]
        in_words = self.has_unit and isinstance(value, str) and value[:1] not in ("[", "{")
        return target if in_words or is_number(value) else None

    @property
    def numbers(self) -> frozenset[Provides]:
        """What it may say as a number."""
        if self.number_column is None or self.has(tuple(_BOXES)) or self.places:
            return frozenset()
        if self.has(QUESTION):
            return frozenset({QUESTION_NUMBER})
        if self.has(self.names):
            return frozenset({CATEGORY_NUMBER})
        return frozenset({IMAGE_NUMBER} if self.number_column in COUNT else ())

    @property
    def is_value(self) -> bool:
        """Its target is a value rather than boxes or a class."""
        return self._object is not None

    @property
    def provides(self) -> frozenset[Provides]:
        """What it may say; nothing where it is about no image."""
        if not self.has(IMAGE_COLUMNS):
            return frozenset()
        if self._object is not None:
            asked = ("category", "phrase", "question") if self.has(QUESTION) else ("image",)
            asked = ("category",) if self.has(self.names) else asked
            return frozenset((about, str(self._object["kind"])) for about in asked)
        # A unit, or a count without an answer or a class, says that no word is meant.
        words = (*TARGET, *(name for name in self.names if name not in ("category", "category_name")))
        if self.numbers and (self.has_unit or not self.has(words)):
            return self.numbers
        return self._words | self.numbers

    @property
    def _words(self) -> frozenset[Provides]:
        """What it may say besides numbers and values of other kinds."""
        target = self._target
        of_boxes = (
            isinstance(target, list) or str(target)[:1] == "[" or read_box(unpacked(target)) is not None
        )
        if self.has(tuple(_BOXES)) or self.places or of_boxes:
            if not self.has(QUESTION):
                return frozenset({CATEGORY_BOXES} if self.has(self.names) else {PHRASE_BOXES})
            return frozenset({PHRASE_BOXES} if not of_boxes else {PHRASE_BOXES, CATEGORY_BOXES})
        if self.has(self.short_answer):
            return frozenset({IMAGE_CLASS, QUESTION_LABEL} if self.has(QUESTION) else {IMAGE_CLASS})
        # What a row of a question alone lacks is reported line by line.
        return frozenset({PHRASE_BOXES} if self.has(QUESTION) else ())

    @property
    def _target(self) -> object:
        return next((self.entry[key] for key in TARGET if key in self.entry), None)

    @property
    def _object(self) -> Mapping[str, Any] | None:
        """The target where it is an object with a kind; in CSV as JSON in its cell."""
        value = self._target
        if isinstance(value, str) and value.startswith("{"):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                return None
        if not isinstance(value, dict) or "kind" in value:
            return value if isinstance(value, dict) else None
        bare = next((kind for kind in Value.kinds() if Value.of_kind(kind).matches_untyped(value)), None)
        return None if bare is None else {"kind": bare, **value}


class PlainForm(RowForm):
    """An image, what is asked, and the answer."""

    rank = 9
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: 'an "image", a "category" and a "target" on each line, the target a list of boxes',
        IMAGE_CLASS: 'an "image" and a "class" or "target" on each line',
        PHRASE_BOXES: 'an "image", a "question" and a "box" or "target" on each line',
        QUESTION_LABEL: 'an "image", a "question" and a short "answer" on each line',
        QUESTION_NUMBER: 'an "image", a "question", a number as "answer" and perhaps a "unit" on each line',
        CATEGORY_NUMBER: 'an "image", a "category" and a "count" on each line',
        IMAGE_NUMBER: 'an "image" and a "count" on each line',
    }

    def says(self, row: LabelRow) -> frozenset[Provides]:
        return _PlainRow(row).provides

    def image(self, row: LabelRow) -> object:
        """A list of several images is a sequence."""
        several = isinstance(row.images, list) and len(row.images) > 1
        return row.images if several else row.image

    def says_all(self, row: LabelRow) -> bool:
        return _PlainRow(row).corners is not None

    def subject(self, row: LabelRow, about: str) -> str:
        plain = _PlainRow(row)
        try:
            return plain.text(_columns(plain, about))
        except LabelError:
            return ""

    def asked(self, row: LabelRow) -> Iterator[tuple[str, str]]:
        plain = _PlainRow(row)
        with suppress(LabelError):
            yield plain.text(QUESTION), plain.text(plain.short_answer)

    def stated_wh(self, row: LabelRow) -> tuple[object, object]:
        corners = _PlainRow(row).corners or ()
        return (None, None) if "width" in corners else super().stated_wh(row)

    def loose_boxes(self, row: LabelRow) -> list[Sequence[float]]:
        plain = _PlainRow(row)
        if plain.corners is not None:
            return []
        try:
            key, boxes = plain.written_boxes
        except LabelError:
            return []
        found = [read_box(box) for box in boxes] if _BOXES.get(key, "xyxy") is None else []
        return [box[0] for box in found if box is not None and box[1] is None]

    def add(self, record: Record, row: LabelRow, pair: Provides, reading: Reading) -> Record:
        plain, about = _PlainRow(row), cast(About, pair[0])
        name = plain.text(_columns(plain, about)) if about != "image" else ""
        if pair == CATEGORY_BOXES:
            boxes, crowd = plain.boxes(record, reading), is_uncounted(row.entry, row.where)
            return of_category(record, name, boxes, row, asked_once=False, crowd=crowd)
        if pair == PHRASE_BOXES and not plain.is_value:
            return of_phrase(record, name, Boxes(plain.boxes(record, reading)), row)
        if pair[1] == Number.kind and not plain.is_value:
            key = plain.number_column or next((one for one in TARGET if one in row.entry), COUNT[0])
            return of_phrase(record, name, stated_number(row.entry, key, row.where, row.fix), row, about)
        if plain.is_value or pair not in (IMAGE_CLASS, QUESTION_LABEL):
            value = plain.value(pair[1], record)
            if value.has_coordinates and reading.options.coordinates not in (None, "pixels"):
                problem = (
                    f"The numbers of a target with a 'kind' are pixels, not {reading.options.coordinates}."
                )
                raise LabelError(problem, row.where, "Write them in pixels, or leave --coordinates out.")
            return of_phrase(record, name, value, row, about)
        answer = plain.text(plain.short_answer)
        return of_phrase(record, name, Label(answer), row, about) if name else of_image(record, answer, row)


def _columns(row: _PlainRow, about: str) -> tuple[str, ...]:
    """The columns that name what a row is about."""
    return row.names if about == "category" and row.has(row.names) else QUESTION


def _as_list(value: object, where: str) -> object:
    """A list or object that a CSV cell holds as JSON, the four numbers of a text, or the value itself."""
    if not isinstance(value, str):
        return value
    found = unpacked(value)
    if isinstance(found, str) and (box := read_box(found)) is not None:
        return box[0]
    if isinstance(found, str):
        fix = 'Write them as JSON: "[[x1, y1, x2, y2]]".'
        raise LabelError(f"The boxes '{value[:60]}' are not a list.", where, fix)
    return found


def _all_boxes(values: list[Any]) -> bool:
    return all(isinstance(value, list) or read_box(value) is not None for value in values)


FORM = PlainForm()
