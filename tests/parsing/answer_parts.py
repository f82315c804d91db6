"""What an answer holds, empty where it holds something else."""

from __future__ import annotations

from vrft.types import Answer, Boxes, Label, Points

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
