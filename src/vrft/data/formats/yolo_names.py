"""What a YOLO data set says of itself: names of classes and, in ``data.yaml``, where its pictures are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from vrft.errors import LabelError

_PLAIN = ("classes.txt", "obj.names", "_darknet.labels")
_PARTS = ("train", "val", "test")
_MEND = "Expected: names: [cat, dog], or names: {0: cat, 1: dog}; texts such as 'no' stand in quotes."


@dataclass(frozen=True)
class Names:
    """Classes by number, and the rest of a data.yaml."""

    file: Path
    by_number: Mapping[int, str]
    folder: str = ""
    """``path`` of the data.yaml: where the others begin; empty where it is not stated."""
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Folders, or lists of pictures, by 'train', 'val' and 'test' as written."""
    n_key_point_values: int = 0
    """How many numbers of key points follow each box."""


def yaml_files(path: Path) -> list[Path]:
    """The data.yaml of a folder, or the file itself: it names classes and says how many or where.

    A yaml that is broken further down counts too, so that its reader can say so.
    """
    found = [path] if path.is_file() else sorted((*path.glob("*.yaml"), *path.glob("*.yml")))
    return [
        file
        for file in found
        if file.suffix in {".yaml", ".yml"}
        for text in [file.read_text("utf-8", "replace")]
        if re.search(r"^names\s*:", text, re.M) and re.search(r"^(train|val|test|nc|path)\s*:", text, re.M)
    ]


def plain_files(folder: Path) -> list[Path]:
    """Lists of class names, a line each, in a folder or one folder below."""
    places = [folder, *sorted(p for p in folder.glob("*") if p.is_dir() and not p.name.startswith("."))]
    return [place / name for place in places for name in _PLAIN if (place / name).is_file()]


def read_names(path: Path) -> Names:
    """The classes of a data set.

    Args:
        path: its folder or its data.yaml.

    Returns:
        What its data.yaml says, or the list of names beside its labels.

    Raises:
        LabelError: there is none, there are several that differ, or it cannot be read.
    """
    found = yaml_files(path)
    if len(found) > 1:
        listed = ", ".join(file.name for file in found)
        raise LabelError(f"It has several data.yaml: {listed}.", str(path), "Give the path of the one meant.")
    if found:
        return _from_yaml(found[0])
    lists = [_from_lines(file) for file in plain_files(path)]
    if not lists:
        told = "The classes of its labels have no names."
        raise LabelError(told, str(path), "Add a classes.txt with a name on each line, or a data.yaml.")
    for other in lists[1:]:
        if other.by_number != lists[0].by_number:
            problem = f"Its classes are not those of '{lists[0].file}'."
            raise LabelError(problem, str(other.file), "Write all labels with the same classes.")
    return lists[0]


def _from_lines(file: Path) -> Names:
    try:
        lines = file.read_text("utf-8-sig").rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise LabelError("The file is not written in UTF-8.", str(file), "Save it as UTF-8.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            # Leaving it out would shift the numbers of all that follow.
            raise LabelError("The line is empty.", f"{file}, line {number}", "Write a class's name.")
    return Names(file, {number: line.strip() for number, line in enumerate(lines)})


def _from_yaml(file: Path) -> Names:
    try:
        sheet = yaml.safe_load(file.read_bytes())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}, line {mark.line + 1}" if mark else str(file)
        problem = getattr(error, "problem", None) or error
        raise LabelError(f"The file is no YAML ({problem}).", where, "Mend the line.") from error
    if not isinstance(sheet, dict):
        raise LabelError("It is no list of settings.", str(file), _MEND)
    by_number = _named(sheet.get("names"), file)
    if sheet.get("nc") not in {None, len(by_number)}:
        problem = f"It says nc: {sheet['nc']} but names {len(by_number)} classes."
        raise LabelError(problem, str(file), "Mend whichever is wrong.")
    parts = {part: _paths(sheet[part], part, file) for part in _PARTS if sheet.get(part)}
    return Names(file, by_number, str(sheet.get("path") or ""), parts, _key_points(sheet, file))


def _named(names: object, file: Path) -> dict[int, str]:
    entries = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(entries, dict) or not entries:
        raise LabelError("It has no names of classes.", str(file), _MEND)
    by_number: dict[int, str] = {}
    for key, name in entries.items():
        # A class may well be called 7; but 'no' without quotes is read as false, and 1.10 as 1.1.
        if not isinstance(name, str | int) or isinstance(name, bool) or not str(name).strip():
            raise LabelError(f"The name of class {key} is {name!r}, not text.", str(file), _MEND)
        if not str(key).isdecimal():
            raise LabelError(f"The class number {key!r} is none.", str(file), _MEND)
        by_number[int(key)] = str(name).strip()
    return by_number


def _paths(value: object, part: str, file: Path) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(path, str) for path in listed):
        raise LabelError(f"Its '{part}' is no path.", str(file), "Name a folder of pictures.")
    return tuple(listed)


def _key_points(sheet: Mapping[str, Any], file: Path) -> int:
    shape = sheet.get("kpt_shape")
    if shape is None:
        return 0
    if not isinstance(shape, list) or len(shape) != 2 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise LabelError(f"Its kpt_shape {shape} is not two numbers.", str(file), "Expected: [17, 3].")
    return int(shape[0] * shape[1])
