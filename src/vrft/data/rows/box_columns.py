"""The columns of a plain row that hold boxes, or the corners of one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vrft.data.data_options import BoxOrder
from vrft.data.rows.box_orders import CORNERS, read_box
from vrft.data.rows.plain_row import EXPECTED, EXPECTED_ANSWER, QUESTION, TARGET, PlainRow
from vrft.data.rows.row_form import Reading, unpacked
from vrft.data.scalars import number
from vrft.errors import LabelError
from vrft.types import BoxXYXY, Record

_ORDERS: Mapping[str, BoxOrder | None] = {
    **dict.fromkeys(("box", "boxes", "boxes_xyxy", "bbox_xyxy", "bboxes_xyxy", "bbox_2d"), "xyxy"),
    **dict.fromkeys(("bbox_xywh", "bboxes_xywh", "boxes_xywh"), "xywh"),
    **dict.fromkeys(("bbox", "bboxes"), None),
}
"""Columns of boxes, with the order of their numbers where the name says it."""
_HOLD_ONE = (*TARGET, "bbox", "bbox_xyxy", "bbox_xywh", "bbox_2d")
"""Columns whose list of four numbers is one box."""
_PLACE = re.compile(
    r"(bbox_?|box_?)?[xy]([_-]?(c|cen(ter|tre)|mid|min|max|[12]|tl|br))?|[xy]?cen(ter|tre)[_-]?[xy]?|left|top"
)
"""Columns that say where something is."""


@dataclass(frozen=True)
class BoxColumns:
    """What a row says of boxes."""

    plain: PlainRow

    @property
    def are_there(self) -> bool:
        """It has columns of its own for boxes or places."""
        return self.plain.has(tuple(_ORDERS)) or bool(self.places)

    @property
    def target_is_boxes(self) -> bool:
        target = self.plain.target
        listed = isinstance(target, list) or str(target)[:1] == "["
        return listed or read_box(unpacked(target)) is not None

    @cached_property
    def corners(self) -> tuple[str, ...] | None:
        """The columns that make its box together."""
        return next((keys for keys in CORNERS if all(key in self.plain.entry for key in keys)), None)

    @property
    def places(self) -> tuple[str, ...]:
        """The columns that say where something is."""
        return tuple(key for key in self.plain.entry if _PLACE.fullmatch(key.lower()))

    def read(self, record: Record, reading: Reading) -> tuple[BoxXYXY, ...]:
        """Its boxes in pixels, inside the image; LabelError without any."""
        where = self.plain.where
        if self.corners is not None:
            found = [number(self.plain.entry.get(key)) for key in self.corners]
            if None in found:
                problem = f"The columns {', '.join(self.corners)} are not four numbers."
                raise LabelError(problem, where, "Fix or remove the row.")
            order = CORNERS[self.corners]
            return (reading.box([n for n in found if n is not None], record, where, order),)
        key, boxes = self._written
        usual = _ORDERS.get(key, "xyxy") or reading.order
        found_here = [read_box(box) or (box, None) for box in boxes]
        return tuple(reading.box(four, record, where, own or usual) for four, own in found_here)

    @property
    def loose(self) -> list[Sequence[float]]:
        """Boxes of four numbers whose order no column says, as written."""
        if self.corners is not None:
            return []
        try:
            key, boxes = self._written
        except LabelError:
            return []
        found = [read_box(box) for box in boxes] if _ORDERS.get(key, "xyxy") is None else []
        return [box[0] for box in found if box is not None and box[1] is None]

    @property
    def _written(self) -> tuple[str, list[Any]]:
        """Its column of boxes, and these as written; LabelError where it has none."""
        plain = self.plain
        key = next((key for key in (*_ORDERS, *TARGET) if key in plain.entry), "")
        value = _as_list(plain.entry.get(key), plain.where)
        is_one = key == "box" or (isinstance(value, list) and not _all_boxes(value) and key in _HOLD_ONE)
        boxes = [value] if is_one or isinstance(value, dict) else value
        if isinstance(boxes, list) and _all_boxes(boxes):
            return key, boxes
        if self.places:
            problem = f"The columns {', '.join(self.places)} make no box."
            raise LabelError(problem, plain.where, "Expected: xmin, ymin, xmax, ymax.")
        if not key and plain.has(QUESTION):
            problem = f"The row has a question and no answer; its columns are {', '.join(plain.entry)}."
            raise LabelError(problem, plain.where, EXPECTED_ANSWER)
        raise LabelError(
            "The row has no 'box' of four numbers and no list of 'boxes'.", plain.where, EXPECTED
        )


def _as_list(value: object, where: str) -> object:
    """A list or object that a CSV cell holds as JSON, the four numbers of a text, or the value itself."""
    if not isinstance(value, str):
        return value
    found = unpacked(value)
    if isinstance(found, str) and (box := read_box(found)) is not None:
        return box[0]
    if isinstance(found, str):
        fix = 'Write them as JSON: "[[x1, y1, x2, y2]]".'
        raise LabelError(f"The boxes '{value[:60]}' are not a list.", where, fix)
    return found


def _all_boxes(values: list[Any]) -> bool:
    return all(isinstance(value, list) or read_box(value) is not None for value in values)
