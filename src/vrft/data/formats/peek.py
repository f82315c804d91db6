"""A quick look into label files, to tell their format."""

from __future__ import annotations

import mmap
from pathlib import Path

_SPACE = b"\xef\xbb\xbf \t\r\n"


def json_files(path: Path) -> list[Path]:
    """The path itself where it is a json, or the json files of a folder and of the folders in it."""
    if path.is_file():
        return [path] if path.suffix == ".json" else []
    found = sorted((*path.glob("*.json"), *path.glob("*/*.json")))
    return [file for file in found if file.is_file() and not file.name.startswith(".")]


def mentions(file: Path, *keys: str, opens: str = "") -> bool:
    """Whether all keys stand somewhere in a json: quick for gigabytes, and true of a broken one as well.

    Args:
        file: an existing file.
        keys: without quotation marks.
        opens: the character that the file begins with, white space aside; any where it is empty.
    """
    if not file.stat().st_size:
        return False
    with file.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        opened = content[:64].lstrip(_SPACE).startswith(opens.encode())
        return opened and all(content.find(f'"{key}"'.encode()) >= 0 for key in keys)
