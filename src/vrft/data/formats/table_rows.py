"""Lines of tables: JSON lines, or CSV with a header; columns ``image``, ``question`` and ``target``.

What a row says follows from its columns, and the first row that can be read speaks for its file:

- boxes of a category: ``category`` with boxes, all or some: several rows of an image and category add up,
  ``[]`` says that the category is absent, and no row says nothing;
- the class of an image: ``class``, ``label`` or ``category`` without boxes, or a ``target`` that is text;
- a phrase with boxes: ``question`` with boxes, called ``box``, ``boxes`` or ``boxes_xyxy``;
- a phrase or a category, whichever is needed: ``question`` with a ``target`` of boxes;
- any other value: a ``target`` that is an object, such as ``{"kind": "number", "number": 3}`` or
  ``{"kind": "points", "xy_px": [[10, 20]]}`` (``vrft.types.Value``). It is about the category, the
  question, or, without both, the whole image.

Boxes are ``[x1, y1, x2, y2]``, a list of these, or ``[]`` for none; corners are pixels of the image as it
is seen. In CSV they are JSON in one cell, ``"[1, 2, 3, 4]"``, and commas, semicolons or tabs separate the
cells. ``width`` and ``height`` are compared with the image; ``split`` (train, val, test) names its part,
and where it is absent the folder of the image does, or else the name of the file (``train.csv``). Other
columns are not read.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, cast

from vrft.data.dataset import Dataset
from vrft.data.image_paths import ImageFinder
from vrft.data.label_checks import (
    CATEGORY_BOXES,
    IMAGE_CLASS,
    PHRASE_BOXES,
    Mistakes,
    check_size,
    class_of,
    instance_of,
    one_part_each,
    part_of,
    part_of_record,
    record_id,
    record_of,
    warnings_about,
)
from vrft.data.scalars import numbers
from vrft.errors import ImageError, InputError, LabelError
from vrft.types import About, Annotation, Boxes, BoxXYXY, Label, Provides, Record, Value, expect, in_words
from vrft.types.names import nfc

IMAGE = ("image",)
QUESTION = ("question", "expression")
TARGET = ("target",)
NAME = ("class", "label", "category")
_BOXES = ("box", "boxes", "boxes_xyxy")

_SUFFIXES = frozenset({".jsonl", ".csv", ".tsv"})
_EXPECTED = 'Expected: {"image": "a.jpg", "question": "the left cup", "target": [x1, y1, x2, y2]}, in pixels.'


@dataclass(frozen=True)
class TableRow:
    """One line of a table, or why it cannot be read."""

    where: str
    entry: Mapping[str, Any]
    mistake: LabelError | None = None
    raw: str = ""
    """The text of a line that cannot be read."""

    def has(self, keys: tuple[str, ...]) -> bool:
        return any(key in self.entry for key in keys)

    def text(self, keys: tuple[str, ...]) -> str:
        """The first of these columns, trimmed; LabelError where it is not text."""
        value = next((self.entry[key] for key in keys if key in self.entry), None)
        # A class may well be called 7.
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not text.strip():
            raise LabelError(f"The row has no text under '{keys[0]}'.", self.where, _EXPECTED)
        return text.strip()

    def boxes(self, image_wh: tuple[int, int], mistakes: Mistakes) -> tuple[BoxXYXY, ...]:
        """Its boxes in pixels, inside the image; LabelError without any."""
        if self.is_value:
            return expect(self.value(Boxes.kind, image_wh), Boxes).xyxy_px
        key = next((key for key in (*_BOXES, *TARGET) if key in self.entry), "")
        value = _unpacked(self.entry.get(key), self.where)
        single = key == "box" or (key == "target" and isinstance(value, list) and not _all_lists(value))
        boxes = [value] if single else value
        if not isinstance(boxes, list) or not _all_lists(boxes):
            problem = "The row has no 'box' of four numbers and no list of 'boxes'."
            raise LabelError(problem, self.where, _EXPECTED)
        return tuple(mistakes.box(numbers(box) or box, image_wh, self.where) for box in boxes)

    def value(self, kind: str, image_wh: tuple[int, int]) -> Value:
        """Its target as a value; LabelError where it is none of this kind, or not inside the image."""
        try:
            value = Value.decode(self._object)
        except InputError as error:
            raise LabelError(str(error), self.where, f"Known kinds: {', '.join(Value.kinds())}.") from error
        if value.kind != kind:
            problem = f"The target is of kind '{value.kind}', where '{kind}' is expected."
            raise LabelError(problem, self.where, "Keep targets of different kinds in different tables.")
        for box in value.evidence_boxes or ():
            if min(box) < 0 or box[2] > image_wh[0] or box[3] > image_wh[1]:
                problem = f"The target is outside its image of {image_wh[0]}x{image_wh[1]} pixels."
                raise LabelError(problem, self.where, "Fix it. Coordinates are in pixels.")
        return value

    @property
    def is_value(self) -> bool:
        """Its target is a value rather than boxes or a class."""
        return self._object is not None

    @property
    def provides(self) -> frozenset[Provides]:
        """What it may say; nothing where it is about no image."""
        if not self.has(IMAGE):
            return frozenset()
        if self._object is not None:
            asked = ("category", "phrase", "question") if self.has(QUESTION) else ("image",)
            asked = ("category",) if self.has(NAME) else asked
            return frozenset((about, str(self._object["kind"])) for about in asked)
        of_boxes = isinstance(self.entry.get("target"), list) or str(self.entry.get("target"))[:1] == "["
        if self.has(_BOXES) or of_boxes:
            if not self.has(QUESTION):
                return frozenset({CATEGORY_BOXES} if self.has(NAME) else {PHRASE_BOXES})
            return frozenset({PHRASE_BOXES} if self.has(_BOXES) else {PHRASE_BOXES, CATEGORY_BOXES})
        # What a row of a question alone lacks is reported line by line.
        return frozenset({IMAGE_CLASS} if self.has((*TARGET, *NAME)) else {PHRASE_BOXES})

    @property
    def _object(self) -> Mapping[str, Any] | None:
        """The target where it is an object with a kind; in CSV as JSON in its cell."""
        value = self.entry.get("target")
        if isinstance(value, str) and value.startswith("{"):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                return None
        return value if isinstance(value, dict) and "kind" in value else None


def tables(path: Path) -> list[Path]:
    """The tables of a folder, or the file itself."""
    found = [path] if path.is_file() else sorted(path.glob("*"))
    return [file for file in found if file.suffix.lower() in _SUFFIXES and file.is_file()]


def said_in(file: Path) -> frozenset[Provides]:
    """What a table may say, by its first row that can be read; the reader reports other rows."""
    first = next((row for row in rows(file, "replace") if row.mistake is None), None)
    if first is not None:
        return first.provides
    return frozenset({PHRASE_BOXES} if '"image"' in file.read_text("utf-8-sig", "replace") else ())


def rows(file: Path, errors: str = "strict") -> Iterator[TableRow]:
    """All rows of a table in order; a file that is not UTF-8 ends in a row with the mistake."""
    try:
        yield from (_json_rows if file.suffix.lower() == ".jsonl" else _csv_rows)(file, errors)
    except UnicodeDecodeError:
        yield _wrong("The file is not written in UTF-8.", str(file), "Save it as UTF-8.")


def _wrong(problem: str, where: str, fix: str = _EXPECTED, raw: str = "") -> TableRow:
    return TableRow(where, {}, LabelError(problem, where, fix), raw)


def _json_rows(file: Path, errors: str) -> Iterator[TableRow]:
    with file.open(encoding="utf-8-sig", errors=errors, newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{file}, line {number}"
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield _wrong(f"The line is not JSON ({error}).", where, raw=line)
                continue
            object_ = isinstance(entry, dict)
            yield TableRow(where, entry) if object_ else _wrong("The line is not a JSON object.", where)


def _csv_rows(file: Path, errors: str) -> Iterator[TableRow]:
    with file.open(encoding="utf-8-sig", errors=errors, newline="") as lines:
        delimiter = max(",;\t", key=lines.readline().count)
        lines.seek(0)
        yield from _cells(csv.reader(lines, delimiter=delimiter, strict=True), file)


def _cells(reader: Any, file: Path) -> Iterator[TableRow]:
    """Rows below the header; a cell may go over several lines, and a row is named by its first."""
    columns: list[str] = []
    begin = 1
    while True:
        where = f"{file}, line {begin}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            fix = "Fix its quotation marks, or export the table again."
            # A quotation mark that is never closed takes all further lines with it.
            for line in range(begin, reader.line_num + 1):
                yield _wrong(f"The line is not CSV ({error}).", f"{file}, line {line}", fix)
            begin = reader.line_num + 1
            continue
        begin = reader.line_num + 1
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if not columns:
            columns = [cell.strip().lower() for cell in cells]
        elif len(cells) != len(columns):
            problem = f"It has {len(cells)} cells, the header {len(columns)}."
            fix = "Put a cell that contains the delimiter in quotation marks."
            yield _wrong(problem, where, fix, " ".join(cells))
        else:
            filled = {key: cell.strip() for key, cell in zip(columns, cells, strict=True) if cell.strip()}
            yield TableRow(where, filled)


def _unpacked(value: object, where: str) -> object:
    """A list that a CSV cell holds as JSON, or the value itself."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        fix = 'Write them as JSON: "[[x1, y1, x2, y2]]".'
        raise LabelError(f"The boxes '{value[:60]}' are not a list.", where, fix) from error


