"""Grounding labels of ReasonSeg (LISA, arXiv 2308.00692): one json a picture, beside the picture.

``{"text": [...], "is_sentence": true, "shapes": [{"label": "target", "points": [[x, y], ...]}, ...]}``, in
pixels. The mask follows LISA's rules: shapes called ``flag`` are skipped, the others are painted from the
largest to the smallest with their borders, so that a smaller shape takes its pixels from a larger one; what
lies in a shape called ``ignore`` counts neither for nor against an answer, all else that is painted is meant.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from vrft.data.dataset import Dataset
from vrft.data.formats.peek import json_files, mentions
from vrft.data.images import SUFFIXES, image_size_wh
from vrft.data.label_checks import part_of_record, raise_all, record_id, some
from vrft.errors import LabelError
from vrft.geometry.masks import box_of_region, mask_of_region
from vrft.types import Expression, Record

_KEYS = ("shapes", "text", "is_sentence")
_NOTHING, _TARGET, _IGNORE = 0, 1, 255


class ReasonSeg:
    """Instructions and the region that each refers to."""

    name = "reasonseg"
    task = "grounding"
    wants = 'a json beside each picture with "shapes", "text" and "is_sentence" (ReasonSeg)'
    in_files = True

    def detects(self, path: Path) -> bool:
        """Some json has the three keys."""
        return any(mentions(file, *_KEYS) for file in json_files(path))

    def read(self, path: Path) -> Dataset:
        """One record a picture; every text becomes an expression with the same region and its box.

        Args:
            path: the folder, which may hold the folders of parts, or one json.

        Returns:
            Records in the order of the files' names.

        Raises:
            LabelError: a json cannot be used, or its picture is missing.
        """
        root = path.parent if path.is_file() else path
        records: list[Record] = []
        mistakes: list[LabelError] = []
        others: list[str] = []
        for file in json_files(path):
            picture = _picture_beside(file)
            # A damaged json may have lost its keys, but a picture beside it says that it is one of ours.
            if picture is None and not mentions(file, *_KEYS):
                others.append(record_id(file, root))
                continue
            try:
                records.append(_record(file, picture, root))
            except LabelError as mistake:
                mistakes.append(mistake)
        raise_all(mistakes)
        parts = {record.id: part for record in records if (part := part_of_record(record.id))}
        told = f"Files that label no picture beside them are not read: {some(others)}."
        return Dataset(root, self.name, tuple(records), (told,) if others else (), parts)


def _record(file: Path, picture: Path | None, root: Path) -> Record:
    where = str(file)
    sheet = _parse(file)
    if picture is None:
        raise LabelError("There is no picture of the same name beside it.", where, "Put it there.")
    width, height = image_size_wh(picture)
    painted = _paint(_polygons(sheet, where), (width, height))
    if not (painted == _TARGET).any():
        raise LabelError("It has no shape that is meant.", where, "Draw a shape called 'target'.")
    ignored = painted == _IGNORE
    mask = mask_of_region(painted == _TARGET)
    ignore = mask_of_region(ignored) if ignored.any() else None
    boxes = (box_of_region(mask),)
    expressions = tuple(Expression(text, boxes, mask, ignore) for text in _texts(sheet, where))
    return Record(record_id(picture, root), picture, (width, height), expressions=expressions)


def _paint(polygons: Sequence[tuple[int, list[tuple[int, int]]]], image_wh: tuple[int, int]) -> np.ndarray:
    """Values of all polygons, (height, width)."""
    areas = [int((_painted([polygon], image_wh) != _NOTHING).sum()) for polygon in polygons]
    # Of two equal areas the later goes first, as LISA's sort has it.
    smallest_first = sorted(range(len(polygons)), key=areas.__getitem__)
    return _painted([polygons[index] for index in reversed(smallest_first)], image_wh)


def _painted(polygons: Sequence[tuple[int, list[tuple[int, int]]]], image_wh: tuple[int, int]) -> np.ndarray:
    canvas = Image.new("L", image_wh, _NOTHING)
    draw = ImageDraw.Draw(canvas)
    for value, points in polygons:
        # Borders are filled too. A single point is a polygon to LISA; Pillow wants two.
        draw.polygon(points if len(points) > 1 else points * 2, fill=value)
    return np.asarray(canvas)


def _polygons(sheet: Mapping[str, Any], where: str) -> list[tuple[int, list[tuple[int, int]]]]:
    """Value and corners of every shape but flags, in whole pixels, cut as LISA does."""
    shapes = sheet["shapes"]
    if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
        raise LabelError("Its 'shapes' are no list of objects.", where, "Export it again.")
    polygons: list[tuple[int, list[tuple[int, int]]]] = []
    for number, shape in enumerate(shapes, 1):
        label, points = shape.get("label"), shape.get("points")
        if not isinstance(label, str):
            raise LabelError("It has no label.", f"{where}, shape {number}", "Call it 'target' or 'ignore'.")
        if label.lower() == "flag":
            continue
        if not isinstance(points, list) or not points or not all(map(_is_point, points)):
            raise LabelError("It has no points [x, y].", f"{where}, shape {number}", "Mend or remove it.")
        value = _IGNORE if "ignore" in label.lower() else _TARGET
        polygons.append((value, [(int(x), int(y)) for x, y in points]))
    return polygons


def _is_point(point: object) -> bool:
    if not isinstance(point, list) or len(point) != 2:
        return False
    return all(isinstance(n, int | float) and not isinstance(n, bool) and abs(n) < 1e6 for n in point)


def _texts(sheet: Mapping[str, Any], where: str) -> list[str]:
    texts = sheet["text"]
    if not isinstance(texts, list) or not texts:
        raise LabelError("Its 'text' is no list with a text in it.", where, "Write what is meant.")
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise LabelError("One of its texts is empty or no text.", where, "Mend or remove it.")
    return [text.strip() for text in texts]


def _parse(file: Path) -> Mapping[str, Any]:
    content = file.read_bytes()
    try:
        try:
            sheet = json.loads(content.decode("utf-8-sig"))
        except UnicodeDecodeError:
            # Some of the released files are written so, and LISA reads them so.
            sheet = json.loads(content.decode("cp1252"))
    except (ValueError, RecursionError) as error:
        raise LabelError(f"The file is no JSON ({error}).", str(file), "Export it again.") from error
    missing = [key for key in _KEYS if not isinstance(sheet, dict) or key not in sheet]
    if missing:
        raise LabelError(f"It has no '{missing[0]}'.", str(file), "Export it as ReasonSeg has it.")
    return sheet


def _picture_beside(file: Path) -> Path | None:
    beside = (file.with_suffix(suffix) for suffix in sorted(SUFFIXES))
    return next((picture for picture in beside if picture.is_file()), None)


READER = ReasonSeg()
