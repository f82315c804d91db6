"""Files of text and JSON, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vrft.errors import RunError
from vrft.run_folder.writing import writing


def make_folder(folder: Path) -> None:
    """Make a folder for results, where there is none yet.

    Raises:
        RunError: it cannot be made, or nothing can be written into it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        file = next((place for place in (folder, *folder.parents) if place.exists()), folder)
        why = error.strerror if file.is_dir() else f"'{file}' is a file"
        raise RunError(f"{folder}: the folder cannot be made ({why}). Name another folder.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise RunError(f"{folder}: nothing can be written into this folder. Name another folder.")


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, also where the machine stops in between."""
    make_folder(path.parent)
    fresh = path.with_name(path.name + ".new")
    with writing(fresh):
        fresh.write_text(text, encoding="utf-8", newline="\n")
        os.replace(fresh, path)


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Add one line to a JSONL file; a torn last line, left by a kill, is dropped first."""
    make_folder(path.parent)
    with writing(path), path.open("ab+") as handle:
        end = handle.seek(0, os.SEEK_END)
        if end:
            handle.seek(end - 1)
            if handle.read(1) != b"\n":
                handle.seek(0)
                handle.truncate(handle.read().rfind(b"\n") + 1)
        handle.write(json.dumps(row).encode() + b"\n")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        RunError: it is missing or cannot be read.
    """
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise RunError(
            f"{path}: the file cannot be read ({error}). Check that the run is complete."
        ) from error


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Lines of a JSONL file; a torn last line is left out, a missing file is empty.

    Raises:
        RunError: a line before the last is torn.
    """
    lines = path.read_text().splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            yield json.loads(line)
        except ValueError as error:
            if number < len(lines):
                raise RunError(
                    f"{path}, line {number}: this is not JSON ({error}). Delete the line."
                ) from error


def replace_folder(fresh: Path, target: Path) -> None:
    """Put a finished folder in the place of another."""
    if target.exists():
        shutil.rmtree(target)
    os.replace(fresh, target)
