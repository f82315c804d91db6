"""CVAT's own XML, ``CVAT for images 1.1``: one file for all images of a task.

Format: https://docs.cvat.ai/docs/dataset_management/formats/format-cvat. Rectangles, polygons, ellipses,
masks and cuboids become the boxes around them, polygons and masks with their masks. Polylines, points and
skeletons have no box, so their classes are unknown on that image. A tag is the class of its image. Where
points are asked for, those of points and skeletons are read: a hidden one (``occluded``) as any other, one
that is ``outside`` not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from vrft.data.dataset import Dataset
from vrft.data.formats.keypoints import PointLabels, PointsToo, keypoint_name, note_on
from vrft.data.formats.segmentation_fields import polygon_mask
from vrft.data.formats.xml_files import Markup, begins_with, read_markup
from vrft.data.image_paths import ImageFinder
from vrft.data.images import files_below, image_size_wh
from vrft.data.label_checks import (
    CATEGORY_BOXES,
    CATEGORY_POINTS,
    IMAGE_CLASS,
    Mistakes,
    check_size,
    class_of,
    instance_of,
    part_of,
    part_of_record,
    raise_all,
    record_id,
    some,
    warnings_about,
)
from vrft.data.outlines import around, around_ellipse, around_turned
from vrft.data.scalars import flag, is_uncounted, number, numbers_under, whole
from vrft.errors import ImageError, LabelError
from vrft.geometry.masks import mask_of_region
from vrft.types import Annotation, BoxXYXY, Image, Mask, PointXY, Provides, Record

_NO_BOX = frozenset({"polyline", "points", "skeleton"})
_FEW = 200
"""Of more files than this only those with CVAT's own name are looked into."""


class CvatReader(PointsToo):
    """Shapes and tags of images, all in one xml."""

    name, in_files = "cvat", True
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: "an annotations.xml of CVAT ('CVAT for images 1.1') with shapes",
        CATEGORY_POINTS: "an annotations.xml of CVAT ('CVAT for images 1.1') with points or skeletons",
        IMAGE_CLASS: "an annotations.xml of CVAT ('CVAT for images 1.1') with tags",
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        found: set[Provides] = set()
        for file in cvat_files(path):
            content = file.read_bytes()
            found |= {IMAGE_CLASS} if b"<tag " in content else set()
            found |= {CATEGORY_POINTS} if b"<points " in content else set()
            shaped = any(f"<{shape} ".encode() in content for shape in (*_SHAPES, "polyline"))
            found |= {CATEGORY_BOXES} if shaped or not found else set()
        return frozenset(found)

    def read(self, path: Path, needs: frozenset[Provides] = frozenset()) -> Dataset:
        """One record per image of the files, those without shapes included."""
        root = path.parent if path.is_file() else path
        records: dict[str, Record] = {}
        parts: dict[str, str] = {}
        unread: list[str] = []
        not_labelled: list[str] = []
        mistakes = Mistakes()
        for file in cvat_files(path):
            sheet = read_markup(file)
            images = ImageFinder(file, root)
            for element in sheet.root.findall("image"):
                with mistakes.kept():
                    record = _image(element, sheet, images, root)
                    if record.id in records:
                        problem = f"The image '{record.id}' is listed twice."
                        raise ImageError(problem, sheet.where(element), "Keep one entry.")
                    labelled = _Labelled(record, sheet, mistakes)
                    if CATEGORY_BOXES in needs or not needs:
                        labelled.shapes(element)
                    if CATEGORY_POINTS in needs:
                        not_labelled += labelled.points(element)
                    if IMAGE_CLASS in needs:
                        labelled.tags(element)
                    records[record.id] = labelled.record
                    unread += labelled.without_box
                    part = part_of(element.get("subset", "")) or part_of_record(record.id)
                    parts |= {record.id: part} if part else {}
        found = {"Shapes without a box are not read, and their classes are not asked about there": unread}
        warnings = (*warnings_about(found), *note_on(not_labelled), *mistakes.warnings)
        if not records:
            raise_all(mistakes)
        given = {name: part for name, part in parts.items() if name in records}
        listed, left_out, fixed = tuple(records.values()), tuple(mistakes), tuple(mistakes.fixed)
        return Dataset(root, self.name, listed, warnings, given, left_out=left_out, fixed=fixed)


