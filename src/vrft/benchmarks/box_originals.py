"""Originals of detection: COCO's json, and LVIS's, which says more; parts may be cut down to some classes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vrft.benchmarks.suite import first_match
from vrft.data.image_paths import PictureFinder
from vrft.data.label_checks import some
from vrft.errors import InputError, LabelError

Row = dict[str, Any]


@dataclass(frozen=True)
class BoxFile:
    """Where the labels of a part stand, and what of them is kept."""

    labels: tuple[str, ...]
    """Patterns below the base; the first that is there counts."""
    classes: tuple[str, ...]
    """Names of the categories to keep."""


@dataclass(frozen=True)
class BoxLabels:
    """A benchmark with boxes in one json a part."""

    base: Path
    files: Mapping[str, BoxFile]
    federated: bool = False
    """As LVIS: on a picture only some categories were looked for, and others are not known to be absent."""

    @cached_property
    def _sheets(self) -> dict[str, _Sheet]:
        return {part: _Sheet(self.base, file, self.federated) for part, file in self.files.items()}

    @cached_property
    def pictures(self) -> dict[str, list[str]]:
        """All pictures of a part; of a federated one those about which something is known."""
        return {part: list(sheet.asked) for part, sheet in self._sheets.items()}

    @cached_property
    def shows(self) -> dict[str, dict[str, list[str]]]:
        """Pictures with a box of a class that is no crowd."""
        return {part: sheet.shows() for part, sheet in self._sheets.items()}

    @property
    def counts(self) -> dict[str, int]:
        """Pictures and boxes of the whole files."""
        whole = {f"{part} pictures": len(s.lists["images"]) for part, s in self._sheets.items()}
        return whole | {f"{part} boxes": len(s.lists["annotations"]) for part, s in self._sheets.items()}

    @property
    def classes(self) -> list[str]:
        """Those categories of the files that some part keeps."""
        wanted = {name for file in self.files.values() for name in file.classes}
        found = {name for sheet in self._sheets.values() for name in sheet.names.values()}
        return sorted(wanted & found)

    def locate(self, part: str, picture: str) -> Path:
        """The picture's file, in any usual folder."""
        sheet = self._sheets[part]
        return sheet.finder.find(picture, str(sheet.file))

    def disagreements(self) -> list[str]:
        """Categories that a part lacks, and pictures that two parts share."""
        told = [
            f"{sheet.file} lacks the categories {', '.join(sorted(lost))}."
            for part, sheet in self._sheets.items()
            if (lost := set(self.files[part].classes) - set(sheet.names.values()))
        ]
        shared = self._shared()
        return [*told, f"{len(shared)} pictures are in two parts: {some(shared)}."] if shared else told

    def _shared(self) -> list[str]:
        """Pictures of the training part that are also the test part's: one file, not only one name."""
        names = [set(pictures) for pictures in self.pictures.values()]
        alike = sorted(set.intersection(*names)) if len(names) > 1 else []
        return [name for name in alike if len({self.locate(part, name) for part in self.files}) == 1]

    def write(self, part: str, pictures: Sequence[str], folder: Path) -> None:
        """The json cut down to the pictures and the classes, all that it says of them kept."""
        folder.mkdir(parents=True, exist_ok=True)
        sheet = json.dumps(self._sheets[part].cut(set(pictures)), ensure_ascii=False)
        # LVIS's parts are told by the names of label files, COCO's by those of folders.
        (folder / f"annotations_{part}.json").write_text(sheet + "\n", "utf-8")


class _Sheet:
    """One json, with its pictures by name."""

    def __init__(self, base: Path, wanted: BoxFile, federated: bool) -> None:
        file = first_match(base, wanted.labels)
        if file is None:
            raise InputError(f"{base}: {' or '.join(wanted.labels)} is missing.")
        self.file, self.federated = file, federated
        self.finder = PictureFinder(file, base)
        self.lists = _parse(file)
        self.names: dict[int, str] = {row["id"]: row["name"] for row in self.lists["categories"]}
        self.kept = {number for number, name in self.names.items() if name in wanted.classes}
        self.images: dict[int, Row] = {row["id"]: row for row in self.lists["images"]}
        self.boxes: defaultdict[int, list[Row]] = defaultdict(list)
        for row in self.lists["annotations"]:
            if row["category_id"] in self.kept:
                self.boxes[row["image_id"]].append(row)

    @cached_property
    def asked(self) -> dict[str, int]:
        """Image ids by the names of the pictures that may be asked about."""
        return {
            _picture(row): number
            for number, row in self.images.items()
            if not self.federated or number in self.boxes or self.kept & set(row.get("neg_category_ids", ()))
        }

    def shows(self) -> dict[str, list[str]]:
        shown: dict[str, dict[str, None]] = {self.names[number]: {} for number in sorted(self.kept)}
        for picture, number in self.asked.items():
            for row in self.boxes.get(number, ()):
                if not row.get("iscrowd"):
                    shown[self.names[row["category_id"]]][picture] = None
        return {name: list(pictures) for name, pictures in shown.items()}

    def cut(self, pictures: set[str]) -> Row:
        numbers = [number for picture, number in self.asked.items() if picture in pictures]
        return {
            "images": [self._image(number) for number in numbers],
            "annotations": [row for number in numbers for row in self.boxes.get(number, ())],
            "categories": [row for row in self.lists["categories"] if row["id"] in self.kept],
        }

    def _image(self, number: int) -> Row:
        row = self.images[number]
        lists: Row = {
            key: [category for category in row[key] if category in self.kept]
            for key in ("neg_category_ids", "not_exhaustive_category_ids")
            if key in row
        }
        return {**row, **lists, "file_name": Path(_picture(row)).name}


def _picture(row: Row) -> str:
    """The picture's name; LVIS names it in its address alone, folder included."""
    name = row.get("file_name") if "neg_category_ids" not in row else None
    return str(name or "/".join(row["coco_url"].split("/")[-2:]))


def _parse(file: Path) -> dict[str, list[Row]]:
    try:
        sheet = json.loads(file.read_bytes())
        lists = {key: list(sheet[key]) for key in ("images", "annotations", "categories")}
        for key, fields in _FIELDS.items():
            for row in lists[key]:
                if lost := [name for name in fields if name not in row]:
                    raise KeyError(f"{lost[0]} of {key}, id {row.get('id')}")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise LabelError(f"It is no COCO json ({error}).", str(file), "Fetch it again.") from error
    for row in lists["images"]:
        if "file_name" not in row and "coco_url" not in row:
            raise LabelError(f"Image {row['id']} names no picture.", str(file), "Fetch it again.")
    return lists


_FIELDS = {"images": ("id",), "annotations": ("image_id", "category_id"), "categories": ("id", "name")}
