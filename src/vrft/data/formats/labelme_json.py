"""Shapes of labelme: one json per image, with ``shapes`` and ``imagePath``.

Format: https://github.com/wkentaro/labelme. Rectangles, polygons, circles, masks and other outlines become
the boxes around them, polygons and masks with their masks; shapes of one label and ``group_id`` are one
object. Points and lines have no box, so their classes are unknown on that image; where points are asked for,
each is one, and with the ``group_id`` of a box or outline it is a part of that thing. A single flag that is
set is the class of the image. An image that is not there is taken from ``imageData``.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PILImage

from vrft.data.dataset import Dataset
from vrft.data.formats.json_files import is_objects, mentions, parsed
from vrft.data.formats.keypoints import PointLabels, PointsToo, keypoint_name
from vrft.data.formats.segmentation_fields import polygon_mask
from vrft.data.image_cache import cached_image
from vrft.data.image_paths import ImageFinder
from vrft.data.images import files_below, image_size_wh, images_below
from vrft.data.label_checks import (
    CATEGORY_BOXES,
    CATEGORY_POINTS,
    IMAGE_CLASS,
    Mistakes,
    check_size,
    class_of,
    instance_of,
    parts_by_folder,
    raise_all,
    record_id,
    warnings_about,
)
from vrft.data.outlines import around, around_ellipse
from vrft.data.scalars import as_id, is_uncounted, pairs
from vrft.errors import ImageError, LabelError, MaskError
from vrft.geometry.masks import mask_of_region, merge_masks
from vrft.types import Annotation, BoxXYXY, Image, Mask, PointXY, Provides, Record
from vrft.types.names import nfc

_KEYS = ("shapes", "imagePath")
_NO_BOX = frozenset({"point", "points", "line", "linestrip"})
_BOXED = ("rectangle", "polygon", "circle", "mask")


class LabelmeReader(PointsToo):
    """Shapes or flags of images."""

    name, in_files = "labelme", True
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: 'a labelme json for each image, with "shapes" and "imagePath"',
        CATEGORY_POINTS: 'a labelme json for each image, with shapes of the type "point"',
        IMAGE_CLASS: 'a labelme json for each image, with one of its "flags" set',
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        files = _label_files(path)
        if not files:
            return frozenset()
        shaped = [file for file in files if mentions(file, "points")]
        if not shaped:
            return frozenset({IMAGE_CLASS} if _has_flags(files[0]) else {CATEGORY_BOXES})
        pointed = [file for file in shaped if mentions(file, "point")]
        boxed = len(pointed) < len(shaped) or any(mentions(f, kind) for f in pointed for kind in _BOXED)
        found = {CATEGORY_POINTS} if pointed else set()
        return frozenset(found | ({CATEGORY_BOXES} if boxed else set()))

    def read(self, path: Path, needs: frozenset[Provides] = frozenset()) -> Dataset:
        """One record per json, those without shapes included."""
        root = path.parent if path.is_file() else path
        records: dict[str, Record] = {}
        finders: dict[Path, ImageFinder] = {}
        without_box: list[str] = []
        mistakes = Mistakes()
        for file in _label_files(path):
            images = finders.setdefault(file.parent, ImageFinder(file, root))
            with mistakes.kept():
                sheet = _sheet(file)
                record = _image(sheet, file, images, root)
                if record.id in records:
                    raise ImageError("Another json labels the same image.", str(file), "Remove one of them.")
                if IMAGE_CLASS in needs:
                    record = replace(record, annotations=(class_of(_set_flag(sheet, file)),))
                elif CATEGORY_POINTS in needs:
                    record = _pointed(record, sheet, file, mistakes)
                else:
                    record, bare = _labelled(record, sheet, file, mistakes)
                    without_box += bare
                records[record.id] = record
        if not records:
            raise_all(mistakes)
        known = {record.image.path for record in records.values()}
        left = [record_id(image, root) for image in images_below(root) if image not in known]
        found = {
            "Shapes without a box are not read, and their classes are not asked about there": without_box,
            "Images without a json are not read": left if path.is_dir() else [],
        }
        warnings = (*warnings_about(found), *mistakes.warnings)
        listed, left_out, fixed = tuple(records.values()), tuple(mistakes), tuple(mistakes.fixed)
        parts = parts_by_folder(listed)
        return Dataset(root, self.name, listed, warnings, parts, left_out=left_out, fixed=fixed)


def _labelled(
    record: Record, sheet: Mapping[str, Any], file: Path, mistakes: Mistakes
) -> tuple[Record, list[str]]:
    """The record with its objects, and its shapes that have no box."""
    unknown: set[str] = set()
    without_box: list[str] = []
    grouped: dict[tuple[str, object], list[tuple[BoxXYXY, Mask | None]]] = {}
    crowds: set[tuple[str, object]] = set()
    for number, shape in enumerate(sheet["shapes"], 1):
        where, name = f"{file}, shape {number}", _name(shape)
        with mistakes.kept(unknown, name):
            if not name:
                raise LabelError("The shape has no label.", where, "Give it one.")
            kind = _kind(shape)
            if kind in _NO_BOX:
                unknown.add(name)
                without_box.append(f"{kind} '{name}' on {record.id}")
                continue
            group: object = as_id(shape.get("group_id"))
            key = (name, group if group is not None else ("own", number))
            uncounted = is_uncounted(shape, where) or is_uncounted(_flags(shape), where)
            corners, mask = _outlined(shape, kind, where, record.image.size_wh, mistakes)
            grouped.setdefault(key, []).append((corners, mask))
            crowds |= {key} if uncounted else set()
    found: list[Annotation] = []
    for (name, group), shapes in grouped.items():
        where, boxes = f"{file}, '{name}'", [box for box, _ in shapes]
        masks = [mask for _, mask in shapes if mask is not None]
        mask = merge_masks(masks) if len(masks) == len(shapes) else None
        with mistakes.kept(unknown, name):
            points = [(box[i], box[i + 1]) for box in boxes for i in (0, 2)]
            whole = around(points) if len(boxes) > 1 else boxes[0]
            box = mistakes.box(whole, record.image.size_wh, where)
            found.append(instance_of(name, box, mask, crowd=(name, group) in crowds))
    return replace(record, annotations=tuple(found), unknown=tuple(sorted(unknown))), without_box


def _name(shape: Mapping[str, Any]) -> str:
    label = shape.get("label")
    return nfc(label.strip()) if isinstance(label, str) else str(label) if isinstance(label, int) else ""


def _kind(shape: Mapping[str, Any]) -> str:
    return str(shape.get("shape_type") or "polygon")


def _pointed(record: Record, sheet: Mapping[str, Any], file: Path, mistakes: Mistakes) -> Record:
    """The record with its points."""
    found = PointLabels(record, mistakes)
    groups = [(as_id(shape.get("group_id")), shape) for shape in sheet["shapes"]]
    things: dict[object, str] = {
        id: _name(shape) for id, shape in groups if id is not None and _kind(shape) not in _NO_BOX
    }
    for number, (group, shape) in enumerate(groups, 1):
        where, name = f"{file}, shape {number}", _name(shape)
        if _kind(shape) != "point":
            # It labels the category with something else, such as a box.
            found.unknown |= {name} if name else set()
            continue
        name = keypoint_name(name, things.get(group, "")) if name else ""
        with found.kept([name]):
            places = pairs(shape.get("points"))
            if not name or len(places) != 1:
                what = "place [x, y]" if name else "label"
                raise LabelError(f"The point has no {what}.", where, "Fix or remove it.")
            found.add(name, places[0], where)
    return found.labelled


def _outlined(
    shape: Mapping[str, Any], kind: str, where: str, image_wh: tuple[int, int], mistakes: Mistakes
) -> tuple[BoxXYXY, Mask | None]:
    """The box around a shape, and its mask where it is a polygon or a mask that fits the image."""
    points = pairs(shape.get("points"))
    if not points:
        raise LabelError("The shape has no points [x, y].", where, "Fix or remove it.")
    if kind == "circle":
        if len(points) != 2:
            raise LabelError("The circle has no center and point on its edge.", where, "Fix or remove it.")
        radius = math.dist(*points)
        return around_ellipse(points[0], (radius, radius)), None
    if kind == "mask":
        return _of_small_image(shape.get("mask"), points, where, image_wh)
    # A rectangle is two corners, drawn in any direction.
    box, mask = around(points), None
    if kind == "polygon":
        try:
            mask = polygon_mask([[side for point in points for side in point]], image_wh, where)
        except MaskError as mistake:
            mistakes.fixed.append(mistake)
    return box, mask


def _of_small_image(
    packed: object, points: Sequence[PointXY], where: str, image_wh: tuple[int, int]
) -> tuple[BoxXYXY, Mask | None]:
    """A mask is a small image, as PNG in base64, at the place of its first point."""
    try:
        with PILImage.open(io.BytesIO(base64.b64decode(str(packed)))) as image:
            painted = np.asarray(image.convert("L")) > 0
    except (OSError, ValueError, SyntaxError) as error:
        raise LabelError(f"The mask cannot be read ({error}).", where, "Fix or remove it.") from error
    box = mask_of_region(painted).box_xyxy_px
    if box is None:
        raise LabelError("The mask covers no pixel.", where, "Fix or remove it.")
    x, y = points[0]
    whole = np.zeros(image_wh[::-1], dtype=bool)
    left, top = round(x), round(y)
    part = painted[: max(image_wh[1] - top, 0), : max(image_wh[0] - left, 0)]
    mask = None
    if left >= 0 and top >= 0 and part.any():
        whole[top : top + part.shape[0], left : left + part.shape[1]] = part
        mask = mask_of_region(whole)
    return (x + box[0], y + box[1], x + box[2], y + box[3]), mask


def _image(sheet: Mapping[str, Any], file: Path, images: ImageFinder, root: Path) -> Record:
    path, name = _found(sheet, file, images), None
    if path is None:
        data = sheet.get("imageData")
        try:
            content = base64.b64decode(data) if isinstance(data, str) else b""
        except ValueError as error:
            problem = f"Its imageData is not base64 ({error})."
            raise ImageError(problem, str(file), "Put the image next to it.") from error
        if not content:
            problem = f"The image '{sheet.get('imagePath')}' is missing."
            raise ImageError(problem, str(file), "Put it next to the json.")
        path = cached_image(content, str(file), "Save it again in labelme.")
        name = record_id(file.with_suffix(path.suffix), root)
    image_wh = image_size_wh(path)
    check_size((sheet.get("imageWidth"), sheet.get("imageHeight")), image_wh, str(file))
    return Record(name or record_id(path, root), (Image(path, image_wh),))


def _found(sheet: Mapping[str, Any], file: Path, images: ImageFinder) -> Path | None:
    named = sheet.get("imagePath")
    try:
        return images.find(named, str(file)) if isinstance(named, str) and named else None
    except LabelError:
        return images.find_stem(file.stem)


def _sheet(file: Path) -> Mapping[str, Any]:
    sheet = parsed(file)
    if not isinstance(sheet, dict) or not is_objects(sheet.get("shapes")):
        raise LabelError("The file has no list of 'shapes'.", str(file), "Save it again in labelme.")
    return sheet


def _has_flags(file: Path) -> bool:
    try:
        return any(value is True for value in _flags(_sheet(file)).values())
    except LabelError:
        return False


def _set_flag(sheet: Mapping[str, Any], file: Path) -> str:
    chosen = [name for name, value in _flags(sheet).items() if value is True]
    if len(chosen) != 1:
        problem = f"The image has {len(chosen) or 'no'} flags that are set."
        raise ImageError(problem, str(file), "Set the one of its class.")
    return chosen[0]


def _flags(sheet: Mapping[str, Any]) -> Mapping[str, Any]:
    flags = sheet.get("flags")
    return flags if isinstance(flags, dict) else {}


def _label_files(path: Path) -> list[Path]:
    """All below a path; those of ReasonSeg have such keys too."""
    files = [path] if path.is_file() else files_below(path, "*.json")
    named = (file for file in files if file.suffix == ".json")
    return [file for file in named if mentions(file, *_KEYS) and not mentions(file, "is_sentence")]


READER = LabelmeReader()
