"""Detection labels in Pascal VOC's xml: in ``Annotations``, with ``JPEGImages``, or next to each image.

Format: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc, section 6.

Where a pixel's number begins. VOC's own files count pixels from 1, both corners included: there 1 is taken
off ``xmin`` and ``ymin``, and ``xmax`` and ``ymax`` stay, as the far edges. Files are VOC's own where
``<source><database>`` begins with 'The VOC', or where no database is named and ``<folder>`` is VOC with a
year. All others (LabelImg, Roboflow, CVAT, vrft) are taken as they are written, as edges counted from 0.
What was done is among the warnings; it is never guessed from the boxes.

A difficult or ignored object counts neither for nor against a detector in VOC's own score. So it is kept as a
crowd: an image is not asked about a category of which it shows one. ``truncated`` is not read. Nor is
an image asked about the names of an object's ``part``, or about an object without a box; of a turned box
(``robndbox``) or a ``polygon`` the box around it is read.

``ImageSets/Main/train.txt``, ``val.txt`` and ``test.txt`` name the parts; without them folders do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from xml.etree import ElementTree

from vrft.data.data_options import ReadOptions
from vrft.data.dataset import Dataset
from vrft.data.formats.xml_files import Markup, begins_with, read_markup, text_of
from vrft.data.image_paths import ImageFinder
from vrft.data.images import files_below, image_size_wh, is_image
from vrft.data.label_checks import (
    CATEGORY_BOXES,
    Mistakes,
    check_size,
    instance_of,
    one_part_each,
    part_of,
    part_of_record,
    record_id,
    warnings_about,
    without_boxes,
)
from vrft.data.outlines import around, around_turned
from vrft.data.scalars import is_uncounted, numbers, pairs
from vrft.errors import ImageError, LabelError
from vrft.types import Annotation, BoxXYXY, Image, Provides, Record
from vrft.types.names import nfc

_CORNERS = ("xmin", "ymin", "xmax", "ymax")

_FOLDERS = frozenset({"annotations", "labels", "xml", "xmls"})
"""Folders, in lower case, that hold label files while the images are in a folder next to them."""


class VocReader:
    """Boxes of images, one xml per image."""

    name, in_files = "voc", True
    open_to = frozenset({"coordinates"})
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: "Pascal VOC xml files in 'Annotations' or next to their images"
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        return frozenset({CATEGORY_BOXES} if next(_label_files(path), None) else ())

    def read(
        self, path: Path, needs: frozenset[Provides] = frozenset(), options: ReadOptions | None = None
    ) -> Dataset:
        """One record per xml in the order of the files' names, those without objects included."""
        root = path if path.is_dir() else path.parent
        while root.name.lower() in _FOLDERS:
            root = root.parent
        sheets = _Sheets(root)
        sheets.mistakes.coordinates = options.coordinates if options is not None else None
        records: dict[str, Record] = {}
        names: dict[tuple[Path, str], str | None] = {}
        twice: set[str] = set()
        for file in _label_files(path):
            record = sheets.record(file)
            names[_home(file, root), nfc(file.stem)] = record.id if record else None
            if record is None:
                continue
            if record.id in records:
                problem = f"Another XML file labels the image '{record.id}' too."
                sheets.mistakes.append(ImageError(problem, str(file), "Remove one of them."))
                twice.add(record.id)
            records[record.id] = record
        # One xml alone is a part of nothing.
        stated, wrong = _stated_parts(names) if path.is_dir() else ([], [])
        mistakes = sheets.mistakes
        mistakes += wrong
        listed = tuple(record for name, record in records.items() if name not in twice)
        parts, torn = one_part_each(stated)
        warnings = (
            *sheets.warnings(),
            *_unlabelled(root, records.values(), {stem for _, stem in names}),
            *torn,
            *without_boxes((), listed, path, mistakes),
        )
        left_out, fixed = tuple(mistakes), tuple(mistakes.fixed)
        return Dataset(root, self.name, listed, warnings, parts, left_out=left_out, fixed=fixed)


