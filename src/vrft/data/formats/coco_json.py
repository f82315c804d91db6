"""Detection labels in COCO json: one file, or several that are merged (``train/_annotations.coco.json``...).

Format: https://cocodataset.org/#format-data, object detection; segmentations become masks. A record's id is
its image's path from the root, because image ids of merged files clash.

Widths and heights of a json with up to ``VERIFIED_AT_LOAD`` images are compared with the images at once. A
larger one is trusted here; the pass over the images themselves (``vrft.data.fingerprints``), without which
nothing is split, checked or trained, compares them.

A crowd, or an object that is marked ``ignore`` or ``difficult``, counts neither for nor against an answer.
CVAT marks every mask as a crowd: where all masks of a file are crowds, they are read as objects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from vrft.data.data_options import ReadOptions
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
    record_id,
    shared_names,
    some,
    without_boxes,
)
from vrft.data.scalars import ById, Id, as_id, flag, is_uncounted, numbers, size
from vrft.errors import ImageError, LabelError, MaskError
from vrft.geometry.boxes import is_number
from vrft.types import Annotation, BoxXYXY, Image, Mask, Provides, Record
from vrft.types.names import nfc

SheetT = TypeVar("SheetT", bound="Sheet")
_KEYS = ("images", "annotations", "categories")
VERIFIED_AT_LOAD = 5_000
"""Most images of a json whose images are opened while it is read."""


class CocoReader:
    """Boxes of images in COCO's json."""

    name, in_files = "coco", True
    open_to = frozenset({"coordinates"})
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: 'a COCO json with "images", "annotations" and "categories", in the folder or one '
        "folder below"
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        return frozenset({CATEGORY_BOXES} if _label_files(path) else ())

    def read(
        self, path: Path, needs: frozenset[Provides] = frozenset(), options: ReadOptions | None = None
    ) -> Dataset:
        """One record per image, those without boxes included, in the order of files and their images."""
        return self._read(path, Sheet, options)[0]

    def _read(
        self, path: Path, kind: type[SheetT], options: ReadOptions | None
    ) -> tuple[Dataset, list[SheetT]]:
        root = path
        if path.is_file():
            root = path.parent.parent if path.parent.name == "annotations" else path.parent
        mistakes = Mistakes()
        seen: dict[str, tuple[Path, Record]] = {}
        twice: set[str] = set()
        sheets: list[SheetT] = []
        for file in _label_files(path):
            sheets.append(sheet := kind(file, root))
            sheet.mistakes.coordinates = options.coordinates if options is not None else None
            for record in sheet.records():
                if record.id in seen:
                    problem = f"The image is labelled in {seen[record.id][0].name} too."
                    fix = "Give the path of the one file to read."
                    mistakes.append(ImageError(problem, f"{file}, {record.id}", fix))
                    twice.add(record.id)
                seen[record.id] = (file, record)
            mistakes.join(sheet.mistakes)
        records = tuple(record for name, (_, record) in seen.items() if name not in twice)
        named = {name for sheet in sheets for name in sheet.names}
        warnings = [warning for sheet in sheets for warning in sheet.warnings]
        warnings += [*mistakes.warnings, *without_boxes(named, records, path, mistakes, kind.what)]
        dataset = Dataset(root, self.name, records, tuple(warnings), parts_by_folder(records))
        return replace(dataset, left_out=tuple(mistakes), fixed=tuple(mistakes.fixed)), sheets


