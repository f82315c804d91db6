"""Rows of steps on screens: GUI-R1's (``gt_action``, ``gt_bbox``, ``gt_input_text``) and UI-R1's.

UI-R1 has ``img_filename``, ``instruction`` and the ``bbox`` of a click, or another ``action`` without a
place. Four numbers are a box, two a point. They are pixels and x1, y1, x2, y2, unless the numbers, or
``--coordinates`` and ``--box-order``, say otherwise: one file has one convention. Of an action other than a
click the place means nothing in these sets and is not read; ``history`` goes behind the instruction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vrft.data.conventions import EXTENT
from vrft.data.rows.row_form import LabelRow, Reading, RowForm, of_phrase, unpacked
from vrft.data.scalars import number
from vrft.errors import LabelError
from vrft.types import Action, BoxXYXY, PointXY, Provides, Record
from vrft.types.actions import AT_A_PLACE, DONE_BEFORE, NO_TEXT

STEPS: Provides = ("question", "action")
EXPECTED = (
    'Expected: {"image": "a.png", "instruction": "Go.", "gt_action": "click", "gt_bbox": [1, 2, 30, 40]}.'
)


class GuiForm(RowForm):
    """An instruction, an action, and its place."""

    rank = 4
    provides: Mapping[Provides, str] = {
        STEPS: 'an "image", an "instruction" and a "gt_action" with its "gt_bbox" on each line, or a '
        '"question" and a "target" of the kind "action"'
    }

    def says(self, row: LabelRow) -> frozenset[Provides]:
        """Nothing where a row gives no instruction, or neither an action nor a place."""
        keys = row.entry.keys()
        ours = "gt_action" in keys or "gt_bbox" in keys or "action" in keys or "img_filename" in keys
        return frozenset({STEPS} if "instruction" in keys and ours else ())

    def image(self, row: LabelRow) -> object:
        """UI-R1 names it ``img_filename``."""
        return row.entry.get("img_filename") or row.image

    def loose_boxes(self, row: LabelRow) -> list[Sequence[float]]:
        """The box of a click."""
        place = _place(row)
        numbers = [n for n in map(number, place) if n is not None] if isinstance(place, list) else []
        return [numbers] if len(numbers) == len(place or ()) == 4 else []

    def subject(self, row: LabelRow, about: str) -> str | None:
        return None

    def add(self, record: Record, row: LabelRow, pair: Provides, reading: Reading) -> Record:
        asked, name = row.entry.get("instruction"), _name(row)
        if not isinstance(asked, str) or not asked.strip():
            raise LabelError("The row has no instruction.", row.where, EXPECTED)
        before = row.entry.get("history")
        if isinstance(before, str) and before.strip() not in ("", "None"):
            asked = f"{asked.strip()}{DONE_BEFORE}{before.strip()}"
        words = row.entry.get("gt_input_text", row.entry.get("input_text"))
        text = words.strip() if isinstance(words, str) and words.strip().lower() != NO_TEXT else ""
        action = Action(name, text=text)
        if action.action in AT_A_PLACE:
            point, box = self._read_place(record, row, reading)
            action = Action(name, point, text, box)
        return of_phrase(record, asked.strip(), action, row, "question")

    def _read_place(self, record: Record, row: LabelRow, reading: Reading) -> tuple[PointXY, BoxXYXY | None]:
        place = _place(row)
        if not isinstance(place, list) or len(place) not in (2, 4):
            raise LabelError("The click has no place of four numbers, or two.", row.where, EXPECTED)
        if reading.options.coordinates is None and all(one in (0, 1) for one in place):
            problem = f"The place {place} may be the whole image as well as one pixel."
            raise LabelError(problem, row.where, "Say what the numbers are: --coordinates 0-1 or pixels.")
        if len(place) == 4:
            x1, y1, x2, y2 = box = reading.box(place, record, row.where)
            return ((x1 + x2) / 2, (y1 + y2) / 2), box
        numbers = [number(one) for one in place]
        extent = EXTENT.get(reading.options.coordinates or "pixels")
        sides = record.image.size_wh
        x, y = (
            math.nan if one is None else one if extent is None else one / extent * side
            for one, side in zip(numbers, sides, strict=True)
        )
        if not (0 <= x <= sides[0] and 0 <= y <= sides[1]):
            problem = f"The point {place} is outside its image of {sides[0]}x{sides[1]} pixels."
            raise LabelError(problem, row.where, "Fix it, or declare the numbers: --coordinates.")
        return (x, y), None


def _place(row: LabelRow) -> Any:
    return unpacked(next((row.entry[key] for key in ("gt_bbox", "bbox") if key in row.entry), None))


def _name(row: LabelRow) -> str:
    name = next((row.entry[key] for key in ("gt_action", "action") if row.entry.get(key)), None)
    if name is None and _place(row) is not None:
        return "click"
    if not isinstance(name, str) or not name.strip():
        raise LabelError("The row names no action.", row.where, EXPECTED)
    return name


FORM = GuiForm()