def _all_lists(values: list[Any]) -> bool:
    return all(isinstance(value, list) for value in values)


_LINES = "a .jsonl or .csv file with"


class RowsReader:
    """Tables, whatever their rows say."""

    name, in_files = "rows", True
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: f'{_LINES} "image", "category" and "target" on each line, the target a list of boxes',
        IMAGE_CLASS: f'{_LINES} "image" and "class" or "target" on each line',
        PHRASE_BOXES: f'{_LINES} "image", "question" and "box" or "target" on each line',
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        return frozenset().union(*map(said_in, tables(path)))

    def read(self, path: Path, needs: frozenset[Provides]) -> Dataset:
        """One record per image as first named; tables that say nothing of what is needed are left out."""
        root = path.parent if path.is_file() else path
        said = {file: said_in(file) & needs for file in tables(path)}
        read = _Images(root, needs)
        for file, pairs in said.items():
            images = ImageFinder(file, root)
            for row in rows(file) if pairs else ():
                with read.mistakes.kept():
                    read.add(row, images, min(row.provides & needs or pairs), file.stem)
        parts, torn = one_part_each(read.parts)
        found = {
            f"Tables without {in_words(needs)} are not read": [
                f.name for f, pairs in said.items() if not pairs
            ],
            "Values of 'split' other than train, val and test are not used": sorted(read.strange),
        }
        warnings = (*warnings_about(found), *read.mistakes.warnings, *torn)
        left_out, fixed = tuple(read.mistakes), tuple(read.mistakes.fixed)
        return Dataset(root, self.name, read.records, warnings, parts, left_out=left_out, fixed=fixed)