class Sheet:
    """One json file while it is read; mistakes are collected, not raised."""

    what = "box"
    """What it labels things with."""

    def __init__(self, file: Path, root: Path) -> None:
        self.file, self.root = file, root
        self.mistakes = Mistakes()
        self.flat: list[str] = []
        self.anywhere: set[str] = set()
        """Categories of annotations that are of no image of the file; the empty name is that of any."""
        self.lists = _lists(file)
        self.categories = self._categories()
        self.images: ById[str] = ById()
        """Record ids by the file's own; empty where an image cannot be used."""
        self.masks_are_crowds = _masks_are_crowds(self.lists["annotations"])

    @property
    def names(self) -> list[str]:
        """What it can label."""
        return [name for _, name in self.categories.items()]

    @property
    def warnings(self) -> list[str]:
        found = shared_names(self.names)
        if self.flat:
            found.append(
                "segmentations without a pixel, or of two points, were not read: "
                f"annotations {some(self.flat)}."
            )
        if self.masks_are_crowds:
            found.append(
                "all masks are crowds, as CVAT writes every mask, so they were read as single objects. If "
                "they are crowds, remove their segmentations."
            )
        if self.anywhere:
            names = some([f"'{name}'" if name else "any category" for name in sorted(self.anywhere)])
            found.append(
                f"annotations that are of no image of the file may be of each, so no question about {names} "
                "has the answer 'No Objects' here."
            )
        for what, ids in (("image", self.images), ("category", self.categories)):
            if ids.clashes:
                says = f"{what} ids are once a number and once text: {some(ids.clashes)}."
                found.append(f"{says} Each is matched with ids that are written in the same way.")
        return [f"{self.file.name}: {says}" for says in found]

    def records(self) -> list[Record]:
        images = self._images()
        found: defaultdict[str, list[Annotation]] = defaultdict(list)
        unknown: defaultdict[str, set[str]] = defaultdict(set)
        entries = self.lists["annotations"]
        entries.reverse()
        while entries:
            # The list is emptied: a million entries and their boxes would not fit together.
            entry = entries.pop()
            category = self.categories.get(entry.get("category_id"))
            name = self.images.get(entry.get("image_id"))
            if name is None:
                with self.mistakes.kept(self.anywhere, category or ""):
                    raise self._dangling(entry, "image_id", "images")
            elif name in images:
                unread: set[str] = set()
                with self.mistakes.kept(unread, category or ""):
                    found[name] += self._said(entry, category, images[name], unread)
                if unread:
                    unknown[name] |= unread
        return [
            self._labelled(record, tuple(found.pop(name, ())), unknown.pop(name, set()))
            for name, record in images.items()
        ]

    def _labelled(self, record: Record, annotations: tuple[Annotation, ...], unknown: set[str]) -> Record:
        """An image with its labels; what is of no image is not absent from this one."""
        if self.anywhere:
            unknown |= self.anywhere - {one.name for one in annotations} - {""}
        absent = record.absent or () if "" in self.anywhere else record.absent
        return replace(record, annotations=annotations, absent=absent, unknown=tuple(sorted(unknown)))

    def _images(self) -> dict[str, Record]:
        """The images that can be used, by record id."""
        image_files = ImageFinder(self.file, self.root)
        images: dict[str, Record] = {}
        unusable: set[str] = set()
        for entry in self.lists["images"]:
            own, where = entry.get("id"), f"{self.file}, image {entry.get('id')}"
            record: Record | None = None
            with self.mistakes.kept():
                record = self._image(entry, image_files, where)
            # An image that cannot be used is known too, lest each of its annotations be reported.
            name = record.id if record is not None else ""
            if not self.images.add(own, name):
                problem = "The image has no id of its own."
                self.mistakes.append(ImageError(problem, where, "Number the images."))
                unusable |= {name, self.images.get(own) or ""}
            elif name in images:
                fix = "Keep one entry and give it all annotations."
                self.mistakes.append(ImageError("The image is listed twice.", f"{where} ({name})", fix))
                unusable.add(name)
            if record is not None:
                images[name] = record
        return {name: record for name, record in images.items() if name not in unusable}

    def _categories(self) -> ById[str]:
        named: ById[str] = ById()
        for entry in self.lists["categories"]:
            where = f"{self.file}, category {entry.get('id')}"
            name = entry.get("name")
            # A class may well be called 7.
            text = str(name) if isinstance(name, str | int) and not isinstance(name, bool) else ""
            if not text.strip():
                problem = "The category has no name."
                if name is not None and str(name).strip():
                    problem = f"The name {name!r} is not text."
                raise LabelError(problem, where, 'Write one: "name": "cat".')
            text, own = nfc(text.strip()), entry.get("id")
            if not named.add(own, text) and named.get(own) != text:
                raise LabelError("Two categories have this id.", where, "Give each its own.")
        return named

    def _image(self, entry: Mapping[str, Any], image_files: ImageFinder, where: str) -> Record:
        name = entry.get("file_name")
        if not isinstance(name, str) or not name:
            raise ImageError("The image has no 'file_name'.", where, "Write the name of its file.")
        path = image_files.find(name, where)
        width, height = size(entry.get("width"), entry.get("height"), where)
        trusted = len(self.lists["images"]) > VERIFIED_AT_LOAD
        if trusted and isinstance(width, int) and isinstance(height, int):
            return Record(record_id(path, self.root), (Image(path, (width, height)),))
        image_wh = image_size_wh(path)
        check_size((width, height), image_wh, f"{where} ({name})")
        return Record(record_id(path, self.root), (Image(path, image_wh),))

    def _said(
        self, entry: Mapping[str, Any], category: str | None, record: Record, unknown: set[str]
    ) -> Sequence[Annotation]:
        """What one entry labels; of what it says nothing goes to ``unknown``."""
        return (self._annotation(entry, category, record),)

    def _annotation(self, entry: Mapping[str, Any], category: str | None, record: Record) -> Annotation:
        where = f"{self.file}, annotation {entry.get('id')} (image {record.id})"
        if category is None:
            raise self._dangling(entry, "category_id", "categories")
        image_wh = record.image.size_wh
        masked = bool(entry.get("segmentation"))
        boxless = masked and not entry.get("bbox")
        mask = self._mask(entry, image_wh, where) if boxless else None
        around = mask.box_xyxy_px if mask is not None else None
        box = around or self.mistakes.box(self._corners(entry.get("bbox"), where), image_wh, where)
        crowd = flag(entry.get("iscrowd"), "iscrowd", where) and not (masked and self.masks_are_crowds)
        attributes = entry.get("attributes")
        crowd = is_uncounted({**entry, "iscrowd": crowd}, where)
        crowd = crowd or (isinstance(attributes, dict) and is_uncounted(attributes, where))
        if masked and not boxless:
            mask = self._mask(entry, image_wh, where)
        return instance_of(category, box, mask, crowd=crowd)

    def _corners(self, xywh: object, where: str) -> BoxXYXY:
        values = xywh if isinstance(xywh, list) and all(map(is_number, xywh)) else numbers(xywh)
        if values is None or len(values) != 4:
            raise LabelError(f"The bbox {xywh} is not [x, y, width, height].", where, "Fix or remove it.")
        x, y, width, height = values
        # Sums to a millionth of a pixel: 0.1 + 0.2 is 0.3, as its author meant.
        return (x, y, round(x + width, 6), round(y + height, 6))

    def _mask(self, entry: Mapping[str, Any], image_wh: tuple[int, int], where: str) -> Mask | None:
        """The segmentation; None where it cannot be used, and then the box stays."""
        if self.mistakes.coordinates not in (None, "pixels"):
            return None
        try:
            mask = mask_of(entry.get("segmentation"), image_wh, where)
        except MaskError as mistake:
            self.mistakes.fixed.append(mistake)
            return None
        self.flat += [str(entry.get("id"))] if mask is None else []
        return mask

    def _dangling(self, entry: Mapping[str, Any], key: str, target: str) -> LabelError:
        where = f"{self.file}, annotation {entry.get('id')}"
        problem = f"The {key} {entry.get(key)!r} is not among the {target}."
        return LabelError(problem, where, f"Fix the {key} or remove the annotation.")


def _masks_are_crowds(annotations: Sequence[Mapping[str, Any]]) -> bool:
    """Whether there are masks, all of them run lengths of crowds."""
    masked = False
    for entry in annotations:
        if outline := entry.get("segmentation"):
            try:
                if not isinstance(outline, dict) or not flag(entry.get("iscrowd"), "iscrowd", ""):
                    return False
            except LabelError:
                return False
            masked = True
    return masked


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


@dataclass(frozen=True)
class Numbering:
    """How one file numbers its categories."""

    file: Path
    names: Mapping[Id | None, str]
    used: frozenset[Id | None]
    """Numbers that its annotations name."""


def numberings(path: Path) -> list[Numbering]:
    """How each json of a path numbers its categories; files that cannot be read are left out."""
    found = []
    for file in _label_files(path):
        try:
            lists = _lists(file)
        except LabelError:
            continue
        names = {as_id(entry.get("id")): str(entry.get("name")).strip() for entry in lists["categories"]}
        used = frozenset(as_id(entry.get("category_id")) for entry in lists["annotations"])
        found.append(Numbering(file, names, used))
    return found


READER = CocoReader()
