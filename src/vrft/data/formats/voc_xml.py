"""Detection labels in Pascal VOC's xml: in ``Annotations``, with ``JPEGImages``, or beside each picture.

Format: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc, section 6.

Where a pixel's number begins. VOC's own files count pixels from 1, both corners included: there 1 is taken
off ``xmin`` and ``ymin``, and ``xmax`` and ``ymax`` stay, as the far edges. Files are VOC's own where
``<source><database>`` begins with 'The VOC', or where no database is named and ``<folder>`` is VOC with a
year. All others (LabelImg, Roboflow, CVAT, vrft) are taken as they are written, as edges counted from 0.
What was done is among the warnings; it is never guessed from the boxes.

A difficult object counts neither for nor against a detector in VOC's own score. So it is kept as a crowd:
a picture is not asked about a category of which it shows a difficult object. ``truncated`` is not read.

``ImageSets/Main/train.txt``, ``val.txt`` and ``test.txt`` name the parts; without them folders do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from vrft.data.dataset import Dataset
from vrft.data.formats.voc_image_sets import told_parts
from vrft.data.formats.xml_markup import Markup, read_markup, text_of
from vrft.data.image_paths import PictureFinder
from vrft.data.images import image_size_wh, is_picture
from vrft.data.label_checks import (
    check_size,
    checked_box,
    one_part_each,
    raise_all,
    record_id,
    some,
    without_boxes,
)
from vrft.errors import LabelError
from vrft.types import BoxXYXY, LabelledBox, Record

_CORNERS = ("xmin", "ymin", "xmax", "ymax")

_FOLDERS = frozenset({"annotations", "labels", "xml", "xmls"})
"""Folders, in lower case, that hold label files while the pictures are in a folder beside them."""


class Voc:
    """Boxes of pictures, one xml a picture."""

    name = "voc"
    task = "detection"
    wants = "Pascal VOC xml files in 'Annotations' or beside their pictures"
    in_files = True

    def detects(self, path: Path) -> bool:
        """Some xml holds an annotation."""
        return next(_label_files(path), None) is not None

    def read(self, path: Path) -> Dataset:
        """One record an xml, those without objects included.

        Args:
            path: the folder, its 'Annotations', or one xml.

        Returns:
            Records in the order of the files' names.

        Raises:
            LabelError: a picture is missing or of another size, or an xml cannot be used.
        """
        root = path if path.is_dir() else path.parent
        while root.name.lower() in _FOLDERS:
            root = root.parent
        sheets = _Sheets(root)
        records: dict[str, Record] = {}
        names: dict[tuple[Path, str], str | None] = {}
        for file in _label_files(path):
            record = sheets.record(file)
            names[_home(file, root), file.stem] = record.id if record else None
            if record is None:
                continue
            if record.id in records:
                problem = f"The picture '{record.id}' has another xml too."
                sheets.mistakes.append(LabelError(problem, str(file), "Remove one of them."))
            records[record.id] = record
        # One xml alone is a part of nothing.
        told, wrong = told_parts(names) if path.is_dir() else ([], [])
        raise_all([*sheets.mistakes, *wrong])
        listed = tuple(records.values())
        parts, torn = one_part_each(told)
        warnings = [*sheets.warnings(), *_unlabelled(root, listed), *torn, *without_boxes((), listed, path)]
        return Dataset(root, self.name, listed, tuple(warnings), parts)


class _Sheets:
    """All xml files while they are read; mistakes are collected, not raised."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mistakes: list[LabelError] = []
        self.finders: dict[Path, PictureFinder] = {}
        self.from_one: list[str] = []
        self.from_zero: list[str] = []
        self.clipped: list[str] = []
        self.difficult: list[str] = []
        self.renamed: list[str] = []

    def warnings(self) -> list[str]:
        """How boxes were counted, and what was mended."""
        found = {
            "VOC's own files count pixels from 1, so 1 was taken off xmin and ymin": self.from_one,
            "Files that are not VOC's own were read as counting pixels from 0": self.from_zero,
            "Boxes up to 1 pixel outside their pictures were clipped": self.clipped,
            "Difficult objects are kept as crowds, and their pictures not asked about them": self.difficult,
            "Pictures were found by the xml's own name, not the one written in it": self.renamed,
        }
        return [f"{what}: {some(files)}." for what, files in found.items() if files]

    def record(self, file: Path) -> Record | None:
        """The picture of one xml with its boxes; None where it cannot be used."""
        try:
            sheet = read_markup(file)
            picture = self._picture(sheet)
            image_wh = image_size_wh(picture)
            size = sheet.root.find("size")
            check_size((_side(size, "width"), _side(size, "height")), image_wh, str(file))
        except LabelError as mistake:
            self.mistakes.append(mistake)
            return None
        from_one = _counts_from_one(sheet.root)
        boxes: list[LabelledBox] = []
        for element in sheet.root.findall("object"):
            try:
                boxes.append(self._box(element, sheet, image_wh, from_one))
            except LabelError as mistake:
                self.mistakes.append(mistake)
        if boxes:
            (self.from_one if from_one else self.from_zero).append(file.name)
        return Record(record_id(picture, self.root), picture, image_wh, tuple(boxes))

    def _picture(self, sheet: Markup) -> Path:
        file = sheet.file
        if file.parent not in self.finders:
            self.finders[file.parent] = PictureFinder(file, _home(file, self.root), ("JPEGImages",))
        finder = self.finders[file.parent]
        own = finder.find_stem(file.stem)
        written = text_of(sheet.root, "filename") or (own.name if own else f"{file.stem}.jpg")
        try:
            named = finder.find(written, str(file))
        except LabelError:
            if own is None:
                raise
            self.renamed.append(file.name)
            return own
        if not is_picture(named):
            raise LabelError(f"Its filename '{written}' is no picture.", str(file), "Name the picture.")
        if own is not None and named.stem != file.stem:
            problem = f"It names the picture '{written}', but there is one of its own name too, '{own.name}'."
            raise LabelError(problem, str(file), "Mend the filename, or remove the other picture.")
        return named

    def _box(
        self, element: ElementTree.Element, sheet: Markup, image_wh: tuple[int, int], from_one: bool
    ) -> LabelledBox:
        where = sheet.where(element)
        name = text_of(element, "name")
        if not name:
            raise LabelError("The object has no name.", where, "Name its class.")
        corners = _corners(element, where)
        if from_one:
            corners = (corners[0] - 1, corners[1] - 1, corners[2], corners[3])
        box = checked_box(corners, image_wh, f"{where} ({name})")
        difficult = text_of(element, "difficult") == "1"
        self.clipped += [sheet.file.name] if box != corners else []
        self.difficult += [f"{name} in {sheet.file.name}"] if difficult else []
        return LabelledBox(name, box, crowd=difficult)


