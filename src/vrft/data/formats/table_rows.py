"""Tables of rows: JSON lines, JSON lists, or CSV with a header and commas, semicolons or tabs.

A CSV without a header is read where its rows are those of RetinaNet: ``path,x1,y1,x2,y2,class``. A row whose
columns of a box are empty says that its image shows no object.

What a row says is up to its columns (``vrft.data.rows``). A cell may hold a list as JSON, ``"[1, 2, 3, 4]"``.
``width`` and ``height`` are compared with the image; ``split`` (train, val, test) names its part, and where
it is absent the folder of the image does, or else the name of the file (``train.csv``).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from vrft.data.formats.json_files import is_objects, json_files, mentions, parsed
from vrft.data.images import is_image
from vrft.data.label_checks import PHRASE_BOXES, part_of
from vrft.data.rows.box_orders import CORNERS
from vrft.data.rows.plain_row import EXPECTED, NAME
from vrft.data.rows.row_form import LabelRow, forms
from vrft.data.rows.row_reader import RowFile, RowReader, most_say
from vrft.data.scalars import numbers
from vrft.errors import LabelError
from vrft.types import Provides

_SUFFIXES = frozenset({".jsonl", ".csv", ".tsv"})
_RETINANET = ("path", "x1", "y1", "x2", "y2", "class")
_FIRST = 1 << 20
"""Bytes of a JSON list among which its first row is looked for."""


class RowsReader(RowReader):
    """Rows of tables, whatever they say."""

    name = "rows"
    holder = "a .jsonl, .json or .csv file"

    def sources(self, path: Path) -> list[RowFile]:
        files = [path] if path.is_file() else sorted((*path.glob("*"), *path.glob("*/*")))
        files = [file for file in files if not file.name.startswith(".") and file.is_file()]
        tables = [file for file in files if file.suffix.lower() in _SUFFIXES]
        lists = [file for file in json_files(path) if _is_list_of_rows(file)]
        return [RowFile(file, _part(file)) for file in (*tables, *lists)]

    def rows(self, source: RowFile) -> Iterator[LabelRow]:
        return rows(source.file)

    def said_by(self, source: RowFile) -> frozenset[Provides]:
        """What most of the first rows say; the reader reports others."""
        found = rows(source.file, "replace")
        if (first := next((row for row in found if row.mistake is None), None)) is not None:
            return most_say(chain([first], found))
        broken = source.file.suffix.lower() in _SUFFIXES and mentions(source.file, "image")
        return frozenset({PHRASE_BOXES} if broken else ())


def rows(file: Path, errors: str = "strict") -> Iterator[LabelRow]:
    """All rows of a table in order; a file that is not UTF-8 ends in a row with the mistake."""
    try:
        read = {".jsonl": _json_rows, ".json": _listed_rows}.get(file.suffix.lower(), _csv_rows)
        yield from read(file, errors)
    except UnicodeDecodeError:
        yield _wrong("The file is not written in UTF-8.", str(file), "Save it as UTF-8.")


def _wrong(problem: str, where: str, fix: str = EXPECTED, raw: str = "") -> LabelRow:
    return LabelRow(where, {}, mistake=LabelError(problem, where, fix), raw=raw)


def _json_rows(file: Path, errors: str) -> Iterator[LabelRow]:
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
            yield LabelRow(where, entry) if object_ else _wrong("The line is not a JSON object.", where)


def _csv_rows(file: Path, errors: str) -> Iterator[LabelRow]:
    with file.open(encoding="utf-8-sig", errors=errors, newline="") as lines:
        delimiter = max(",;\t", key=lines.readline().count)
        lines.seek(0)
        yield from _cells(csv.reader(lines, delimiter=delimiter, strict=True), file)


def _cells(reader: Any, file: Path) -> Iterator[LabelRow]:
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
        if not columns and not _begins_with_data(cells):
            columns = [cell.strip().lower().lstrip("#") for cell in cells]
            continue
        columns = columns or list(_RETINANET)
        if len(cells) != len(columns):
            problem = f"It has {len(cells)} cells, the header {len(columns)}."
            fix = "Put a cell that contains the delimiter in quotation marks."
            yield _wrong(problem, where, fix, " ".join(cells))
        else:
            filled = {key: cell.strip() for key, cell in zip(columns, cells, strict=True) if cell.strip()}
            yield LabelRow(where, {**filled, "objects": []} if _is_empty(columns, filled) else filled)


def _begins_with_data(cells: Sequence[str]) -> bool:
    """Whether the first row of a table is one of RetinaNet's, and not a header."""
    if len(cells) != len(_RETINANET) or not is_image(Path(cells[0].strip())):
        return False
    return not any(map(str.strip, cells[1:])) or numbers(list(cells[1:5])) is not None


def _is_empty(columns: Sequence[str], filled: Mapping[str, str]) -> bool:
    """Whether a row has neither a class nor a box, in a table of boxes."""
    corners = next((keys for keys in CORNERS if set(keys) <= set(columns)), ())
    return bool(corners) and not filled.keys() & {*corners, *NAME}


def _listed_rows(file: Path, errors: str) -> Iterator[LabelRow]:
    if errors == "replace":
        entries = [entry] if (entry := _first(file)) is not None else []
    else:
        entries = parsed(file)
        if not is_objects(entries):
            yield _wrong("The file is not a list of JSON objects.", str(file))
            return
    for number, entry in enumerate(entries, 1):
        yield LabelRow(f"{file}, entry {number}", entry)


def _first(file: Path) -> dict[str, Any] | None:
    """The first object of a JSON list, without reading all of a large file."""
    with file.open("rb") as handle:
        text = handle.read(_FIRST).decode("utf-8-sig", "ignore").lstrip()
    try:
        entry, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None


def _is_list_of_rows(file: Path) -> bool:
    first = _first(file) if mentions(file, opens="[") else None
    return first is not None and any(form.says(LabelRow(str(file), first)) for form in forms())


def _part(file: Path) -> str | None:
    return next((part for name in file.stem.split(".") if (part := part_of(name))), None)


READER = RowsReader()
