"""Grounding labels in tables: a picture, a phrase and the boxes it refers to.

A line is ``{"image": "a.jpg", "question": "the left cup", "box": [x1, y1, x2, y2]}``, corners in pixels.
``boxes`` and ``target`` take a list of boxes too, empty where nothing is meant; ``expression`` and
``boxes_xyxy`` are read as other names of ``question`` and ``boxes``. ``rows`` says what all tables share.
"""

from __future__ import annotations

from dataclasses import replace

from vrft.data.formats.row_reader import RowReader
from vrft.data.formats.table_rows import QUESTION, Row
from vrft.types import Expression, Record


def _add(record: Record, row: Row) -> tuple[Record, int]:
    boxes, moved = row.boxes(record.image_wh)
    expression = Expression(row.text(QUESTION), boxes)
    return replace(record, expressions=(*record.expressions, expression)), moved


READER = RowReader(
    "expressions",
    "grounding",
    'a .jsonl or .csv file with "image", "question" and "box" or "target" on each line',
    _add,
)
