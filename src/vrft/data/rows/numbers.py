"""Numbers in rows: counts, and measurements with their units."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vrft.errors import LabelError
from vrft.tasks.parsing.number_words import WORDED
from vrft.tasks.parsing.numbers import read_number
from vrft.types import Number, Provides
from vrft.types.answers import fault_words
from vrft.types.units import same_unit

COUNT = ("count", "object_count", "n_objects", "num_objects", "number_of_objects")
UNIT = ("unit", "units")
QUESTION_NUMBER: Provides = ("question", "number")
CATEGORY_NUMBER: Provides = ("category", "number")
IMAGE_NUMBER: Provides = ("image", "number")
_LONGEST = 40
_WORDS = re.compile(WORDED, re.IGNORECASE)


def is_number(value: object) -> bool:
    """Whether a cell is a number by itself, also as text, in words or with a unit.

    Example:
        >>> is_number(3.2), is_number("3.2 m"), is_number("three"), is_number("a red cup"), is_number(True)
        (True, True, True, False, False)
    """
    if isinstance(value, str):
        short = value.strip()
        digits = len(short) <= _LONGEST and any(map(str.isdigit, short[:6]))
        return (digits or _WORDS.fullmatch(short) is not None) and read_number(short, None).number is not None
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def stated_number(row: Mapping[str, Any], key: str, where: str, fix: str) -> Number:
    """The number of a row's cell, with the unit of the cell or of the row's column of units.

    Raises:
        LabelError: the cell holds no number, or two; a count is below 0 or not whole; or the unit is there
            twice, and differs.

    Example:
        >>> stated_number({"answer": "3.2", "unit": "m"}, "answer", "a.csv, line 2", "Fix it.")
        Number(number=3.2, unit='m')
        >>> stated_number({"count": "three"}, "count", "a.csv, line 2", "Fix it.")
        Number(number=3.0, unit='')
    """
    value = row.get(key)
    if isinstance(value, list | tuple | Mapping):
        raise LabelError(f"There is no number under '{key}' but a list or an object.", where, fix)
    text = "" if value is None or isinstance(value, bool) else str(value).strip()
    counts = key in COUNT
    number = written_number(text, where, fix, key, counts)
    column = next((name for name in UNIT if row.get(name) not in (None, "")), None)
    if column is not None and not isinstance(row[column], str):
        raise LabelError(f"The unit under '{column}' is no text.", where, 'Write it as "m" or "kg".')
    unit = str(row[column]).strip() if column is not None and not counts else ""
    if number.unit and unit and not same_unit(number.unit, unit):
        problem = f"The number {text[:60]!r} has the unit '{number.unit}', and '{column}' says '{unit}'."
        raise LabelError(problem, where, "Keep the right one.")
    return replace(number, unit=unit or number.unit)


def written_number(text: str, where: str, fix: str, key: str = "answer", counts: bool = False) -> Number:
    """The number of a text, with its unit; LabelError where there is none, or no count where things are
    counted."""
    read = read_number(text, "" if counts else None, counts)
    if read.number is None:
        why = ", ".join(map(fault_words, read.faults))
        raise LabelError(f"There is no number under '{key}' in {text[:60]!r} ({why}).", where, fix)
    return Number(read.number, read.unit)
