"""Phrases with regions of ReasonSeg (LISA, arXiv 2308.00692): one json per image, next to it.

``{"text": [...], "is_sentence": true, "shapes": [{"label": "target", "points": [[x, y], ...]}, ...]}``, in
pixels. The mask follows LISA's rules: shapes called ``flag`` are skipped, the others are painted from the
largest to the smallest with their borders, so that a smaller shape takes its pixels from a larger one; what
lies in a shape called ``ignore`` counts neither for nor against an answer, all else that is painted is meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PILImage
from PIL import ImageDraw

from vrft.data.dataset import Dataset
from vrft.data.formats.json_files import is_objects, json_files, mentions, parsed
from vrft.data.images import SUFFIXES, image_size_wh
from vrft.data.label_checks import (
    PHRASE_BOXES,
    Mistakes,
    parts_by_folder,
    record_id,
    warnings_about,
)
from vrft.data.scalars import pairs
from vrft.errors import ImageError, LabelError
from vrft.geometry.masks import mask_of_region
from vrft.types import Annotation, Boxes, Image, Provides, Record

_KEYS = ("shapes", "text", "is_sentence")
_NOTHING, _TARGET, _IGNORE = 0, 1, 255


class ReasonSegReader:
    """Instructions and the region that each refers to."""

    name, in_files = "reasonseg", True
    provides: Mapping[Provides, str] = {
        PHRASE_BOXES: 'a json next to each image with "shapes", "text" and "is_sentence" (ReasonSeg)'
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        found = any(mentions(file, *_KEYS) for file in json_files(path))
        return frozenset({PHRASE_BOXES} if found else ())

    def read(self, path: Path, needs: frozenset[Provides] = frozenset()) -> Dataset:
        """One record per image in the order of names; every text becomes a phrase with the same region."""
        root = path.parent if path.is_file() else path
        records: list[Record] = []
        mistakes = Mistakes()
        others: list[str] = []
        for file in json_files(path):
            image = _image_of(file)
            # A damaged json may have lost its keys, but an image next to it says that it is one of ours.
            if image is None and not mentions(file, *_KEYS):
                others.append(record_id(file, root))
                continue
            with mistakes.kept():
                records.append(_record(file, image, root))
        warnings = tuple(warnings_about({"Files that label no image next to them are not read": others}))
        parts = parts_by_folder(records)
        return Dataset(root, self.name, tuple(records), warnings, parts, left_out=tuple(mistakes))


def _image_of(file: Path) -> Path | None:
    """The image of the same name in the file's folder."""
    endings = [spelled for suffix in sorted(SUFFIXES) for spelled in (suffix, suffix.upper(), suffix.title())]
    return next((image for image in map(file.with_suffix, endings) if image.is_file()), None)


def _record(file: Path, image: Path | None, root: Path) -> Record:
    where = str(file)
    sheet = _sheet(file)
    if image is None:
        raise ImageError("There is no image of the same name in its folder.", where, "Put the image there.")
    image_wh = image_size_wh(image)
    painted = _paint(_polygons(sheet, where), image_wh)
    if not (painted == _TARGET).any():
        raise LabelError("No shape has the label 'target'.", where, "Give that label to what is asked for.")
    ignored = painted == _IGNORE
    mask = mask_of_region(painted == _TARGET)
    ignore = mask_of_region(ignored) if ignored.any() else None
    box = mask.box_xyxy_px
    meant = Boxes((box,) if box else (), mask=mask, ignore=ignore)
    phrases = tuple(Annotation("phrase", text, meant) for text in _texts(sheet, where))
    return Record(record_id(image, root), (Image(image, image_wh),), phrases)


def _paint(polygons: Sequence[tuple[int, list[tuple[int, int]]]], image_wh: tuple[int, int]) -> np.ndarray:
    """Values of all polygons, (height, width)."""
    areas = [int((_painted([polygon], image_wh) != _NOTHING).sum()) for polygon in polygons]
    # Of two equal areas the later goes first, as LISA's sort has it.
    smallest_first = sorted(range(len(polygons)), key=areas.__getitem__)
    return _painted([polygons[index] for index in reversed(smallest_first)], image_wh)


def _painted(polygons: Sequence[tuple[int, list[tuple[int, int]]]], image_wh: tuple[int, int]) -> np.ndarray:
    canvas = PILImage.new("L", image_wh, _NOTHING)
    draw = ImageDraw.Draw(canvas)
    for value, points in polygons:
        # Borders are filled too. A single point is a polygon to LISA; Pillow wants two.
        draw.polygon(points if len(points) > 1 else points * 2, fill=value)
    return np.asarray(canvas)


def _polygons(sheet: Mapping[str, Any], where: str) -> list[tuple[int, list[tuple[int, int]]]]:
    """Value and corners of every shape but flags, in whole pixels, cut as LISA does."""
    shapes = sheet["shapes"]
    if not is_objects(shapes):
        raise LabelError("The 'shapes' are not a list of objects.", where, "Export it again.")
    polygons: list[tuple[int, list[tuple[int, int]]]] = []
    for number, shape in enumerate(shapes, 1):
        label, points = shape.get("label"), shape.get("points")
        if not isinstance(label, str):
            raise LabelError(
                "The shape has no label.", f"{where}, shape {number}", "Write 'target' or 'ignore'."
            )
        if label.lower() == "flag":
            continue
        listed = pairs(points)
        if not listed or any(max(abs(x), abs(y)) >= 1e6 for x, y in listed):
            raise LabelError(
                "The shape has no points [x, y].", f"{where}, shape {number}", "Fix or remove it."
            )
        value = _IGNORE if "ignore" in label.lower() else _TARGET
        polygons.append((value, [(int(x), int(y)) for x, y in listed]))
    return polygons


def _texts(sheet: Mapping[str, Any], where: str) -> list[str]:
    texts = sheet["text"]
    if not isinstance(texts, list) or not texts:
        raise LabelError("The 'text' is not a list of questions.", where, 'Write: "text": ["the question"].')
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise LabelError("One entry of 'text' is empty or not text.", where, "Fix or remove it.")
    return [text.strip() for text in texts]


def _sheet(file: Path) -> Mapping[str, Any]:
    # Some of the released files are in Windows' encoding, and LISA reads them so.
    sheet = parsed(file, ("utf-8-sig", "cp1252"))
    missing = [key for key in _KEYS if not isinstance(sheet, dict) or key not in sheet]
    if missing:
        raise LabelError(
            f"The file has no '{missing[0]}'.", str(file), "Write it in the format of ReasonSeg."
        )
    found: Mapping[str, Any] = sheet
    return found


READER = ReasonSegReader()