class _Sheets:
    """All xml files while they are read; mistakes are collected, not raised."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mistakes = Mistakes()
        self.images: dict[Path, ImageFinder] = {}
        self.from_one: list[str] = []
        self.from_zero: list[str] = []
        self.difficult: list[str] = []
        self.renamed: list[str] = []

    def warnings(self) -> list[str]:
        found = warnings_about(
            {
                "VOC's own files count pixels from 1, so 1 was taken off xmin and ymin": self.from_one,
                "Files that are not VOC's own were read as counting pixels from 0": self.from_zero,
                "Difficult objects are kept as crowds, and no question is about them": self.difficult,
                "Images were found by the name of the XML file, not by its 'filename'": self.renamed,
            }
        )
        return [*found, *self.mistakes.warnings]

    def record(self, file: Path) -> Record | None:
        """The image of one xml with its boxes; None where it cannot be used."""
        try:
            sheet = read_markup(file)
            path = self._image(sheet)
            image_wh = image_size_wh(path)
            stated = sheet.root.find("size")
            check_size((text_of(stated, "width"), text_of(stated, "height")), image_wh, str(file))
        except LabelError as mistake:
            self.mistakes.append(mistake)
            return None
        from_one = _counts_from_one(sheet.root)
        boxes: list[Annotation] = []
        unknown = {text_of(part, "name") for part in sheet.root.findall("object/part")}
        for element in sheet.root.findall("object"):
            # An object of two names is left out: nothing is known of either here.
            unknown |= {(name.text or "").strip() for name in element.findall("name")[1:]}
            with self.mistakes.kept(unknown, text_of(element, "name")):
                boxes.append(self._box(element, sheet, image_wh, from_one))
        if boxes:
            (self.from_one if from_one else self.from_zero).append(file.name)
        shown = (Image(path, image_wh),)
        return Record(record_id(path, self.root), shown, tuple(boxes), unknown=tuple(sorted(unknown)))

    def _image(self, sheet: Markup) -> Path:
        file = sheet.file
        if file.parent not in self.images:
            self.images[file.parent] = ImageFinder(file, _home(file, self.root), ("JPEGImages",))
        images = self.images[file.parent]
        own = images.find_stem(file.stem)
        written = text_of(sheet.root, "filename") or (own.name if own else f"{file.stem}.jpg")
        try:
            named = images.find(written, str(file))
        except LabelError:
            if own is None:
                raise
            self.renamed.append(file.name)
            return own
        if not is_image(named):
            raise ImageError(
                f"The 'filename' '{written}' is not an image.", str(file), "Write the name of the image."
            )
        if own is not None and nfc(named.stem) != nfc(file.stem):
            problem = f"The 'filename' is '{written}', but the image '{own.name}' has the name of this file."
            raise ImageError(problem, str(file), "Correct the 'filename', or remove one image.")
        return named

    def _box(
        self, element: ElementTree.Element, sheet: Markup, image_wh: tuple[int, int], from_one: bool
    ) -> Annotation:
        where = f"{sheet.file}, line {sheet.lines[element]}"
        name = text_of(element, "name")
        if not name:
            raise LabelError("The object has no 'name'.", where, "Write its class there.")
        for tag in ("name", "bndbox", *(f"bndbox/{edge}" for edge in _CORNERS)):
            if (count := len(element.findall(tag))) > 1:
                problem = f"The object '{name}' has {count} times '{tag}'."
                raise LabelError(problem, where, "Keep one, or make an object of each.")
        first = 1 if from_one else 0
        x1, y1, x2, y2 = _corners(element, where)
        box = self.mistakes.box((x1 - first, y1 - first, x2, y2), image_wh, f"{where} ({name})")
        difficult = is_uncounted({child.tag: (child.text or "").strip() for child in element}, where)
        self.difficult += [f"{name} in {sheet.file.name}"] if difficult else []
        return instance_of(name, box, crowd=difficult)


def _corners(element: ElementTree.Element, where: str) -> Sequence[float]:
    """The corners of an object's box, or of the box around its turned box or polygon."""
    place = element.find("bndbox")
    if place is None and (box := _around(element)) is not None:
        return box
    edges = [text_of(place, tag) for tag in _CORNERS]
    corners = numbers(edges)
    if corners is None:
        listed = ", ".join(f"{tag} '{text}'" for tag, text in zip(_CORNERS, edges, strict=True))
        raise LabelError(f"The bndbox is not four numbers: {listed}.", where, "Fix or remove it.")
    return corners


