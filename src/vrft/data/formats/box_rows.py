"""Detection labels in tables: a picture, a category, and all or some of its boxes.

A line is ``{"image": "a.jpg", "category": "cup", "target": [[x1, y1, x2, y2], ...]}``, corners in pixels;
several rows of a picture and category add up. ``[]`` says that the category is absent from the picture. No
row says nothing: the picture is then labelled neither with nor without the category. Where the reader is told
that detection is meant, ``question`` names the category as well. ``rows`` says what all tables share.
"""

from __future__ import annotations

from dataclasses import replace

from vrft.data.formats.row_reader import RowReader
from vrft.data.formats.table_rows import NAME, QUESTION, Row
from vrft.errors import LabelError
from vrft.types import LabelledBox, Record


def _add(record: Record, row: Row) -> tuple[Record, int]:
    boxes, moved = row.boxes(record.image_wh)
    category = row.text(NAME if row.has(NAME) else QUESTION)
    labelled = (*record.boxes, *(LabelledBox(category, box) for box in boxes))
    absent = (*(record.absent or ()), *(() if boxes else (category,)))
    if any(box.category in absent for box in labelled):
        problem = f"The picture has boxes of '{category}' in one row and none in another."
        raise LabelError(problem, row.where, "Remove the row that is wrong.")
    return replace(record, boxes=labelled, absent=absent), moved


READER = RowReader(
    "box_rows",
    "detection",
    'a .jsonl or .csv file with "image", "category" and "target" on each line, the target a list of boxes',
    _add,
)
