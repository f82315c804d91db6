"""What an answer holds, empty where it holds something else; and what holds for all of them."""

from __future__ import annotations

from vrft.types import Answer, Boxes, Fault, Label, Points

NO_BOXES = Boxes()


def boxes_of(answer: Answer):
    return (answer.as_(Boxes) or NO_BOXES).xyxy_px


def scores_of(answer: Answer):
    return (answer.as_(Boxes) or NO_BOXES).scores


def labels_of(answer: Answer):
    return (answer.as_(Boxes) or NO_BOXES).labels


def points_of(answer: Answer):
    """Of the value, or next to it."""
    return (answer.find(Points) or Points()).xy_px


def name_of(answer: Answer):
    label = answer.as_(Label)
    return label.name if label else None


def check_answer(answer: Answer) -> None:
    """Of an image of 640 by 480 pixels: numbers are finite and in place, and faults are what they say."""
    assert len(boxes_of(answer)) == len(scores_of(answer))
    assert len(labels_of(answer)) in (0, len(boxes_of(answer)))
    assert all(0 <= c <= 1 for c in scores_of(answer))  # false for NaN
    assert all(0 <= x1 < x2 <= 640 and 0 <= y1 < y2 <= 480 for x1, y1, x2, y2 in boxes_of(answer))
    assert all(0 <= x <= 640 and 0 <= y <= 480 for x, y in points_of(answer))
    names = labels_of(answer) or (None,) * len(boxes_of(answer))
    repeated = len(set(zip(boxes_of(answer), names, strict=True))) < len(boxes_of(answer))
    assert repeated == (Fault.REPEATED_BOX in answer.faults)
    assert answer.formatted == (set(answer.faults) <= {Fault.REPEATED_BOX})
    assert answer.parsed or not (answer.formatted or boxes_of(answer) or name_of(answer))
    assert name_of(answer) is None or name_of(answer).strip()
