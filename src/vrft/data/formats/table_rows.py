"""Labels in tables: JSON lines, or CSV with a header; columns ``image``, ``question`` and ``target``.

A row belongs to a task by its columns alone, and the first row that can be read speaks for its file:

- detection: ``category`` with boxes;
- classification: ``class``, ``label`` or ``category`` without boxes, or a ``target`` that is text;
- grounding: ``question`` with boxes, called ``box``, ``boxes`` or ``boxes_xyxy``;
- grounding or detection, as the reader is told: ``question`` with a ``target`` of boxes. For detection the
  question is then the category.

Boxes are ``[x1, y1, x2, y2]``, a list of these, or ``[]`` for none; corners are pixels of the picture as it
is seen. In CSV they stand as JSON in one cell, ``"[1, 2, 3, 4]"``, and commas, semicolons or tabs part the
cells. ``width`` and ``height`` are compared with the picture; ``split`` (train, val, test) names its part,
and where it is absent the folder of the picture does, or else the name of the file (``train.csv``). Other
columns are not read.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vrft.data.label_checks import checked_box
from vrft.errors import LabelError
from vrft.types import BoxXYXY

IMAGE = ("image",)
QUESTION = ("question", "expression")
TARGET = ("target",)
NAME = ("class", "label", "category")
_BOXES = ("box", "boxes", "boxes_xyxy")

_SUFFIXES = frozenset({".jsonl", ".csv", ".tsv"})
_EXPECTED = 'Expected: {"image": "a.jpg", "question": "the left cup", "target": [x1, y1, x2, y2]}, in pixels.'


@dataclass(frozen=True)
class Row:
    """One line of a table, or why it cannot be read."""

    where: str
    entry: Mapping[str, Any]
    mistake: LabelError | None = None

    def has(self, keys: tuple[str, ...]) -> bool:
        """Whether one of these columns is filled."""
        return any(key in self.entry for key in keys)

    def text(self, keys: tuple[str, ...]) -> str:
        """The first of these columns, trimmed; LabelError where it is no text."""
        value = next((self.entry[key] for key in keys if key in self.entry), None)
        # A class may well be called 7.
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str) or not text.strip():
            raise LabelError(f"It has no text for '{keys[0]}'.", self.where, _EXPECTED)
        return text.strip()

    def boxes(self, image_wh: tuple[int, int]) -> tuple[tuple[BoxXYXY, ...], int]:
        """Its boxes in pixels, inside the picture, and how many were clipped; LabelError without any."""
        key = next((key for key in (*_BOXES, *TARGET) if key in self.entry), "")
        value = _unpacked(self.entry.get(key), self.where)
        single = key == "box" or (key == "target" and isinstance(value, list) and not _all_lists(value))
        boxes = [value] if single else value
        if not isinstance(boxes, list) or not _all_lists(boxes):
            problem = "It has no 'box' of four numbers and no list of 'boxes'."
            raise LabelError(problem, self.where, _EXPECTED)
        inside = tuple(checked_box(box, image_wh, self.where) for box in boxes)
        moved = sum(tuple(map(float, raw)) != box for raw, box in zip(boxes, inside, strict=True))
        return inside, moved

    @property
    def tasks(self) -> frozenset[str]:
        """The tasks that it may serve; none where it is about no picture."""
        if not self.has(IMAGE):
            return frozenset()
        of_boxes = isinstance(self.entry.get("target"), list) or str(self.entry.get("target"))[:1] == "["
        if self.has(_BOXES) or of_boxes:
            if not self.has(QUESTION):
                return frozenset({"detection"} if self.has(NAME) else {"grounding"})
            return frozenset({"grounding"} if self.has(_BOXES) else {"grounding", "detection"})
        # What a row of a question alone lacks is told line by line.
        return frozenset({"classification"} if self.has((*TARGET, *NAME)) else {"grounding"})


def tables(path: Path) -> list[Path]:
    """The tables of a folder, or the file itself."""
    found = [path] if path.is_file() else sorted(path.glob("*"))
    return [file for file in found if file.suffix.lower() in _SUFFIXES and file.is_file()]


def tasks_of(file: Path) -> frozenset[str]:
    """The tasks that a table may serve, by its first row that can be read; others the reader will report."""
    first = next((row for row in rows(file, "replace") if row.mistake is None), None)
    if first is not None:
        return first.tasks
    return frozenset({"grounding"} if '"image"' in file.read_text("utf-8-sig", "replace") else ())


def rows(file: Path, errors: str = "strict") -> Iterator[Row]:
    """All rows of a table in order; a file that is not UTF-8 ends in a row with the mistake.

    Args:
        file: a table.
        errors: 'replace' to read on where it is not UTF-8.
    """
    try:
        yield from (_json_rows if file.suffix.lower() == ".jsonl" else _csv_rows)(file, errors)
    except UnicodeDecodeError:
        mistake = LabelError("The file is not written in UTF-8.", str(file), "Save it as UTF-8.")
        yield Row(str(file), {}, mistake)


def _json_rows(file: Path, errors: str) -> Iterator[Row]:
    with file.open(encoding="utf-8-sig", errors=errors, newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            where = f"{file}, line {number}"
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError) as error:
                yield Row(where, {}, LabelError(f"The line is no JSON ({error}).", where, _EXPECTED))
                continue
            if isinstance(entry, dict):
                yield Row(where, entry)
            else:
                yield Row(where, {}, LabelError("The line is no JSON object.", where, _EXPECTED))


def _csv_rows(file: Path, errors: str) -> Iterator[Row]:
    with file.open(encoding="utf-8-sig", errors=errors, newline="") as lines:
        delimiter = max(",;\t", key=lines.readline().count)
        lines.seek(0)
        yield from _cells(csv.reader(lines, delimiter=delimiter, strict=True), file)


def _cells(reader: Any, file: Path) -> Iterator[Row]:
    """Rows below the header; a cell may go over several lines, and a row is named by its first."""
    columns: list[str] = []
    begin = 1
    while True:
        where = f"{file}, line {begin}"
        try:
            cells = next(reader, None)
        except csv.Error as error:
            mend = "Mend its quotation marks, or export the table again."
            yield Row(where, {}, LabelError(f"The line is no CSV ({error}).", where, mend))
            return
        begin = reader.line_num + 1
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        if not columns:
            columns = [cell.strip().lower() for cell in cells]
        elif len(cells) != len(columns):
            problem = f"It has {len(cells)} cells, the header {len(columns)}."
            mend = "Put a cell that contains the delimiter in quotation marks."
            yield Row(where, {}, LabelError(problem, where, mend))
        else:
            filled = {key: cell.strip() for key, cell in zip(columns, cells, strict=True) if cell.strip()}
            sides = {k: int(filled[k]) for k in ("width", "height") if filled.get(k, "").isdecimal()}
            yield Row(where, filled | sides)


def _unpacked(value: object, where: str) -> object:
    """A list that a CSV cell holds as JSON, or the value itself."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        mend = 'Write them as JSON: "[[x1, y1, x2, y2]]".'
        raise LabelError(f"Its boxes '{value[:60]}' are no list.", where, mend) from error


def _all_lists(values: list[Any]) -> bool:
    return all(isinstance(value, list) for value in values)
