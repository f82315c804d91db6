"""Classes of images in CoOp's split files: ``{"train": [[image, number, class], ...], "val", "test"}``.

Format: https://github.com/KaiyangZhou/CoOp, ``split_zhou_*.json``. An image is named by its path below the
dataset's folder or below its folder of images. Class names may hold any character, '/' included.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vrft.data.dataset import Dataset
from vrft.data.formats.json_files import json_files, parsed
from vrft.data.image_paths import ImageFinder
from vrft.data.label_checks import IMAGE_CLASS, Mistakes, class_of, raise_all, record_id, record_of
from vrft.data.scalars import whole
from vrft.errors import ImageError, LabelError
from vrft.types import Provides, Record

LISTS = ("train", "val", "test")
_HEAD = re.compile(rb'\s*\{\s*"(train|val|test)"\s*:\s*\[')
_EXPECTED = "Expected: [image, number of its class from 0, class name]."


@dataclass(frozen=True)
class SplitEntry:
    """An image of a split file, named as written there, and its class by number, from 0, and name."""

    image: str
    number: int
    name: str


class CoopSplitReader:
    """Images with their classes, in lists for training, validation and test."""

    name, in_files = "coop_split", True
    provides: Mapping[Provides, str] = {
        IMAGE_CLASS: 'a json with the lists "train", "val" and "test" of [image, number, class]'
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        return frozenset({IMAGE_CLASS} if _label_files(path) else ())

    def read(self, path: Path, needs: frozenset[Provides] = frozenset()) -> Dataset:
        """One record per image; its part is its list. The files of a folder and of those in it are merged."""
        root = path.parent if path.is_file() else path
        records: dict[str, Record] = {}
        parts: dict[str, str] = {}
        twice: set[str] = set()
        mistakes = Mistakes()
        for file in _label_files(path):
            images = ImageFinder(file, root)
            for part, where, entry in _entries(file, mistakes):
                with mistakes.kept():
                    image = images.find(entry.image, where)
                    name = record_id(image, root)
                    if name in records:
                        twice.add(name)
                        problem = f"The image {name} is listed in {parts[name]} already."
                        raise ImageError(problem, where, "Remove one of the entries.")
                    records[name] = record_of(image, root, class_of(entry.name))
                    parts[name] = part
        # Which of its entries is right, nobody knows.
        kept = tuple(record for name, record in records.items() if name not in twice)
        return Dataset(root, self.name, kept, (), parts, left_out=tuple(mistakes))


def read_entries(file: Path) -> dict[str, list[SplitEntry]]:
    """The lists of a split file, no image looked for; lists that the file lacks are empty.

    Raises:
        LabelError: an entry is wrong.
    """
    read: dict[str, list[SplitEntry]] = {part: [] for part in LISTS}
    mistakes = Mistakes()
    for part, _, entry in _entries(file, mistakes):
        read[part].append(entry)
    raise_all(mistakes)
    return read


def _entries(file: Path, mistakes: Mistakes) -> Iterator[tuple[str, str, SplitEntry]]:
    """The entries that can be read, each with its list and place."""
    sheet = parsed(file, fix="Download it again.")
    if not isinstance(sheet, dict) or not all(isinstance(sheet.get(part, []), list) for part in LISTS):
        raise LabelError("The file has no lists 'train', 'val' and 'test'.", str(file), "Download it again.")
    names: dict[int, str] = {}
    for part in LISTS:
        for index, row in enumerate(sheet.get(part, [])):
            where = f"{file}, {part}, entry {index}"
            entry: SplitEntry | None = None
            with mistakes.kept():
                entry = _entry(row, names, where)
            if entry is not None:
                yield part, where, entry


def write_entries(file: Path, entries: Mapping[str, Iterable[SplitEntry]]) -> None:
    """Write a split file and its folder; lists not given are written empty."""
    sheet = {part: [[e.image, e.number, e.name] for e in entries.get(part, ())] for part in LISTS}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(sheet, ensure_ascii=False, indent=0) + "\n", "utf-8")


def _entry(row: object, names: dict[int, str], where: str) -> SplitEntry:
    image, number, name = row if isinstance(row, list) and len(row) == 3 else (None, None, None)
    if not isinstance(image, str) or not isinstance(name, str) or not image or not name.strip():
        raise LabelError(f"The entry {row} is not an image with its class.", where, _EXPECTED)
    number = whole(number)
    if number is None:
        raise LabelError(f"The entry {row} has no class number.", where, _EXPECTED)
    if names.setdefault(number, name) != name:
        problem = f"Class {number} is '{name}' here and '{names[number]}' in an entry above."
        raise LabelError(problem, where, "Give each class one number.")
    return SplitEntry(image, number, name)


def _label_files(path: Path) -> list[Path]:
    """Those whose first key is one of the lists, however large another json may be."""
    found = []
    for file in json_files(path):
        with file.open("rb") as handle:
            found += [file] if _HEAD.match(handle.read(200)) else []
    return found


READER = CoopSplitReader()
