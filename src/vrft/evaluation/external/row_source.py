"""The rows of a file of predictions as it has them: JSON lines, a JSON list, or a table of CSV."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vrft.data.formats.table_rows import rows as lines_of
from vrft.errors import InputError

Entry = tuple[str, dict[str, Any]]
"""Where a row stands, and the row."""


def entries(path: Path) -> Iterator[Entry]:
    """Read a file of predictions row by row.

    Args:
        path: ``.jsonl``, one JSON object a line; ``.json``, one list of objects; ``.csv`` or ``.tsv``, a
            header and rows, headings in lower case, empty cells left out.

    Raises:
        InputError: there is no such file, or a row is no object; the message has file and line.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        endings = ", ".join(_READERS)
        raise InputError(f"{path}: predictions end in one of {endings}. Rename or convert the file.")
    try:
        yield from reader(path)
    except OSError as error:
        raise InputError(f"{path}: the predictions cannot be read ({error}).") from error


def _lines(path: Path) -> Iterator[Entry]:
    for row in lines_of(path):
        if row.mistake is not None:
            where = row.where if row.where != str(path) else f"{path}, line {_first_not_utf8(path)}"
            raise InputError(f"{where}: {row.mistake.problem} Mend or remove the line.")
        yield row.where, dict(row.entry)


def _first_not_utf8(path: Path) -> int:
    readable = path.read_bytes().decode("utf-8", "surrogateescape")
    broken = next((place for place, char in enumerate(readable) if "\udc80" <= char <= "\udcff"), 0)
    return readable.count("\n", 0, broken) + 1


def _list(path: Path) -> Iterator[Entry]:
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: the file is no JSON ({error}).") from error
    if not isinstance(found, list):
        raise InputError(f"{path}: it should be one list of objects. JSON lines belong into a .jsonl file.")
    for number, entry in enumerate(found, start=1):
        where = f"{path}, row {number}"
        if not isinstance(entry, dict):
            raise InputError(f"{where}: it is no JSON object. Mend or remove it.")
        yield where, entry


_READERS: dict[str, Callable[[Path], Iterator[Entry]]] = {
    ".jsonl": _lines,
    ".json": _list,
    ".csv": _lines,
    ".tsv": _lines,
}
