"""Classification labels in tables: a picture and its class, one row a picture.

A line is ``{"image": "a.jpg", "target": "oak"}``, or ``a.jpg,oak`` below the header ``image,class``;
``label`` and ``category`` are read as other names of ``class``. A ``question`` is not read: what kind of
thing is asked about is a setting of the task. ``rows`` says what all tables share.
"""

from __future__ import annotations

from dataclasses import replace

from vrft.data.formats.row_reader import RowReader
from vrft.data.formats.table_rows import NAME, TARGET, Row
from vrft.errors import LabelError
from vrft.types import Record


def _add(record: Record, row: Row) -> tuple[Record, int]:
    if record.category is not None:
        problem = f"The picture has a row already, with the class '{record.category}'."
        raise LabelError(problem, row.where, "Keep one row a picture.")
    return replace(record, category=row.text((*TARGET, *NAME))), 0


READER = RowReader(
    "class_rows",
    "classification",
    'a .jsonl or .csv file with "image" and "class" or "target" on each line',
    _add,
)