class _Images:
    """The images of all tables while their rows are read."""

    def __init__(self, root: Path, needs: frozenset[Provides]) -> None:
        self.root, self.needs = root, needs
        self.mistakes = Mistakes()
        self.parts: list[tuple[str, str]] = []
        """Record ids with a part; several rows of an image may name several."""
        self.strange: set[str] = set()
        self._records: dict[str, Record] = {}
        self._unusable: set[str] = set()
        """Images as rows name them, and record ids: each is reported once."""
        self._unread: list[str] = []
        """Texts of rows that cannot be read."""

    @property
    def records(self) -> tuple[Record, ...]:
        """One record per image; nothing is known of one that is named in a row that cannot be read."""
        usable = [record for name, record in self._records.items() if name not in self._unusable]
        lost = "\n".join(self._unread)
        return tuple(
            replace(one, unknown=(*one.unknown, "")) if lost and PurePath(one.id).name in lost else one
            for one in usable
        )

    def add(self, row: TableRow, images: ImageFinder, pair: Provides, stem: str) -> None:
        """Read one row; LabelError where it cannot be used."""
        if row.mistake is not None:
            self._unread.append(row.raw)
            raise row.mistake
        written, about = row.text(IMAGE), pair[0]
        if written in self._unusable:
            return
        try:
            record = self._record(images.find(written, row.where), row)
        except ImageError:
            self._unusable.add(written)
            raise
        unread: set[str] = set()
        with self.mistakes.kept(unread, _named(row, about)):
            record = self._with_row(record, row, pair)
        if about == "category":
            record = replace(record, unknown=(*record.unknown, *sorted(unread)), absent=record.absent or ())
        elif unread:
            return
        self._records[record.id] = record
        split = str(row.entry.get("split") or "")
        part = part_of(split) or part_of_record(record.id) or part_of(stem)
        self.strange |= {split} if split and not part_of(split) else set()
        self.parts += [(record.id, part)] if part else []

    def _record(self, image: Path, row: TableRow) -> Record:
        name = record_id(image, self.root)
        try:
            record = self._records.get(name) or record_of(image, self.root)
            check_size((row.entry.get("width"), row.entry.get("height")), record.image.size_wh, row.where)
        except ImageError:
            self._unusable.add(name)
            raise
        return record

    def _with_row(self, record: Record, row: TableRow, pair: Provides) -> Record:
        """The record with what one more row says."""
        about, image_wh = cast(About, pair[0]), record.image.size_wh
        name = row.text(_columns(row, about)) if about != "image" else ""
        if pair == CATEGORY_BOXES:
            boxes = row.boxes(image_wh, self.mistakes)
            record = _with(record, *(instance_of(name, box) for box in boxes))
            absent = (*(record.absent or ()), *(() if boxes else (nfc(name),)))
            if record.categories & set(absent):
                problem = f"The image has boxes of '{name}' in one row and none in another."
                raise LabelError(problem, row.where, "Remove the row that is wrong.")
            return replace(record, absent=absent)
        if pair == PHRASE_BOXES and not row.is_value:
            return _with(record, Annotation("phrase", name, Boxes(row.boxes(image_wh, self.mistakes))))
        if pair != IMAGE_CLASS or row.is_value:
            return _with(record, Annotation(about, name, row.value(pair[1], image_wh)))
        class_name = row.text((*TARGET, *NAME))
        known = next((value.name for _, value in record.about("image", Label)), None)
        if known is not None:
            # Which of two classes is right, nobody knows.
            self._unusable |= {record.id} if known != class_name else set()
            problem = f"Another row gives this image the class '{known}'."
            raise LabelError(problem, row.where, "Keep one row per image.")
        return _with(record, class_of(class_name))


def _columns(row: TableRow, about: str) -> tuple[str, ...]:
    """The columns that name what a row is about."""
    return NAME if about == "category" and row.has(NAME) else QUESTION


def _named(row: TableRow, about: str) -> str:
    """What becomes unknown where a row cannot be read; empty where it has no name."""
    try:
        return row.text(_columns(row, about))
    except LabelError:
        return ""


def _with(record: Record, *annotations: Annotation) -> Record:
    return replace(record, annotations=(*record.annotations, *annotations))


READER = RowsReader()
