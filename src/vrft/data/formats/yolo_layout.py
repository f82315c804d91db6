"""How a YOLO dataset is laid out: names of classes, where its images are, and the label file of each."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import yaml

from vrft.data.image_paths import on_disk
from vrft.data.images import images_below, subfolders
from vrft.errors import ImageError, LabelError

_PLAIN = ("classes.txt", "obj.names", "_darknet.labels")
_PARTS = ("train", "val", "test")
_IMAGES, _LABELS = "images", "labels"
_FIX = "Expected: names: [cat, dog], or names: {0: cat, 1: dog}; texts such as 'no' need quotes."


@dataclass(frozen=True)
class YoloNames:
    """Classes by number, and the rest of a data.yaml."""

    file: Path
    by_number: Mapping[int, str]
    folder: str = ""
    """``path`` of the data.yaml: where the others begin; empty where it is not stated."""
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Folders, or lists of images, by 'train', 'val' and 'test' as written."""
    n_key_point_values: int = 0


def yaml_files(path: Path) -> list[Path]:
    """The data.yaml of a folder, or the file itself: it names classes and says how many or where."""
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
    named = (place / name for place in (folder, *subfolders(folder)) for name in _PLAIN)
    return [file for file in named if file.is_file()]


def label_folders(folder: Path) -> list[Path]:
    """The folders 'labels' in a folder, in whichever case they are written, the plain one first."""
    named = [inner for inner in subfolders(folder) if inner.name.lower() == _LABELS]
    return sorted(named, key=lambda inner: inner.name != _LABELS)


def read_names(path: Path) -> YoloNames:
    """The classes of a dataset, of its data.yaml or of the list of names next to its labels."""
    found = yaml_files(path)
    if len(found) > 1:
        listed = ", ".join(file.name for file in found)
        raise LabelError(f"There are several data.yaml: {listed}.", str(path), "Give the path of one.")
    if found:
        return _from_yaml(found[0])
    lists = [_from_lines(file) for file in plain_files(path)]
    if not lists:
        problem = "The classes have numbers but no names."
        raise LabelError(problem, str(path), "Add a classes.txt with one name on each line, or a data.yaml.")
    for other in lists[1:]:
        if other.by_number != lists[0].by_number:
            problem = f"The classes differ from those in '{lists[0].file}'."
            raise LabelError(problem, str(other.file), "Use the same list of classes for all labels.")
    return lists[0]


def looks_like_labels(file: Path) -> bool:
    """Whether the first line that is not empty begins with a whole number and has at least five numbers."""
    with file.open("rb") as handle:
        words = next((line.split() for line in handle.read(4096).splitlines() if line.strip()), [])
    try:
        return len(words) >= 5 and all(map(float, words[1:5])) is not None and float(words[0]).is_integer()
    except ValueError:
        return False


