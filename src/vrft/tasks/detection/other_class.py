"""Boxes that an answer calls by another name than the class that was asked for."""

from __future__ import annotations

from dataclasses import replace
from itertools import compress

from vrft.types import Answer, Boxes, Fault
from vrft.types.names import is_called

IGNORE = "ignore_other_classes"
"""In ``Example.fields``: such boxes are left out."""


def about_class(answer: Answer, boxes: Boxes, name: str, ignore: bool) -> Answer:
    """An answer, with the fault ``OTHER_CLASS`` where a box has another class's name, and without such boxes.

    A box without a name is of the class; of other languages' names nothing is known, so they are others.

    Args:
        answer: as it was read.
        boxes: its boxes, with their labels.
        name: of the class that was asked for.
        ignore: leave such boxes out; otherwise they stay, as claims of the class.

    Example:
        >>> found = Boxes(((0.0, 0.0, 9.0, 9.0), (20.0, 0.0, 29.0, 9.0)), (1.0, 1.0), ("cat", "dog"))
        >>> about_class(Answer(found), found, "cat", ignore=True).value.labels
        ('cat',)
    """
    own = [label is None or is_called(label, name) for label in boxes.labels]
    if all(own):
        return answer
    faults = (*answer.faults, Fault.OTHER_CLASS)
    if not ignore:
        return replace(answer, faults=faults)
    left = replace(
        boxes,
        xyxy_px=tuple(compress(boxes.xyxy_px, own)),
        scores=tuple(compress(boxes.scores, own)),
        labels=tuple(compress(boxes.labels, own)),
    )
    return replace(answer, value=left, faults=faults, spans=tuple(compress(answer.spans, own)))
