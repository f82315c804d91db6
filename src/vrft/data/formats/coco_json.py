"""Detection labels in COCO json: one file, or several that are merged (``train/_annotations.coco.json``...).

Format: https://cocodataset.org/#format-data, object detection; segmentations become masks. A record's id is
its picture's path from the root, because image ids of merged files clash.

Widths and heights of a json with up to ``VERIFIED_AT_LOAD`` images are compared with the pictures at once. A
larger one is taken at its word here; the pass over the pictures themselves (``vrft.data.fingerprints``),
without which nothing is split, checked or trained, compares them.
"""

from __future__ import annotations

import json
import mmap
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vrft.data.dataset import Dataset
from vrft.data.formats.segmentation_fields import mask_of
from vrft.data.image_paths import PictureFinder
from vrft.data.images import image_size_wh
from vrft.data.label_checks import (
    check_size,
    checked_box,
    part_of_record,
    raise_all,
    record_id,
    some,
    without_boxes,
)
from vrft.errors import LabelError
from vrft.types import LabelledBox, Record

_KEYS = ("images", "annotations", "categories")
VERIFIED_AT_LOAD = 5_000
"""Most images of a json whose pictures are opened while it is read."""


class Coco:
    """Boxes of pictures in COCO's json."""

    name = "coco"
    task = "detection"
    wants = 'a COCO json with "images", "annotations" and "categories", in the folder or one folder below'
    in_files = True

    def detects(self, path: Path) -> bool:
        """Some json has the three lists."""
        return bool(_label_files(path))

    def read(self, path: Path) -> Dataset:
        """One record a picture, those without boxes included.

        Args:
            path: the folder, or one json.

        Returns:
            Records in the order of the files' names and, in each, of its images.

        Raises:
            LabelError: a picture is missing, or of another size in a json that is verified while it is read,
                or an annotation cannot be used.
        """
        root = _root(path)
        mistakes: list[LabelError] = []
        seen: dict[str, tuple[Path, Record]] = {}
        warnings: list[str] = []
        named: set[str] = set()
        for file in _label_files(path):
            sheet = self.sheet(file, root)
            for record in sheet.records():
                if record.id in seen:
                    mistakes.append(_twice(record, file, seen[record.id][0]))
                seen[record.id] = (file, record)
            mistakes += sheet.mistakes
            warnings += sheet.warnings
            named.update(sheet.categories.values())
        raise_all(mistakes)
        records = tuple(record for _, record in seen.values())
        warnings += without_boxes(named, records, path)
        parts = {record.id: part for record in records if (part := part_of_record(record.id))}
        return Dataset(root, self.name, records, tuple(warnings), parts)

    def sheet(self, file: Path, root: Path) -> Sheet:
        """One of the files, opened."""
        return Sheet(file, root)


class Sheet:
    """One json file while it is read; mistakes are collected, not raised."""

    def __init__(self, file: Path, root: Path) -> None:
        self.file, self.root = file, root
        self.mistakes: list[LabelError] = []
        self.clipped: list[str] = []
        self.flat: list[str] = []
        self.lists = _parse(file)
        self.categories = self._categories()

    @property
    def warnings(self) -> list[str]:
        """Boxes that were clipped and segmentations that were not read."""
        found = {
            "boxes up to 1 pixel outside their pictures were clipped": self.clipped,
            "segmentations that cover no pixel were not read": self.flat,
        }
        return [f"{self.file.name}: {what}: annotations {some(ids)}." for what, ids in found.items() if ids]

    def records(self) -> list[Record]:
        """All pictures with their boxes; the annotations are given up one by one as they are read."""
        finder = PictureFinder(self.file, self.root)
        pictures: dict[object, Record] = {}
        for entry in self.lists["images"]:
            where = f"{self.file}, image {entry.get('id')}"
            try:
                key = _key(entry, "id")
                if key is None or key in pictures:
                    raise LabelError("Its id is missing or another image's.", where, "Number the images.")
                pictures[key] = self._picture(entry, finder, where)
            except LabelError as mistake:
                self.mistakes.append(mistake)
        # An image with a mistake is known too, lest each of its annotations be reported.
        known = {_key(entry, "id") for entry in self.lists["images"]}
        boxes: defaultdict[object, list[LabelledBox]] = defaultdict(list)
        for entry in _taken(self.lists["annotations"]):
            image = _key(entry, "image_id")
            picture = pictures.get(image)
            try:
                if image is None or image not in known:
                    raise self._dangling(entry, "image_id", "images")
                if picture is not None:
                    boxes[image].append(self._box(entry, picture))
            except LabelError as mistake:
                self.mistakes.append(mistake)
        return [replace(picture, boxes=tuple(boxes[key])) for key, picture in pictures.items()]

    def _categories(self) -> dict[object, str]:
        named: dict[object, str] = {}
        for entry in self.lists["categories"]:
            where = f"{self.file}, category {entry.get('id')}"
            name = entry.get("name")
            if not isinstance(name, str) or not name.strip():
                self.mistakes.append(LabelError("The category has no name.", where, "Name it."))
            elif named.setdefault(_key(entry, "id"), name.strip()) != name.strip():
                self.mistakes.append(LabelError("Two categories have this id.", where, "Number them anew."))
        return named

    def _picture(self, entry: Mapping[str, Any], finder: PictureFinder, where: str) -> Record:
        name = entry.get("file_name")
        if not isinstance(name, str) or not name:
            raise LabelError("It has no 'file_name'.", where, "Name its picture.")
        path = finder.find(name, where)
        width: Any = entry.get("width")
        height: Any = entry.get("height")
        if len(self.lists["images"]) > VERIFIED_AT_LOAD and _are_sides(width, height):
            return Record(record_id(path, self.root), path, (width, height))
        image_wh = image_size_wh(path)
        check_size((width, height), image_wh, f"{where} ({name})")
        return Record(record_id(path, self.root), path, image_wh)

    def _box(self, entry: Mapping[str, Any], picture: Record) -> LabelledBox:
        where = f"{self.file}, annotation {entry.get('id')} (picture {picture.id})"
        category = self.categories.get(_key(entry, "category_id"))
        if category is None:
            raise self._dangling(entry, "category_id", "categories")
        xywh = entry.get("bbox")
        if not isinstance(xywh, list) or len(xywh) != 4 or not all(map(_is_number, xywh)):
            raise LabelError(f"Its bbox {xywh} is not [x, y, width, height].", where, "Mend or remove it.")
        x, y, width, height = xywh
        # Sums to a millionth of a pixel: 0.1 + 0.2 is 0.3, as its author meant.
        corners = (float(x), float(y), round(x + width, 6), round(y + height, 6))
        box = checked_box(corners, picture.image_wh, where)
        if box != corners:
            self.clipped.append(str(entry.get("id")))
        mask = mask_of(entry.get("segmentation"), picture.image_wh, where)
        if mask is None and entry.get("segmentation"):
            self.flat.append(str(entry.get("id")))
        return LabelledBox(category, box, bool(entry.get("iscrowd")), mask)

    def _dangling(self, entry: Mapping[str, Any], key: str, target: str) -> LabelError:
        where = f"{self.file}, annotation {entry.get('id')}"
        problem = f"Its {key} {entry.get(key)} is not among the {target}."
        return LabelError(problem, where, f"Mend the {key} or remove the annotation.")