def _around(element: ElementTree.Element) -> BoxXYXY | None:
    """The box around a turned box or a polygon; None where there is neither."""
    turned, polygon = element.find("robndbox"), element.find("polygon")
    if turned is not None:
        place = numbers([text_of(turned, tag) for tag in ("cx", "cy", "w", "h", "angle")])
        if place is None:
            return None
        cx, cy, width, height, angle = place
        upright = (cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)
        return around_turned(upright, math.degrees(angle))
    if polygon is None:
        return None
    points = polygon.findall("pt")
    texts = [text_of(point, tag) for point in points for tag in "xy"]
    texts = texts or [one.text or "" for one in polygon]
    found = pairs(list(zip(texts[::2], texts[1::2], strict=False)))
    return around(found) if found and len(texts) % 2 == 0 else None


def _counts_from_one(annotation: ElementTree.Element) -> bool:
    database = text_of(annotation.find("source"), "database")
    if database:
        return database.startswith("The VOC")
    return re.fullmatch(r"VOC\d{4}", text_of(annotation, "folder")) is not None


def _label_files(path: Path) -> Iterator[Path]:
    """Those with an 'annotation' near the start: true of a broken xml as well."""
    files = [path] if path.is_file() else files_below(path, "*.xml")
    return (file for file in files if file.suffix.lower() == ".xml" and begins_with(file, "annotation"))


def _home(file: Path, root: Path) -> Path:
    """The folder whose images an xml labels: that of 'Annotations', or the xml's own."""
    folders = file.relative_to(root).parts[:-1]
    depth = next((depth for depth, name in enumerate(folders) if name.lower() in _FOLDERS), len(folders))
    return root.joinpath(*folders[:depth])


def _unlabelled(root: Path, records: Iterable[Record], labelled: AbstractSet[str]) -> list[str]:
    """An image without an xml is one that nobody has labelled yet, not one without objects."""
    known = {record.image.path for record in records}
    folders = sorted({image.parent for image in known})
    images = [p for f in folders for p in sorted(f.iterdir()) if is_image(p) and p not in known]
    left = [record_id(path, root) for path in images if path.stem not in labelled]
    return warnings_about({"Images without an XML file are not read": left})


def _stated_parts(
    records: Mapping[tuple[Path, str], str | None],
) -> tuple[list[tuple[str, str]], list[LabelError]]:
    """Record ids with the part that 'ImageSets/Main', or else the images' folders, say; and wrong lines."""
    stated: list[tuple[str, str]] = []
    wrong: list[LabelError] = []
    listed: set[Path] = set()
    for home in sorted({home for home, _ in records}):
        for file, part in _part_lists(home / "ImageSets" / "Main"):
            listed.add(home)
            for number, line in enumerate(file.read_text("utf-8-sig", "replace").splitlines(), 1):
                stem = nfc(line.strip())
                names = (stem, stem.rsplit(maxsplit=1)[0]) if stem else ()
                hits = [records[home, name] for name in names if (home, name) in records]
                stated += [(found, part) for found in hits[:1] if found is not None]
                if names and not hits:
                    problem = f"'{line.strip()}' has no XML file in '{home / 'Annotations'}'."
                    wrong.append(ImageError(problem, f"{file}, line {number}", "Add it or remove the line."))
    free = [found for (home, _), found in records.items() if home not in listed and found is not None]
    by_folder = [(found, part_of_record(found)) for found in free]
    return stated + [(found, part) for found, part in by_folder if part], wrong


def _part_lists(folder: Path) -> Iterator[tuple[Path, str]]:
    """The files 'train.txt', 'val.txt' and 'test.txt'; 'trainval.txt' only where neither of its halves is."""
    files = sorted(folder.glob("*.txt"))
    halves = [(file, part) for file in files if (part := part_of(file.stem))]
    yield from halves
    if not {"train", "val"} & {part for _, part in halves}:
        yield from ((file, "train") for file in files if file.stem == "trainval")


READER = VocReader()