@dataclass
class _Labelled:
    """An image while its labels are read."""

    record: Record
    sheet: Markup
    mistakes: Mistakes
    without_box: tuple[str, ...] = ()

    def shapes(self, image: ElementTree.Element) -> None:
        unknown: set[str] = set()
        found: list[Annotation] = []
        for element in image:
            if element.tag == "tag" or not ("label" in element.attrib or element.tag in {*_SHAPES, *_NO_BOX}):
                continue
            label, where = (element.get("label") or "").strip(), self.sheet.where(element)
            with self.mistakes.kept(unknown, label):
                if not label:
                    raise LabelError("The shape has no label.", where, "Give it one.")
                if flag(element.get("outside"), "outside", where):
                    continue
                if element.tag not in _SHAPES:
                    unknown.add(label)
                    self.without_box += (f"{element.tag} '{label}' on {self.record.id}",)
                    continue
                found.append(self._instance(element, label, where))
        self.record = replace(self.record, annotations=tuple(found), unknown=tuple(sorted(unknown)))

    def _instance(self, element: ElementTree.Element, label: str, where: str) -> Annotation:
        size_wh = self.record.image.size_wh
        try:
            corners, mask = _SHAPES[element.tag](element, size_wh, where)
        except (ValueError, TypeError, KeyError) as error:
            problem = f"The {element.tag} has no place ({error})."
            raise LabelError(problem, where, "Fix or remove it.") from error
        flags = {one.get("name", ""): (one.text or "").strip() for one in element.findall("attribute")}
        box = self.mistakes.box(corners, size_wh, where)
        return instance_of(label, box, mask, crowd=is_uncounted(flags, where))

    def points(self, image: ElementTree.Element) -> list[str]:
        """Points alone and those of skeletons; of the latter, those that are not labelled."""
        found = PointLabels(self.record, self.mistakes)
        for element in image:
            label, where = (element.get("label") or "").strip(), self.sheet.where(element)
            if element.tag != "skeleton":
                _read_points(found, element, label, where)
                continue
            for part in element:
                if part.tag == "points":
                    name = keypoint_name((part.get("label") or "").strip(), label)
                    _read_points(found, part, name, self.sheet.where(part), is_keypoint=True)
        self.record = found.labelled
        return found.not_labelled

    def tags(self, image: ElementTree.Element) -> None:
        names = [name for tag in image.findall("tag") if (name := (tag.get("label") or "").strip())]
        where = self.sheet.where(image)
        if len(set(names)) != 1:
            says = f"has several classes: {some(names)}" if names else "has no tag"
            raise ImageError(f"The image {says}.", where, "Give it one tag.")
        self.record = replace(self.record, annotations=(*self.record.annotations, class_of(names[0])))


def _read_points(
    found: PointLabels, element: ElementTree.Element, name: str, where: str, is_keypoint: bool = False
) -> None:
    with found.kept([name]):
        if element.tag != "points":
            # It labels the category with something else, such as a box.
            found.unknown |= {name} if name else set()
        elif not name:
            raise LabelError("The point has no label.", where, "Give it one.")
        elif not flag(element.get("outside"), "outside", where):
            try:
                places = list(_points(element.get("points") or ""))
            except ValueError as error:
                raise LabelError(f"The point has no place ({error}).", where, "Fix or remove it.") from error
            for place in places:
                found.add(name, place, where)
        elif is_keypoint:
            found.leave_out(name)


def _image(element: ElementTree.Element, sheet: Markup, images: ImageFinder, root: Path) -> Record:
    where, name = sheet.where(element), element.get("name") or ""
    if not name:
        raise ImageError("The image has no name.", where, "Write the name of its file.")
    path = images.find(name, where)
    image_wh = image_size_wh(path)
    check_size((element.get("width"), element.get("height")), image_wh, where)
    return Record(record_id(path, root), (Image(path, image_wh),))