def _corners(element: ElementTree.Element, where: str) -> BoxXYXY:
    box = element.find("bndbox")
    written = [text_of(box, tag) for tag in _CORNERS]
    try:
        x1, y1, x2, y2 = map(float, written)
    except ValueError as error:
        told = ", ".join(f"{tag} '{text}'" for tag, text in zip(_CORNERS, written, strict=True))
        raise LabelError(f"Its bndbox is not four numbers: {told}.", where, "Mend or remove it.") from error
    return x1, y1, x2, y2


def _counts_from_one(annotation: ElementTree.Element) -> bool:
    database = text_of(annotation.find("source"), "database")
    if database:
        return database.startswith("The VOC")
    return re.fullmatch(r"VOC\d{4}", text_of(annotation, "folder")) is not None


def _side(size: ElementTree.Element | None, tag: str) -> object:
    """Width or height as stated; some tools write 0 where they do not know it."""
    text = text_of(size, tag)
    try:
        return float(text or 0) or None
    except ValueError:
        return text


def _label_files(path: Path) -> Iterator[Path]:
    if path.is_file():
        candidates = [path] if path.suffix.lower() == ".xml" else []
    else:
        candidates = sorted(path.rglob("*.xml"))
    for file in candidates:
        inner = file.relative_to(path).parts
        if not any(name.startswith(".") for name in inner) and _looks_like_voc(file):
            yield file


def _looks_like_voc(file: Path) -> bool:
    """An 'annotation' stands near the start: true of a broken xml as well."""
    with file.open("rb") as handle:
        # Without zeros UTF-16 reads as ASCII here.
        return b"<annotation" in handle.read(4096).replace(b"\0", b"")


def _home(file: Path, root: Path) -> Path:
    """The folder whose pictures an xml labels: that of 'Annotations', or the xml's own."""
    folders = file.relative_to(root).parts[:-1]
    depth = next((depth for depth, name in enumerate(folders) if name.lower() in _FOLDERS), len(folders))
    return root.joinpath(*folders[:depth])


def _unlabelled(root: Path, records: tuple[Record, ...]) -> list[str]:
    """A picture without an xml is one that nobody has labelled yet, not one without objects."""
    known = {record.image for record in records}
    folders = sorted({image.parent for image in known})
    left = [p for f in folders for p in sorted(f.iterdir()) if is_picture(p) and p not in known]
    listed = [record_id(picture, root) for picture in left]
    return [f"Pictures without an xml are not read: {some(listed)}."] if listed else []


READER = Voc()
