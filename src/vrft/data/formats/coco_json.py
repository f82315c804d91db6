"""Detection labels in COCO json: one file, or several that are merged (``train/_annotations.coco.json``...).

Format: https://cocodataset.org/#format-data, object detection; segmentations become masks. A record's id is
its image's path from the root, because image ids of merged files clash.

Widths and heights of a json with up to ``VERIFIED_AT_LOAD`` images are compared with the images at once. A
larger one is trusted here; the pass over the images themselves (``vrft.data.fingerprints``), without which
nothing is split, checked or trained, compares them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from vrft.data.dataset import Dataset
from vrft.data.formats.json_files import is_objects, json_files, mentions, parsed
from vrft.data.formats.segmentation_fields import mask_of
from vrft.data.image_paths import ImageFinder
from vrft.data.images import image_size_wh
from vrft.data.label_checks import (
    CATEGORY_BOXES,
    Mistakes,
    check_size,
    instance_of,
    parts_by_folder,
    raise_all,
    record_id,
    some,
    without_boxes,
)
from vrft.errors import LabelError
from vrft.geometry.boxes import checked_box, is_number
from vrft.types import Annotation, Image, Provides, Record

SheetT = TypeVar("SheetT", bound="Sheet")
_Key = int | float | str | None
_KEYS = ("images", "annotations", "categories")
VERIFIED_AT_LOAD = 5_000
"""Most images of a json whose images are opened while it is read."""


class CocoReader:
    """Boxes of images in COCO's json."""

    name, in_files = "coco", True
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: 'a COCO json with "images", "annotations" and "categories", in the folder or one '
        "folder below"
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        return frozenset({CATEGORY_BOXES} if _label_files(path) else ())

    def read(self, path: Path, needs: frozenset[Provides] = frozenset()) -> Dataset:
        """One record per image, those without boxes included, in the order of files and their images."""
        return self._read(path, Sheet)[0]

    def _read(self, path: Path, kind: type[SheetT]) -> tuple[Dataset, list[SheetT]]:
        root = path
        if path.is_file():
            root = path.parent.parent if path.parent.name == "annotations" else path.parent
        mistakes = Mistakes()
        seen: dict[str, tuple[Path, Record]] = {}
        sheets: list[SheetT] = []
        for file in _label_files(path):
            sheets.append(sheet := kind(file, root))
            for record in sheet.records():
                if record.id in seen:
                    other = seen[record.id][0]
                    problem, fix = "The image is listed twice.", "Keep one entry and give it all annotations."
                    if other != file:
                        problem = f"The image is labelled in {other.name} too."
                        fix = "Give the path of the one file to read."
                    mistakes.append(LabelError(problem, f"{file}, {record.id}", fix))
                seen[record.id] = (file, record)
            mistakes += sheet.mistakes
        raise_all(mistakes)
        records = tuple(record for _, record in seen.values())
        named = {name for sheet in sheets for name in sheet.categories.values()}
        warnings = [warning for sheet in sheets for warning in sheet.warnings]
        warnings += without_boxes(named, records, path)
        return Dataset(root, self.name, records, tuple(warnings), parts_by_folder(records)), sheets


