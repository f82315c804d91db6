"""Rows of detection sets on the Hugging Face hub: an image and ``objects`` with ``bbox`` and ``category``.

``{"objects": {"bbox": [[x, y, width, height], ...], "category": [0, ...]}}``, or a list of such objects. The
order of the four numbers is COCO's, as https://huggingface.co/docs/datasets/image_dataset documents, unless
the boxes show that they are corners.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from vrft.data.data_options import BoxOrder
from vrft.data.label_checks import CATEGORY_BOXES, instance_of
from vrft.data.rows.row_form import LabelRow, Reading, RowForm, unpacked, with_annotations
from vrft.data.scalars import numbers
from vrft.errors import LabelError
from vrft.types import Provides, Record

_BOXES = ("bbox", "bboxes", "box", "boxes")
_NAMES = ("category", "categories", "label", "labels", "class", "classes", "name", "names", "category_id")
_EXPECTED = 'Expected: "objects": {"bbox": [[x, y, width, height]], "category": ["cat"]}.'


class ObjectsForm(RowForm):
    """All objects of an image in one row."""

    default_order: BoxOrder = "xywh"
    rank = 1
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: 'rows with an image and "objects" with "bbox" and "category"'
    }

    def says(self, row: LabelRow) -> frozenset[Provides]:
        found = _columns(row)
        return frozenset({CATEGORY_BOXES} if found is not None else ())

    def says_all(self, row: LabelRow) -> bool:
        return True

    def subject(self, row: LabelRow, about: str) -> str | None:
        return ""

    def loose_boxes(self, row: LabelRow) -> list[Sequence[float]]:
        found = _columns(row)
        listed = [numbers(box) for box in found[1]] if found is not None else []
        return [box for box in listed if box is not None and len(box) == 4]

    def add(self, record: Record, row: LabelRow, pair: Provides, reading: Reading) -> Record:
        found = _columns(row)
        if found is None:
            raise LabelError("The row has no boxes with categories.", row.where, _EXPECTED)
        column, boxes, names = found
        if len(boxes) != len(names):
            problem = f"It has {len(boxes)} boxes and {len(names)} categories."
            raise LabelError(problem, row.where, _EXPECTED)
        unknown = set(record.unknown)
        for number, (box, name) in enumerate(zip(boxes, names, strict=True), 1):
            where = f"{row.where}, object {number}"
            with reading.mistakes.kept(unknown):
                category = row.named(name, column)
                with reading.mistakes.kept(unknown, category):
                    four = numbers(box) or ()
                    if len(four) != 4:
                        raise LabelError(f"The box {box} is not four numbers.", where, _EXPECTED)
                    record = with_annotations(record, instance_of(category, reading.box(four, record, where)))
        return replace(record, unknown=tuple(sorted(unknown)))


def _columns(row: LabelRow) -> tuple[str, list[Any], list[Any]] | None:
    """The path of the column of names, the boxes and the names; None where the row has none such."""
    prefix, held = next(
        ((f"{key}.", unpacked(row.entry[key])) for key in ("objects", "annotations") if key in row.entry),
        ("", row.entry),
    )
    if isinstance(held, list) and all(isinstance(one, Mapping) for one in held):
        held = {key: [one.get(key) for one in held] for key in (held[0] if held else ("bbox", "category"))}
    if not isinstance(held, Mapping):
        return None
    boxes_at = next((key for key in _BOXES if isinstance(unpacked(held.get(key)), list)), None)
    names_at = next((key for key in _NAMES if isinstance(unpacked(held.get(key)), list)), None)
    if boxes_at is None or names_at is None:
        return None
    boxes, names = unpacked(held[boxes_at]), unpacked(held[names_at])
    assert isinstance(boxes, list) and isinstance(names, list)
    return prefix + names_at, boxes, names


FORM = ObjectsForm()
