"""Boxes that a reader lets pass and that are doubtful all the same."""

from __future__ import annotations

from collections import Counter

from vrft.data.label_checks import some
from vrft.diagnostics.check.check_case import DataCase
from vrft.diagnostics.check.finding import Finding, Severity
from vrft.types import Record

THIN_PX = 2.0
"""A box with a shorter side is hardly a thing that can be seen."""
WHOLE = 0.98
"""Share of a picture that makes a box the picture itself."""


def examine_boxes(case: DataCase) -> list[Finding]:
    """Boxes given twice, of two classes, as thin as a line, or as large as the picture."""
    found = [finding for record in case.dataset.records for finding in _of(record)]
    boxes = [(box, record) for record in case.dataset.records for box in record.boxes]
    whole = [
        str(record.image)
        for box, record in boxes
        if _area(box.box_xyxy_px) >= WHOLE * record.image_wh[0] * record.image_wh[1]
    ]
    if whole and len(whole) > len(boxes) / 2:
        told = f"{len(whole)} of {len(boxes)} boxes are as large as their pictures: they locate nothing."
        mend = "Label the objects themselves, or use the task classification."
        found.append(Finding(Severity.WARNING, "whole-picture-boxes", told, some(whole), mend))
    return found


def _of(record: Record) -> list[Finding]:
    where = str(record.image)
    found = []
    for box, count in Counter((b.category, b.box_xyxy_px) for b in record.boxes).items():
        if count > 1:
            told = f"The box {_shown(box[1])} of '{box[0]}' is given {count} times."
            found.append(Finding(Severity.WARNING, "repeated-box", told, where, "Keep one of them."))
    named: dict[object, set[str]] = {}
    for labelled in record.boxes:
        named.setdefault(labelled.box_xyxy_px, set()).add(labelled.category)
    for corners, names in named.items():
        if len(names) > 1:
            told = f"The same box {_shown(corners)} has several classes: {some(sorted(names))}."
            found.append(Finding(Severity.WARNING, "box-of-two-classes", told, where, "Keep the right one."))
    corners_of = [b.box_xyxy_px for b in record.boxes]
    corners_of += [box for expression in record.expressions for box in expression.boxes_xyxy_px]
    thin = [_shown(box) for box in corners_of if min(box[2] - box[0], box[3] - box[1]) < THIN_PX]
    if thin:
        told = f"Boxes are less than {THIN_PX:g} pixels wide or high: {some(thin)}."
        found.append(Finding(Severity.WARNING, "thin-box", told, where, "Mend or remove them."))
    return found


def _area(box: tuple[float, float, float, float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _shown(box: object) -> str:
    assert isinstance(box, tuple)
    return "(" + ", ".join(f"{value:g}" for value in box) + ")"


EXAMINE = examine_boxes
