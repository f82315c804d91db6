"""Classification labels in CoOp's split files: ``{"train": [[picture, number, class], ...], "val", "test"}``.

Format: https://github.com/KaiyangZhou/CoOp, ``split_zhou_*.json``. A picture is named by its path below the
data set's folder or below its folder of pictures. Class names may hold any character, '/' included.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vrft.data.dataset import Dataset
from vrft.data.image_paths import PictureFinder
from vrft.data.images import image_size_wh
from vrft.data.label_checks import raise_all, record_id
from vrft.errors import LabelError
from vrft.types import Record

LISTS = ("train", "val", "test")

_HEAD = re.compile(rb'\s*\{\s*"(train|val|test)"\s*:\s*\[')
_EXPECTED = "Expected: [picture, number of its class from 0, class name]."


@dataclass(frozen=True)
class SplitEntry:
    """One picture of a split file."""

    picture: str
    """As written."""
    number: int
    """Of its class, from 0."""
    name: str
    """Of its class."""


class CoopSplit:
    """Pictures with their classes, in lists for training, validation and test."""

    name = "coop_split"
    task = "classification"
    wants = 'a json with the lists "train", "val" and "test" of [picture, number, class]'
    in_files = True

    def detects(self, path: Path) -> bool:
        """Some json begins with one of the three lists."""
        return bool(_label_files(path))

    def read(self, path: Path) -> Dataset:
        """One record a picture; its part is its list.

        Args:
            path: the folder, or one json; the files of a folder and of those in it are merged.

        Returns:
            Records in the order of the files' names and, in each, of its lists.

        Raises:
            LabelError: a picture is missing or listed twice, or an entry cannot be read.
        """
        root = path.parent if path.is_file() else path
        records: dict[str, Record] = {}
        parts: dict[str, str] = {}
        mistakes: list[LabelError] = []
        for file in _label_files(path):
            finder = PictureFinder(file, root)
            for part, entries in read_entries(file).items():
                for number, entry in enumerate(entries):
                    where = f"{file}, {part}, entry {number}"
                    try:
                        picture = finder.find(entry.picture, where)
                        name = record_id(picture, root)
                        if name in records:
                            problem = f"The picture {name} is listed in {parts[name]} already."
                            raise LabelError(problem, where, "Remove one of the entries.")
                        records[name] = Record(name, picture, image_size_wh(picture), category=entry.name)
                        parts[name] = part
                    except LabelError as mistake:
                        mistakes.append(mistake)
        raise_all(mistakes)
        return Dataset(root, self.name, tuple(records.values()), (), parts)


def read_entries(file: Path) -> dict[str, list[SplitEntry]]:
    """The lists of a split file, no picture looked for.

    Args:
        file: a json.

    Returns:
        Entries by list; lists that the file lacks are empty.

    Raises:
        LabelError: no JSON, an entry of another form, or a class number with two names.
    """
    try:
        sheet = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise LabelError(f"The file is no JSON ({error}).", str(file), "Fetch it again.") from error
    if not isinstance(sheet, dict) or not all(isinstance(sheet.get(part, []), list) for part in LISTS):
        raise LabelError("It has no lists 'train', 'val' and 'test'.", str(file), "Fetch it again.")
    names: dict[int, str] = {}
    mistakes: list[LabelError] = []
    read: dict[str, list[SplitEntry]] = {part: [] for part in LISTS}
    for part in LISTS:
        for index, row in enumerate(sheet.get(part, [])):
            try:
                read[part].append(_entry(row, names, f"{file}, {part}, entry {index}"))
            except LabelError as mistake:
                mistakes.append(mistake)
    raise_all(mistakes)
    return read


def write_entries(file: Path, entries: Mapping[str, Iterable[SplitEntry]]) -> None:
    """Write a split file.

    Args:
        file: the json to write; its folder is made where it is missing.
        entries: by list; lists not given are written empty.
    """
    sheet = {part: [[e.picture, e.number, e.name] for e in entries.get(part, ())] for part in LISTS}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(sheet, ensure_ascii=False, indent=0) + "\n", "utf-8")


def _entry(row: object, names: dict[int, str], where: str) -> SplitEntry:
    picture, number, name = row if isinstance(row, list) and len(row) == 3 else (None, None, None)
    if not isinstance(picture, str) or not isinstance(name, str) or not picture or not name.strip():
        raise LabelError(f"The entry {row} is not understood.", where, _EXPECTED)
    if not isinstance(number, int) or isinstance(number, bool):
        raise LabelError(f"The entry {row} has no class number.", where, _EXPECTED)
    if names.setdefault(number, name) != name:
        problem = f"Class {number} is '{name}' here and '{names[number]}' before."
        raise LabelError(problem, where, "Give each class one number.")
    return SplitEntry(picture, number, name)


def _label_files(path: Path) -> list[Path]:
    found: Sequence[Path] = (
        [path] if path.is_file() else sorted((*path.glob("*.json"), *path.glob("*/*.json")))
    )
    return [f for f in found if f.suffix == ".json" and not f.name.startswith(".") and _looks_like_split(f)]


def _looks_like_split(file: Path) -> bool:
    """The first key of a split file is one of its lists, however large another json may be."""
    if not file.is_file():
        return False
    with file.open("rb") as handle:
        return _HEAD.match(handle.read(200)) is not None


READER = CoopSplit()