def _taken(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The entries of a list, which is emptied: a million of them and their boxes would not fit together."""
    entries.reverse()
    while entries:
        yield entries.pop()


def _parse(file: Path) -> Mapping[str, list[dict[str, Any]]]:
    try:
        sheet = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise LabelError(f"The file is no JSON ({error}).", str(file), "Export it again.") from error
    lists: dict[str, list[dict[str, Any]]] = {}
    for key in _KEYS:
        entries = sheet.get(key) if isinstance(sheet, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise LabelError(f"It has no list of objects '{key}'.", str(file), "Export it as COCO json.")
        lists[key] = entries
    return lists


def _label_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path] if path.suffix == ".json" and _looks_like_coco(path) else []
    found = sorted((*path.glob("*.json"), *path.glob("*/*.json")))
    return [file for file in found if not file.name.startswith(".") and _looks_like_coco(file)]


def _looks_like_coco(file: Path) -> bool:
    """The three keys stand somewhere in the file: quick for gigabytes, and true of a broken json as well."""
    if not file.is_file() or not file.stat().st_size:
        return False
    with file.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return all(content.find(f'"{key}"'.encode()) >= 0 for key in _KEYS)


def _root(path: Path) -> Path:
    if path.is_dir():
        return path
    return path.parent.parent if path.parent.name == "annotations" else path.parent


def _key(entry: Mapping[str, Any], name: str) -> int | float | str | None:
    """An id, or None where it is missing or cannot be one."""
    value = entry.get(name)
    return value if isinstance(value, int | float | str) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_sides(*values: Any) -> bool:
    """Whether these can be a picture's width and height; what cannot is compared with the picture at once."""
    return all(type(value) is int and value > 0 for value in values)


def _twice(record: Record, file: Path, other: Path) -> LabelError:
    if file == other:
        return LabelError("The picture is listed twice.", f"{file}, {record.id}", "Join the two images.")
    problem = f"The picture is labelled in {other.name} too."
    return LabelError(problem, f"{file}, {record.id}", "Give the path of the one json that is meant.")


@dataclass(frozen=True)
class Numbering:
    """How one file numbers its categories."""

    file: Path
    names: Mapping[object, str]
    """Names by number, as the file's categories have them."""
    used: frozenset[object]
    """Numbers that its annotations name."""


def numberings(path: Path) -> list[Numbering]:
    """How each COCO json of a folder numbers its categories; files that cannot be read are left out.

    Args:
        path: the folder, or one json.
    """
    found = []
    for file in _label_files(path):
        try:
            lists = _parse(file)
        except LabelError:
            continue
        names: dict[object, str] = {
            _key(entry, "id"): str(entry.get("name")).strip() for entry in lists["categories"]
        }
        used = frozenset(_key(entry, "category_id") for entry in lists["annotations"])
        found.append(Numbering(file, names, used))
    return found


READER = Coco()