class Sheet:
    """One json file while it is read; mistakes are collected, not raised."""

    def __init__(self, file: Path, root: Path) -> None:
        self.file, self.root = file, root
        self.mistakes = Mistakes()
        self.clipped: list[str] = []
        self.flat: list[str] = []
        self.lists = _lists(file)
        self.categories = self._categories()

    @property
    def warnings(self) -> list[str]:
        found = {
            "boxes up to 1 pixel outside their images were clipped": self.clipped,
            "segmentations that cover no pixel were not read": self.flat,
        }
        return [f"{self.file.name}: {what}: annotations {some(ids)}." for what, ids in found.items() if ids]

    def records(self) -> list[Record]:
        image_files = ImageFinder(self.file, self.root)
        images: dict[object, Record] = {}
        for entry in self.lists["images"]:
            where = f"{self.file}, image {entry.get('id')}"
            with self.mistakes.kept():
                key = _key(entry, "id")
                if key is None or key in images:
                    raise LabelError("The image has no id of its own.", where, "Number the images.")
                images[key] = self._image(entry, image_files, where)
        # An image with a mistake is known too, lest each of its annotations be reported.
        known = {_key(entry, "id") for entry in self.lists["images"]}
        found: defaultdict[object, list[Annotation]] = defaultdict(list)
        entries = self.lists["annotations"]
        entries.reverse()
        while entries:
            # The list is emptied: a million entries and their boxes would not fit together.
            entry = entries.pop()
            image = _key(entry, "image_id")
            with self.mistakes.kept():
                if image is None or image not in known:
                    raise self._dangling(entry, "image_id", "images")
                if image in images:
                    found[image].append(self._annotation(entry, images[image]))
        return [replace(record, annotations=tuple(found[key])) for key, record in images.items()]

    def _categories(self) -> dict[object, str]:
        named: dict[object, str] = {}
        for entry in self.lists["categories"]:
            where = f"{self.file}, category {entry.get('id')}"
            name = entry.get("name")
            if not isinstance(name, str) or not name.strip():
                problem = (
                    "The category has no name."
                    if not str(name or "").strip()
                    else f"The name {name!r} is not text."
                )
                self.mistakes.append(LabelError(problem, where, 'Write one: "name": "cat".'))
            elif named.setdefault(_key(entry, "id"), name.strip()) != name.strip():
                self.mistakes.append(LabelError("Two categories have this id.", where, "Give each its own."))
        return named

    def _image(self, entry: Mapping[str, Any], image_files: ImageFinder, where: str) -> Record:
        name = entry.get("file_name")
        if not isinstance(name, str) or not name:
            raise LabelError("The image has no 'file_name'.", where, "Write the name of its file.")
        path = image_files.find(name, where)
        stated: Any = (entry.get("width"), entry.get("height"))
        # What cannot be an image's sides is compared with the image at once.
        if len(self.lists["images"]) > VERIFIED_AT_LOAD and all(type(n) is int and n > 0 for n in stated):
            return Record(record_id(path, self.root), (Image(path, stated),))
        image_wh = image_size_wh(path)
        check_size(stated, image_wh, f"{where} ({name})")
        return Record(record_id(path, self.root), (Image(path, image_wh),))

    def _annotation(self, entry: Mapping[str, Any], record: Record) -> Annotation:
        where = f"{self.file}, annotation {entry.get('id')} (image {record.id})"
        category = self.categories.get(_key(entry, "category_id"))
        if category is None:
            raise self._dangling(entry, "category_id", "categories")
        xywh = entry.get("bbox")
        if not isinstance(xywh, list) or len(xywh) != 4 or not all(map(is_number, xywh)):
            raise LabelError(f"The bbox {xywh} is not [x, y, width, height].", where, "Fix or remove it.")
        (x, y, width, height), image_wh = xywh, record.image.size_wh
        # Sums to a millionth of a pixel: 0.1 + 0.2 is 0.3, as its author meant.
        corners = (float(x), float(y), round(x + width, 6), round(y + height, 6))
        box = checked_box(corners, image_wh, where)
        if box != corners:
            self.clipped.append(str(entry.get("id")))
        mask = mask_of(entry.get("segmentation"), image_wh, where)
        if mask is None and entry.get("segmentation"):
            self.flat.append(str(entry.get("id")))
        return instance_of(category, box, mask, crowd=bool(entry.get("iscrowd")))

    def _dangling(self, entry: Mapping[str, Any], key: str, target: str) -> LabelError:
        where = f"{self.file}, annotation {entry.get('id')}"
        problem = f"The {key} {entry.get(key)} is not among the {target}."
        return LabelError(problem, where, f"Fix the {key} or remove the annotation.")


def _lists(file: Path) -> Mapping[str, list[dict[str, Any]]]:
    sheet = parsed(file)
    lists: dict[str, list[dict[str, Any]]] = {}
    for key in _KEYS:
        entries = sheet.get(key) if isinstance(sheet, dict) else None
        if not is_objects(entries):
            raise LabelError(
                f"The file has no list of objects '{key}'.", str(file), "Export it as COCO JSON."
            )
        lists[key] = entries
    return lists


def _label_files(path: Path) -> list[Path]:
    return [file for file in json_files(path) if mentions(file, *_KEYS)]


def _key(entry: Mapping[str, Any], name: str) -> _Key:
    """An id, or None where it is missing or cannot be one."""
    value = entry.get(name)
    return value if isinstance(value, int | float | str) else None


@dataclass(frozen=True)
class Numbering:
    """How one file numbers its categories."""

    file: Path
    names: Mapping[_Key, str]
    used: frozenset[_Key]
    """Numbers that its annotations name."""


def numberings(path: Path) -> list[Numbering]:
    """How each json of a path numbers its categories; files that cannot be read are left out."""
    found = []
    for file in _label_files(path):
        try:
            lists = _lists(file)
        except LabelError:
            continue
        names = {_key(entry, "id"): str(entry.get("name")).strip() for entry in lists["categories"]}
        used = frozenset(_key(entry, "category_id") for entry in lists["annotations"])
        found.append(Numbering(file, names, used))
    return found


READER = CocoReader()
