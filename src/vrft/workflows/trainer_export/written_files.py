"""Files that several trainers take alike: tables, lines of JSON with images beside them, and scripts."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from vrft.errors import InputError
from vrft.workflows.trainer_export.trainer_format import TrainerRow

AT_ONCE = 64
"""Rows of a table that are held in memory."""


def write_table(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """A parquet file, with images as bytes inside; no file where there are no rows."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise InputError("Parquet needs pyarrow. Run: pip install 'vrft[datasets]'.") from error
    waiting, writer = iter(rows), None
    while block := list(islice(waiting, AT_ONCE)):
        table = pyarrow.Table.from_pylist(block, schema=None if writer is None else writer.schema)
        writer = writer or parquet.ParquetWriter(file, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def write_lines(folder: Path, part: str, rows: Iterable[tuple[TrainerRow, Mapping[str, Any]]]) -> None:
    """``PART.jsonl``, and ``images/PART`` with the images that its rows name; no file without rows."""
    lines = (json.dumps({**row, "images": list(_saved(folder, part, one))}) for one, row in rows)
    first = next(lines, None)
    if first is None:
        return
    with (folder / f"{part}.jsonl").open("w", encoding="utf-8") as file:
        file.write(f"{first}\n")
        file.writelines(f"{line}\n" for line in lines)


def _saved(folder: Path, part: str, row: TrainerRow) -> Iterator[str]:
    for place, image in enumerate(row.images):
        name = f"images/{part}/{row.index:06}_{place}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(image)
        yield name


def python_file(code: str, **constants: object) -> str:
    """A module from its text, whose line ``CONSTANTS`` becomes values."""
    values = "\n".join(f"{name} = {value!r}" for name, value in constants.items())
    return code.lstrip("\n").replace("CONSTANTS", values)


def script(says: Sequence[str], command: Sequence[str], settings: Iterable[Sequence[str]]) -> str:
    """A shell file that starts a command in its own folder; what is added on its command line comes last.

    Args:
        says: sentences at its beginning.
        command: words as the shell is to read them, a line each.
        settings: further words, which it is not to change, by line.
    """
    lines = ["#!/usr/bin/env bash", *(f"# {line}" if line else "#" for line in says)]
    lines += ["set -euo pipefail", 'cd "$(dirname "$0")"', ""]
    words = [*command, *map(shlex.join, settings), '"$@"']
    return "\n".join([*lines, " \\\n    ".join(words), ""])
