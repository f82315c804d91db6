"""Answers for tests of rewards, and the terms of a task's settings as functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vrft.rewards.reward_term import RewardTerm, as_term
from vrft.tasks.registry import load_task
from vrft.types import Answer, Boxes, BoxXYXY, CoordinateFrame, Example, Form, Label

FRAME = CoordinateFrame.whole("norm1000", (1000, 1000))
"""Pixels are the numbers written."""
SAFE = ("paper", "released_fixed", "recommended")
ABSTAINED = Answer(Boxes(), True)
UNREAD = Answer()


def boxes_answer(boxes: Sequence[BoxXYXY], scores: Sequence[float] | None = None, **others: Any) -> Answer:
    """An answer of boxes, sure ones unless scores are given."""
    return Answer(Boxes(tuple(boxes), tuple(scores or [1.0] * len(boxes))), True, **others)


def label_answer(name: str | None, **others: Any) -> Answer:
    """An answer that names a class; None for one that could not be read."""
    return Answer(None if name is None else Label(name), name is not None, **others)


def terms_of(task: str, setting: str) -> dict[str, RewardTerm]:
    """The terms of a setting."""
    return {name: as_term(term) for name, term in load_task(task).settings[setting].items()}


def parsed(task: str, text: str, form: Form = Form.THINK, frame: CoordinateFrame = FRAME) -> Answer:
    """A text as a task reads it."""
    return load_task(task).parse(text, Example("a", "a", task, (), "it", form=form), (frame,))
