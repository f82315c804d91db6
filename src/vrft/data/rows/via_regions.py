"""Regions of the VGG Image Annotator: a CSV with a row for each, or one row for an image without any.

``region_shape_attributes`` is JSON such as ``{"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}``, and
``region_attributes`` JSON such as ``{"class": "cat"}`` or ``{"type": {"cat": true}}``. Polygons, circles and
ellipses are read as the boxes around them; points and lines have no box, so their classes are unknown on that
image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from vrft.data.label_checks import CATEGORY_BOXES, instance_of
from vrft.data.outlines import around, around_ellipse
from vrft.data.rows.plain_row import NAME
from vrft.data.rows.row_form import LabelRow, Reading, RowForm, unpacked, with_annotations
from vrft.data.scalars import numbers, numbers_under
from vrft.errors import LabelError
from vrft.types import BoxXYXY, Provides, Record

_SHAPE, _ATTRIBUTES = "region_shape_attributes", "region_attributes"
_FIX = "Draw it again as a rectangle, or remove it."


class ViaForm(RowForm):
    """One region of an image."""

    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: f'the columns "filename", "{_SHAPE}" and "{_ATTRIBUTES}" of the VGG Image Annotator'
    }

    def says(self, row: LabelRow) -> frozenset[Provides]:
        return frozenset({CATEGORY_BOXES} if row.entry.keys() >= {_SHAPE, _ATTRIBUTES} else ())

    def says_all(self, row: LabelRow) -> bool:
        return True

    def subject(self, row: LabelRow, about: str) -> str:
        return _class(row) or ""

    def add(self, record: Record, row: LabelRow, pair: Provides, reading: Reading) -> Record:
        shape = _object(row, _SHAPE)
        if not shape:
            return record
        kind = str(shape.get("name"))
        if kind not in _BOXES:
            raise LabelError(f"A region of the shape '{kind}' has no box.", row.where, _FIX)
        try:
            corners = _BOXES[kind](shape)
        except (TypeError, ValueError) as error:
            raise LabelError(f"The numbers of the shape '{kind}' cannot be read.", row.where, _FIX) from error
        name = _class(row)
        if name is None:
            fix = f'Write its class as {_ATTRIBUTES}: {{"class": "cat"}}.'
            raise LabelError("The region has no class, or several.", row.where, fix)
        return with_annotations(record, instance_of(name, reading.box(corners, record, row.where)))


def _object(row: LabelRow, column: str) -> Mapping[str, Any]:
    found = unpacked(row.entry[column])
    if not isinstance(found, Mapping):
        raise LabelError(f"The column '{column}' holds no JSON object.", row.where, "Export it again.")
    return found


def _class(row: LabelRow) -> str | None:
    """The class of a region: its only attribute, or that of a usual name; the only one that is checked."""
    try:
        given = {str(key): value for key, value in _object(row, _ATTRIBUTES).items() if value}
    except LabelError:
        return None
    usual = [value for key, value in given.items() if key.lower() in NAME]
    (value,) = usual or list(given.values()) if len(usual or given) == 1 else [None]
    if isinstance(value, Mapping):
        checked = [str(key) for key, is_set in value.items() if is_set]
        value = checked[0] if len(checked) == 1 else None
    return str(value).strip() or None if isinstance(value, str | int) else None


def _rectangle(shape: Mapping[str, Any]) -> BoxXYXY:
    x, y, width, height = numbers_under(shape, "x", "y", "width", "height")
    return (x, y, x + width, y + height)


def _polygon(shape: Mapping[str, Any]) -> BoxXYXY:
    xs, ys = (numbers(shape.get(f"all_points_{axis}")) or [] for axis in "xy")
    return around(list(zip(xs, ys, strict=True)))


def _ellipse(shape: Mapping[str, Any]) -> BoxXYXY:
    x, y, a, b, turn = numbers_under({"theta": 0, **shape}, "cx", "cy", "rx", "ry", "theta")
    return around_ellipse((x, y), (a, b), math.degrees(turn))


def _circle(shape: Mapping[str, Any]) -> BoxXYXY:
    x, y, radius = numbers_under(shape, "cx", "cy", "r")
    return around_ellipse((x, y), (radius, radius))


_BOXES: Mapping[str, Callable[[Mapping[str, Any]], BoxXYXY]] = {
    "rect": _rectangle,
    "polygon": _polygon,
    "ellipse": _ellipse,
    "circle": _circle,
}
"""The box around each shape that has one; TypeError or ValueError where its numbers are none."""
FORM = ViaForm()
