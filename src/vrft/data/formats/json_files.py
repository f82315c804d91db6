"""JSON label files: which there are, a quick check of their format, and their content."""

from __future__ import annotations

import json
import mmap
from pathlib import Path
from typing import Any, TypeGuard

from vrft.errors import LabelError

_SPACE = b"\xef\xbb\xbf \t\r\n"


def json_files(path: Path) -> list[Path]:
    """The path itself where it is a json, or the json files of a folder and of the folders in it."""
    if path.is_file():
        return [path] if path.suffix == ".json" else []
    found = sorted((*path.glob("*.json"), *path.glob("*/*.json")))
    return [file for file in found if file.is_file() and not file.name.startswith(".")]


def is_objects(entries: object) -> TypeGuard[list[dict[str, Any]]]:
    """Whether it is a list of JSON objects."""
    return isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)


def mentions(file: Path, *keys: str, opens: str = "") -> bool:
    """Whether all keys are somewhere in a json: quick for gigabytes, and true of a broken one as well."""
    if not file.stat().st_size:
        return False
    with file.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        opened = content[:64].lstrip(_SPACE).startswith(opens.encode())
        return opened and all(content.find(f'"{key}"'.encode()) >= 0 for key in keys)


def parsed(file: Path, encodings: tuple[str, ...] = (), fix: str = "Export it again.") -> Any:
    """The content of a json."""
    try:
        content = file.read_bytes()
        for encoding in encodings[:-1]:
            try:
                return json.loads(content.decode(encoding))
            except UnicodeDecodeError:
                continue
        return json.loads(content.decode(encodings[-1]) if encodings else content)
    except (OSError, ValueError, RecursionError) as error:
        raise LabelError(f"The file is not JSON ({error}).", str(file), fix) from error
