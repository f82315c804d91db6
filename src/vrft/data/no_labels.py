"""What is said of a path that no reader knows: a label file that is broken, or the nearest formats."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from vrft.data.images import UNREAD_SUFFIXES, files_below, is_image
from vrft.errors import LabelError

IMAGES_INSIDE = frozenset({".parquet", ".arrow"})
"""Endings of files that hold images next to their labels."""
LABEL_ENDINGS = IMAGES_INSIDE | {".json", ".jsonl", ".csv", ".tsv", ".xml", ".yaml", ".yml", ".txt"}
_LOOKED_INTO = 50
_SHOWN = 3
_USUAL = ("class_folders", "coco", "yolo", "rows")
_ALL = "All formats are in docs/data_formats.md."
_READ: Mapping[str, tuple[str, Callable[[bytes], object]]] = {
    ".json": ("JSON", json.loads),
    ".jsonl": ("JSON lines", lambda content: json.loads(_lines(content)[0])),
    **dict.fromkeys((".csv", ".tsv"), ("CSV", lambda content: next(csv.reader(_lines(content)), None))),
}
"""What a file of an ending is called, and how its beginning is read."""


def no_labels(path: Path, wants: Mapping[str, Sequence[str]]) -> LabelError:
    """The error about a path without labels: the first label file that is broken, else the nearest formats.

    Args:
        path: a folder or file.
        wants: by format, what it looks for, as noun phrases.
    """
    files = [path] if path.is_file() else list(files_below(path))
    if path.is_dir() and not any(path.iterdir()):
        return LabelError("The folder is empty.", str(path), "Put labelled images there.")
    labels = [file for file in files if file.suffix.lower() in LABEL_ENDINGS]
    for file in labels[:_LOOKED_INTO]:
        if problem := _broken(file):
            return LabelError(problem, str(file), "Export it again, or remove it.")
    images = [file for file in files if is_image(file)]
    unread = sorted({file.suffix.lower() for file in files if file.suffix.lower() in UNREAD_SUFFIXES})
    if unread and not images:
        problem = f"Its images are {', '.join(unread)}, which vrft does not read."
        return LabelError(problem, str(path), "Save them as JPEG or PNG first.")
    counts = {
        "images": len(images),
        **{end: sum(f.suffix.lower() == end for f in labels) for end in LABEL_ENDINGS},
    }
    held = ", ".join(f"{count} {what}" for what, count in sorted(counts.items(), reverse=True) if count)
    nearest = "; ".join(_nearest(labels, wants))
    problem = f"There are no labels that vrft can read. It holds {held or 'neither images nor labels'}."
    return LabelError(problem, str(path), f"Nearest: {nearest}. {_ALL}")


def _nearest(labels: Sequence[Path], wants: Mapping[str, Sequence[str]]) -> list[str]:
    """What the formats look for whose keys and endings are those of the label files; else the usual ones."""
    endings = {file.suffix.lower() for file in labels}
    words = {word.lower() for file in islice(labels, _SHOWN) for word in _first_words(file)}

    def likeness(says: str) -> float:
        keys = set(re.findall(r'"(\w+)"', says.lower()))
        return len(keys & words) + 0.5 * any(ending in says for ending in endings)

    usual = [wants[name][0] for name in _USUAL if wants.get(name)]
    best = [max(several, key=likeness) for several in wants.values() if several]
    near = sorted(best, key=likeness, reverse=True)
    # The same rows may be in files of several kinds: the likeliest is enough.
    near = list({says.partition(" with ")[2] or says: says for says in reversed(near)}.values())[::-1]
    known = bool(near) and likeness(near[0]) >= 1
    return near[:_SHOWN] if known else sorted(usual, key=likeness, reverse=True)


def _first_words(file: Path) -> list[str]:
    if file.suffix.lower() in IMAGES_INSIDE:
        return []
    with file.open("rb") as handle:
        text = handle.read(2000).decode("utf-8", "replace")
    return "".join(c if c.isalnum() or c in "_-" else " " for c in text).split()


def _broken(file: Path) -> str | None:
    """What is wrong with a label file as a file of its kind; None where nothing is."""
    ending, content = file.suffix.lower(), b""
    if ending == ".txt":
        return None
    if ending in IMAGES_INSIDE:
        with file.open("rb") as handle:
            magic = handle.read(6)
        whole = ending == ".arrow" or magic[:4] == b"PAR1"
        return None if whole else "The file is not parquet: it is cut short, or a pointer of Git LFS."
    content = file.read_bytes()
    if not content.strip():
        return "The label file is empty."
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "The file is written in UTF-16. Save it as UTF-8."
    kind, read = _READ.get(ending, ("", len))
    try:
        read(content)
    except (ValueError, RecursionError, csv.Error) as error:
        return f"The file is not {kind} ({error})."
    return None


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8-sig").strip().splitlines()
