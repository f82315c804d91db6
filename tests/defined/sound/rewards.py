"""A sound reward that a person or a language model may write."""

from __future__ import annotations

from vrft.tasks.ocr import ocr_measures
from vrft.types import Number


def near_counts(answer, target):
    """1 for the right count, a quarter for one that is one off."""
    said = answer.as_(Number)
    return 0.0 if said is None else {0: 1.0, 1: 0.25}.get(abs(said.number - target.number), 0.0)


def nearly(answer, target):
    """Whether four of five characters are right, whichever."""
    return float(ocr_measures.edit(answer, target) >= 0.8)