_Shape = Callable[[ElementTree.Element, tuple[int, int], str], tuple[BoxXYXY, Mask | None]]


def _turn(element: ElementTree.Element) -> float:
    return number(element.get("rotation")) or 0.0


def box_corners(element: ElementTree.Element) -> BoxXYXY:
    """The upright box around a ``<box>``; ValueError where it has none."""
    return around_turned(numbers_under(element.attrib, "xtl", "ytl", "xbr", "ybr"), _turn(element))


def _box(element: ElementTree.Element, image_wh: tuple[int, int], where: str) -> tuple[BoxXYXY, None]:
    return box_corners(element), None


def _ellipse(element: ElementTree.Element, image_wh: tuple[int, int], where: str) -> tuple[BoxXYXY, None]:
    cx, cy, rx, ry = numbers_under(element.attrib, "cx", "cy", "rx", "ry")
    return around_ellipse((cx, cy), (rx, ry), _turn(element)), None


def _cuboid(element: ElementTree.Element, image_wh: tuple[int, int], where: str) -> tuple[BoxXYXY, None]:
    ends = [name[1:] for name in element.attrib if name.startswith("x")]
    pairs = [numbers_under(element.attrib, f"x{end}", f"y{end}") for end in ends]
    return around([(x, y) for x, y in pairs]), None


def _points(text: str) -> Iterator[PointXY]:
    for pair in text.split(";"):
        x, y = map(float, pair.split(","))
        yield x, y


def _polygon(
    element: ElementTree.Element, image_wh: tuple[int, int], where: str
) -> tuple[BoxXYXY, Mask | None]:
    points = list(_points(element.get("points") or ""))
    width, height = image_wh
    inside = [(min(max(x, 0.0), float(width)), min(max(y, 0.0), float(height))) for x, y in points]
    return around(points), polygon_mask([[side for point in inside for side in point]], image_wh, where)


def _mask(element: ElementTree.Element, image_wh: tuple[int, int], where: str) -> tuple[BoxXYXY, Mask | None]:
    """Run lengths of a part of the image, row by row, the first run empty or of nothing."""
    left, top, width, height = (whole(element.get(name)) for name in ("left", "top", "width", "height"))
    if left is None or top is None or not width or not height:
        raise ValueError("left, top, width and height are not whole numbers")
    runs = [int(run) for run in (element.get("rle") or "").split(",")]
    if sum(runs) != width * height or min(runs) < 0:
        raise ValueError(f"its run lengths add up to {sum(runs)}, not to {width * height}")
    part = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    region = np.zeros((image_wh[1], image_wh[0]), bool)
    fits = part[max(0, -top) : image_wh[1] - top, max(0, -left) : image_wh[0] - left]
    x, y = max(0, left), max(0, top)
    region[y : y + fits.shape[0], x : x + fits.shape[1]] = fits
    mask = mask_of_region(region)
    box = mask.box_xyxy_px
    if box is None:
        raise ValueError("it covers no pixel of the image")
    return box, mask


_SHAPES: Mapping[str, _Shape] = {
    "box": _box,
    "polygon": _polygon,
    "ellipse": _ellipse,
    "cuboid": _cuboid,
    "mask": _mask,
}
"""How each shape that has a box reads."""


def cvat_files(path: Path, tracks: bool = False) -> list[Path]:
    """The label files of images below a path, or with ``tracks`` those of videos."""
    files = [path] if path.is_file() else list(files_below(path, "*.xml"))
    if len(files) > _FEW:  # one for each image, as VOC has them
        files = [file for file in files if file.stem.startswith("annotations")]
    named = (one for one in files if one.suffix.lower() == ".xml" and begins_with(one, "annotations"))
    return [file for file in named if (b"<track " in file.read_bytes()) == tracks]


READER = CvatReader()
