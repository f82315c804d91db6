"""Boxes that the text of an answer gives, read as a model's answers are."""

from __future__ import annotations

from dataclasses import dataclass

from vrft.data.data_options import Coordinates
from vrft.data.rows.row_form import Reading
from vrft.tasks.parsing.answer_parsers import parse_boxes_answer
from vrft.types import Boxes, BoxXYXY, CoordinateFrame, Form, Record

_WIDEST = 10**6
_AS_WRITTEN = CoordinateFrame.whole("resized_pixels", (_WIDEST, _WIDEST))
"""Leaves numbers as they are."""
_QWEN2 = "<|box_start|>"
"""The tokens of Qwen2-VL, whose numbers are parts of 1000."""


@dataclass(frozen=True)
class PixelBox:
    """A box with the name that stands with it."""

    xyxy_px: BoxXYXY
    label: str | None = None


def boxes_in(
    text: str, record: Record | None = None, reading: Reading | None = None, where: str = ""
) -> list[PixelBox] | None:
    """The boxes of an answer, none of which is there where it says so; None where it is about no boxes.

    Args:
        text: the answer.
        record: of the image; without it numbers stay as written.
        reading: how boxes become pixels.
        where: the row, for messages.
    """
    answer = parse_boxes_answer(text, _AS_WRITTEN, Form.DIRECT)
    found = answer.as_(Boxes)
    if found is None or (found.is_empty and "[" not in text and "No Objects" not in text):
        return None
    labels = found.labels or (None,) * len(found.xyxy_px)
    if record is None or reading is None:
        return [PixelBox(box, label) for box, label in zip(found.xyxy_px, labels, strict=True)]
    stated: Coordinates | None = "0-1000" if _QWEN2 in text else None
    stated = reading.options.coordinates or stated
    return [
        PixelBox(reading.box(box, record, where, "xyxy", stated), label)
        for box, label in zip(found.xyxy_px, labels, strict=True)
    ]
