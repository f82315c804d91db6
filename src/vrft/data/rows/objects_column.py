"""Rows of detection sets on the Hugging Face hub: an image and ``objects`` with ``bbox`` and ``category``.

``{"objects": {"bbox": [[x, y, width, height], ...], "category": [0, ...]}}``, or a list of such objects. The
order of the four numbers is COCO's, as https://huggingface.co/docs/datasets/image_dataset documents, unless
the boxes show that they are corners; ``bbox_2d`` is Qwen's, with two corners. A box may be an object with the
names of its numbers, and so may each of the objects itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vrft.data.data_options import BoxOrder
from vrft.data.label_checks import CATEGORY_BOXES, instance_of
from vrft.data.rows.box_orders import read_box
from vrft.data.rows.row_form import LabelRow, Reading, RowForm, unpacked, with_annotations
from vrft.data.scalars import is_uncounted, is_uncounted_flag
from vrft.errors import LabelError
from vrft.types import Provides, Record

_BOXES: Mapping[str, BoxOrder | None] = {
    **dict.fromkeys(("bbox", "bboxes", "box", "boxes")),
    **dict.fromkeys(("bbox_2d", "bbox_xyxy"), "xyxy"),
    "bbox_xywh": "xywh",
}
"""Fields of boxes, with the order of their numbers where the name says it."""
_LISTS = ("objects", "annotations")
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
        listed = [read_box(box) for box in found.boxes] if found is not None and found.order is None else []
        return [box[0] for box in listed if box is not None and box[1] is None]

    def add(self, record: Record, row: LabelRow, pair: Provides, reading: Reading) -> Record:
        found = _columns(row)
        if found is None:
            raise LabelError("The row has no boxes with categories.", row.where, _EXPECTED)
        if {len(listed) for listed in (found.names, *found.flags.values())} != {len(found.boxes)}:
            problem = f"It has {len(found.boxes)} boxes and {len(found.names)} categories."
            raise LabelError(problem, row.where, _EXPECTED)
        unknown = set(record.unknown)
        for index, (box, name) in enumerate(zip(found.boxes, found.names, strict=True)):
            where = f"{row.where}, object {index + 1}"
            with reading.mistakes.kept(unknown):
                category = row.named(name, found.column)
                with reading.mistakes.kept(unknown, category):
                    if (read := read_box(box)) is None:
                        raise LabelError(f"The box {box} is not four numbers.", where, _EXPECTED)
                    four, order = read
                    crowd = is_uncounted({key: own[index] for key, own in found.flags.items()}, where)
                    corners = reading.box(four, record, where, order or found.order)
                    record = with_annotations(record, instance_of(category, corners, crowd=crowd))
        return replace(record, unknown=tuple(sorted(unknown)))


@dataclass(frozen=True)
class _Objects:
    """The objects of a row, one list for each of their fields."""

    column: str
    """The path of the column of names."""
    boxes: list[Any]
    order: BoxOrder | None
    names: list[Any]
    flags: Mapping[str, list[Any]]
    """Columns that say which objects do not count."""


def _columns(row: LabelRow) -> _Objects | None:
    """The objects of a row; None where it has no such columns."""
    key = next((key for key in _LISTS if key in row.entry), None)
    held = row.entry if key is None else unpacked(row.entry[key])
    held = [] if held is None else held
    if isinstance(held, list) and all(isinstance(one, Mapping) for one in held):
        whole = held  # an object that has the corners itself is its own box
        fields = {field for one in held for field in one} or {"bbox", "category"}
        held = {field: [one.get(field) for one in held] for field in fields}
        if not fields & _BOXES.keys() and any(read_box(one) for one in whole):
            held["bbox"] = whole
    if not isinstance(held, Mapping):
        return None
    lists = {field: listed for field in held if isinstance(listed := unpacked(held[field]), list)}
    boxes = next((field for field in _BOXES if field in lists), None)
    names = next((field for field in _NAMES if field in lists), None)
    if boxes is None or names is None:
        return None
    flags = {field: listed for field, listed in lists.items() if is_uncounted_flag(field)}
    column = names if key is None else f"{key}.{names}"
    return _Objects(column, lists[boxes], _BOXES[boxes], lists[names], flags)


FORM = ObjectsForm()
