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

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import cast

from vrft.data.label_checks import CATEGORY_BOXES, IMAGE_CLASS, PHRASE_BOXES, QUESTION_LABEL
from vrft.data.rows.box_columns import BoxColumns
from vrft.data.rows.numbers import CATEGORY_NUMBER, COUNT, IMAGE_NUMBER, QUESTION_NUMBER, stated_number
from vrft.data.rows.plain_row import QUESTION, TARGET, PlainRow
from vrft.data.rows.row_form import (
    IMAGE_COLUMNS,
    LabelRow,
    Reading,
    RowForm,
    of_category,
    of_image,
    of_phrase,
)
from vrft.data.scalars import is_uncounted
from vrft.errors import LabelError
from vrft.types import About, Boxes, BoxXYXY, Label, Number, Provides, Record, expect


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
        """Nothing where it is about no image."""
        plain = PlainRow(row)
        if not plain.has(IMAGE_COLUMNS):
            return frozenset()
        if (value := plain.value_object) is not None:
            return _value(plain, str(value["kind"]))
        numbers = _number(plain)
        return numbers if numbers and plain.is_number_alone else _boxes_or_words(plain) | numbers

    def image(self, row: LabelRow) -> object:
        """A list of several images is a sequence."""
        several = isinstance(row.images, list) and len(row.images) > 1
        return row.images if several else row.image

    def says_all(self, row: LabelRow) -> bool:
        return BoxColumns(PlainRow(row)).corners is not None

    def subject(self, row: LabelRow, about: str) -> str:
        plain = PlainRow(row)
        try:
            return plain.text(plain.columns_of(about))
        except LabelError:
            return ""

    def asked(self, row: LabelRow) -> Iterator[tuple[str, str]]:
        plain = PlainRow(row)
        with suppress(LabelError):
            yield plain.text(QUESTION), plain.text(plain.short_answer)

    def stated_wh(self, row: LabelRow) -> tuple[object, object]:
        corners = BoxColumns(PlainRow(row)).corners or ()
        return (None, None) if "width" in corners else super().stated_wh(row)

    def loose_boxes(self, row: LabelRow) -> list[Sequence[float]]:
        return BoxColumns(PlainRow(row)).loose

    def add(self, record: Record, row: LabelRow, pair: Provides, reading: Reading) -> Record:
        plain, about = PlainRow(row), cast(About, pair[0])
        name = plain.text(plain.columns_of(about)) if about != "image" else ""
        if pair == CATEGORY_BOXES:
            boxes, crowd = _boxes(plain, record, reading), is_uncounted(row.entry, row.where)
            return of_category(record, name, boxes, row, asked_once=False, crowd=crowd)
        if pair == PHRASE_BOXES and not plain.is_value:
            return of_phrase(record, name, Boxes(_boxes(plain, record, reading)), row)
        if pair[1] == Number.kind and not plain.is_value:
            key = plain.number_column or next((one for one in TARGET if one in row.entry), COUNT[0])
            return of_phrase(record, name, stated_number(row.entry, key, row.where, row.fix), row, about)
        if plain.is_value or pair not in (IMAGE_CLASS, QUESTION_LABEL):
            value = plain.value(pair[1], record)
            stated = reading.options.coordinates
            if value.has_coordinates and stated not in (None, "pixels"):
                problem = f"The numbers of a target with a 'kind' are pixels, not {stated}."
                raise LabelError(problem, row.where, "Write them in pixels, or leave --coordinates out.")
            return of_phrase(record, name, value, row, about)
        answer = plain.text(plain.short_answer)
        return of_phrase(record, name, Label(answer), row, about) if name else of_image(record, answer, row)


def _value(plain: PlainRow, kind: str) -> frozenset[Provides]:
    """What a row may say whose target is an object."""
    if plain.has(plain.names):
        return frozenset({("category", kind)})
    asked = ("category", "phrase", "question") if plain.has(QUESTION) else ("image",)
    return frozenset((about, kind) for about in asked)


def _number(plain: PlainRow) -> frozenset[Provides]:
    """What it may say as a number."""
    if plain.number_column is None or BoxColumns(plain).are_there:
        return frozenset()
    if plain.has(QUESTION):
        return frozenset({QUESTION_NUMBER})
    if plain.has(plain.names):
        return frozenset({CATEGORY_NUMBER})
    return frozenset({IMAGE_NUMBER} if plain.number_column in COUNT else ())


def _boxes_or_words(plain: PlainRow) -> frozenset[Provides]:
    """What it may say besides numbers and values of other kinds."""
    columns = BoxColumns(plain)
    if columns.are_there or columns.target_is_boxes:
        if not plain.has(QUESTION):
            return frozenset({CATEGORY_BOXES} if plain.has(plain.names) else {PHRASE_BOXES})
        return frozenset({PHRASE_BOXES, CATEGORY_BOXES} if columns.target_is_boxes else {PHRASE_BOXES})
    if plain.has(plain.short_answer):
        return frozenset({IMAGE_CLASS, QUESTION_LABEL} if plain.has(QUESTION) else {IMAGE_CLASS})
    # What a row of a question alone lacks is reported line by line.
    return frozenset({PHRASE_BOXES} if plain.has(QUESTION) else ())


def _boxes(plain: PlainRow, record: Record, reading: Reading) -> tuple[BoxXYXY, ...]:
    """Its boxes in pixels, inside the one image; LabelError without any."""
    if len(record.media) > 1:
        problem = f"The row shows {len(record.media)} images, and its boxes do not say in which they are."
        fix = 'Name the image of each box: "target": {"boxes": {"1": [x1, y1, x2, y2], ...}}.'
        raise LabelError(problem, plain.where, fix)
    if plain.is_value:
        return expect(plain.value(Boxes.kind, record), Boxes).xyxy_px
    return BoxColumns(plain).read(record, reading)


FORM = PlainForm()