class YoloImages:
    """The images of a dataset as they are found; mistakes are collected, not raised."""

    def __init__(self, names: YoloNames, root: Path) -> None:
        self.names, self.root = names, root
        self.mistakes: list[LabelError] = []
        self.warnings: list[str] = []
        self._by_list = False
        self._label_folders: dict[Path, Path] = {}
        self.parts: dict[str, tuple[Path, ...]] = {
            part: tuple(image for path in paths for image in self._of(part, path))
            for part, paths in names.parts.items()
        }
        """Images by part; empty where no part is named."""
        stated = [image for images in self.parts.values() for image in images]
        self.all: tuple[Path, ...] = tuple(dict.fromkeys(stated if names.parts else images_below(root)))

    def label_file(self, image: Path) -> Path:
        """Where an image's labels are, whether or not the file is there: mirrored first, else next to it."""
        inner = list(PurePath(os.path.relpath(image, self.root)).parts)
        sibling = on_disk(image.with_suffix(".txt"))
        named = [place for place, name in enumerate(inner[:-1]) if name.lower() == _IMAGES]
        if not named:
            return sibling
        labels = self._labels_in(self.root.joinpath(*inner[: named[-1]]))
        mirrored = on_disk(labels.joinpath(*inner[named[-1] + 1 :]).with_suffix(".txt"))
        return sibling if sibling.is_file() and not mirrored.is_file() else mirrored

    def _labels_in(self, folder: Path) -> Path:
        """The folder of labels in a folder, in whichever case it is written."""
        if folder not in self._label_folders:
            found = label_folders(folder)
            self._label_folders[folder] = found[0] if found else folder / _LABELS
        return self._label_folders[folder]

    def strays(self, known: Iterable[Path]) -> list[Path]:
        """Label files in the folders of the known ones that belong to no image."""
        if self._by_list:
            # A list may name a few of a folder's images.
            return []
        claimed = {file.resolve() for file in known}
        folders = sorted({file.parent for file in claimed})
        files = (file for folder in folders for file in sorted(folder.glob("*.txt")))
        return [file for file in files if file not in claimed and looks_like_labels(file)]

    def _of(self, part: str, path: str) -> list[Path]:
        where = f"{self.names.file}, {part}"
        place = self._place(path)
        if place is None and part == "train":
            fix = f"Write the path relative to '{self.names.file.parent}'."
            raise LabelError(f"There is no '{path}'.", where, fix)
        if place is None:
            self.warnings.append(f"{self.names.file.name} names '{path}' for {part}, which is not there.")
        elif place.is_dir():
            return list(images_below(place))
        else:
            return self._listed(place)
        return []

    def _place(self, path: str) -> Path | None:
        """An existing folder or list; the paths of Roboflow and of another machine are tried shortened."""
        home = self.names.file.parent
        written = path.replace("\\", "/")
        elsewhere = written.startswith(("/", "..")) or ":" in written
        steps = [step for step in PurePath(written).parts if step not in {"..", ".", "/"}]
        # One step alone, 'images', may be any part's folder.
        shorter = ["/".join(steps[first:]) for first in range(len(steps) - 1)] if elsewhere else []
        tried = (base / name for name in (written, *shorter) for base in (home / self.names.folder, home))
        return next((place for path in tried if (place := on_disk(path)).exists()), None)

    def _listed(self, file: Path) -> list[Path]:
        """The images of a list, one path a line, from the list's folder or with folders too many before."""
        found: list[Path] = []
        self._by_list = True
        for number, line in enumerate(file.read_text("utf-8-sig", "replace").splitlines(), 1):
            steps = PurePath(line.strip().replace("\\", "/")).parts
            bases = (file.parent, self.names.file.parent)
            tried = (base.joinpath(*steps[n:]) for n in range(len(steps)) for base in bases)
            image = next((path for name in tried if (path := on_disk(name)).is_file()), None)
            if image is not None:
                found.append(image)
            elif steps:
                where = f"{file}, line {number}"
                problem = f"The image '{line.strip()}' is missing."
                self.mistakes.append(ImageError(problem, where, "Add it or remove the line."))
        return found


def _from_lines(file: Path) -> YoloNames:
    try:
        lines = file.read_text("utf-8-sig").rstrip().splitlines()
    except UnicodeDecodeError as error:
        raise LabelError("The file is not written in UTF-8.", str(file), "Save it as UTF-8.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            # Leaving it out would shift the numbers of all that follow.
            raise LabelError("The line is empty.", f"{file}, line {number}", "Write a class's name.")
    return YoloNames(file, {number: line.strip() for number, line in enumerate(lines)})


def _from_yaml(file: Path) -> YoloNames:
    try:
        sheet = yaml.safe_load(file.read_bytes())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}, line {mark.line + 1}" if mark else str(file)
        problem = getattr(error, "problem", None) or error
        raise LabelError(f"The file is not YAML ({problem}).", where, "Fix the line.") from error
    if not isinstance(sheet, dict):
        raise LabelError("The file is not a mapping of keys.", str(file), _FIX)
    by_number = _named(sheet.get("names"), file)
    if sheet.get("nc") not in {None, len(by_number)}:
        problem = f"'nc' is {sheet['nc']}, but 'names' lists {len(by_number)} classes."
        raise LabelError(problem, str(file), "Correct the wrong one.")
    parts = {part: _paths(sheet[part], part, file) for part in _PARTS if sheet.get(part)}
    return YoloNames(file, by_number, str(sheet.get("path") or ""), parts, _key_points(sheet, file))


def _named(names: object, file: Path) -> dict[int, str]:
    entries = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(entries, dict) or not entries:
        raise LabelError("The file has no class names under 'names'.", str(file), _FIX)
    by_number: dict[int, str] = {}
    for key, name in entries.items():
        # A class may well be called 7; but 'no' without quotes is read as false, and 1.10 as 1.1.
        if not isinstance(name, str | int) or isinstance(name, bool) or not str(name).strip():
            raise LabelError(f"The name of class {key} is {name!r}, not text.", str(file), _FIX)
        if not str(key).isdecimal():
            raise LabelError(f"The class number {key!r} is not a number.", str(file), _FIX)
        by_number[int(key)] = str(name).strip()
    return by_number


def _paths(value: object, part: str, file: Path) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(path, str) for path in listed):
        raise LabelError(f"The value of '{part}' is not a path.", str(file), "Name a folder of images.")
    return tuple(listed)


def _key_points(sheet: Mapping[str, Any], file: Path) -> int:
    shape = sheet.get("kpt_shape")
    if shape is None:
        return 0
    if not isinstance(shape, list) or len(shape) != 2 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise LabelError(f"The kpt_shape {shape} is not two numbers.", str(file), "Expected: [17, 3].")
    return int(shape[0] * shape[1])
