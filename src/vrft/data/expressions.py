"""Grounding labels in JSON lines.

A line is ``{"image": "a.jpg", "question": "the left cup", "box": [x1, y1, x2, y2]}``. Corners are pixels
of the original picture. ``boxes`` takes a list of boxes, empty where nothing is meant; ``expression`` and
``boxes_xyxy`` are read as other names of ``question`` and ``boxes``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from vrft.data.base import Dataset
from vrft.data.images import image_size_wh
from vrft.data.labels import check_size, checked_box, part_of_record, raise_all, record_id
from vrft.data.locate import PictureFinder
from vrft.errors import LabelError
from vrft.types import Expression, Record

_EXPECTED = 'Expected: {"image": "a.jpg", "question": "the left cup", "box": [x1, y1, x2, y2]}, in pixels.'


class Expressions:
    """Phrases and the boxes they refer to, one a line."""

    name = "expressions"
    task = "grounding"
    wants = 'a .jsonl file with "image", "question" and "box" on each line'
    in_files = True

    def detects(self, path: Path) -> bool:
        """A .jsonl file whose first line names an image."""
        return any(_names_an_image(file) for file in _label_files(path))

    def read(self, path: Path) -> Dataset:
        """One record a picture, with its expressions in the order of the lines.

        Args:
            path: the folder with the .jsonl files, or one such file.

        Returns:
            Records in the order in which pictures are first named.

        Raises:
            LabelError: a line cannot be used.
        """
        root = path.parent if path.is_file() else path
        records: dict[str, Record] = {}
        mistakes: list[LabelError] = []
        clipped = 0
        for file in filter(_names_an_image, _label_files(path)):
            finder = PictureFinder(file, root)
            for number, line in _lines(file):
                where = f"{file}, line {number}"
                try:
                    entry = _entry(line, where)
                    picture = finder.find(_text(entry, ("image",), where), where)
                    name = record_id(picture, root)
                    record = records.get(name) or Record(name, picture, image_size_wh(picture))
                    check_size((entry.get("width"), entry.get("height")), record.image_wh, where)
                    expression, moved = _expression(entry, record.image_wh, where)
                except LabelError as mistake:
                    mistakes.append(mistake)
                    continue
                clipped += moved
                records[name] = replace(record, expressions=(*record.expressions, expression))
        raise_all(mistakes)
        parts = {name: part for name in records if (part := part_of_record(name))}
        warnings = (f"Boxes up to 1 pixel outside their pictures were clipped: {clipped}.",)
        return Dataset(root, self.name, tuple(records.values()), warnings if clipped else (), parts)


def _label_files(path: Path) -> list[Path]:
    return [path] if path.suffix == ".jsonl" and path.is_file() else sorted(path.glob("*.jsonl"))


def _names_an_image(file: Path) -> bool:
    try:
        first = next(_lines(file), (0, ""))[1]
        return "image" in _entry(first, str(file))
    except LabelError:
        # A broken first line that still looks like ours is reported by the reader, line by line.
        return '"image"' in file.read_text("utf-8-sig", "replace")


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        for number, line in enumerate(file.read_text("utf-8-sig").split("\n"), 1):
            if line.strip():
                yield number, line
    except UnicodeDecodeError as error:
        raise LabelError("The file is not written in UTF-8.", str(file), "Save it as UTF-8.") from error


def _entry(line: str, where: str) -> Mapping[str, object]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LabelError(f"The line is no JSON ({error}).", where, _EXPECTED) from error
    if not isinstance(entry, dict):
        raise LabelError("The line is no JSON object.", where, _EXPECTED)
    return entry


def _text(entry: Mapping[str, object], keys: tuple[str, ...], where: str) -> str:
    value = next((entry[key] for key in keys if key in entry), None)
    if not isinstance(value, str) or not value.strip():
        raise LabelError(f"It has no text for '{keys[0]}'.", where, _EXPECTED)
    return value.strip()


def _expression(entry: Mapping[str, object], image_wh: tuple[int, int], where: str) -> tuple[Expression, int]:
    boxes = [entry["box"]] if "box" in entry else entry.get("boxes", entry.get("boxes_xyxy"))
    if not isinstance(boxes, list) or not all(isinstance(box, list) for box in boxes):
        raise LabelError("It has no 'box' of four numbers and no list of 'boxes'.", where, _EXPECTED)
    inside = tuple(checked_box(box, image_wh, where) for box in boxes)
    moved = sum(tuple(map(float, raw)) != box for raw, box in zip(boxes, inside, strict=True))
    return Expression(_text(entry, ("question", "expression"), where), inside), moved


READER = Expressions()
