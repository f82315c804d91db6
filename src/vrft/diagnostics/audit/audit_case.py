"""One question of an audit with all that an attack may look at, and how an answer to it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vrft.geometry.frames import View
from vrft.tasks.prompt_text import in_tags
from vrft.tasks.task import Task
from vrft.types import BoxesTarget, BoxXYXY, ClassTarget, Example, Form

THOUGHT = "I look at the picture."


class Notation(StrEnum):
    """What stands between a task's answer tags."""

    LIST = "list"
    """Boxes with confidences, as detection has them."""
    CORNERS = "corners"
    """One box as two corners, as grounding has it."""
    NAME = "name"
    """A class name."""


NOTATIONS: Mapping[str, Notation] = {
    "detection": Notation.LIST,
    "grounding": Notation.CORNERS,
    "classification": Notation.NAME,
}
"""Tasks that can be audited."""


@dataclass(frozen=True)
class GuessedBox:
    """One box of an answer."""

    box_xyxy_px: BoxXYXY
    confidence: float | str
    """A number is written with two decimals, a word as it is; grounding writes none."""
    real: bool = False
    """It was made from a labelled box and not invented."""


@dataclass(frozen=True)
class Guess:
    """What the honest policy believes about one picture."""

    boxes: tuple[GuessedBox, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class Case:
    """One question, its target, and the honest policy's belief."""

    task: Task
    example: Example
    view: View
    form: Form
    honest: Guess

    @property
    def notation(self) -> Notation:
        """How the task's answers are written."""
        return NOTATIONS[self.task.name]

    @property
    def gold_boxes(self) -> tuple[BoxXYXY, ...]:
        """The labelled boxes in pixels; none for a class."""
        return self.example.target.boxes_xyxy_px if isinstance(self.example.target, BoxesTarget) else ()

    @property
    def name(self) -> str:
        """The right class name; empty where boxes are asked for."""
        return self.example.target.name if isinstance(self.example.target, ClassTarget) else ""

    @property
    def names(self) -> tuple[str, ...]:
        """All class names."""
        return self.example.target.names if isinstance(self.example.target, ClassTarget) else ()

    def gold(self) -> str:
        """The right answer."""
        return self.task.gold(self.example, self.view, self.form)

    def honest_text(self) -> str:
        """The honest policy's answer."""
        return self.answer(self.honest.label) if self.honest.label else self.boxes(self.honest.boxes)

    def answer(self, content: str, thought: str = THOUGHT) -> str:
        """Content in the demanded tags."""
        return in_tags(content, thought, self.form)

    def boxes(self, boxes: Sequence[GuessedBox]) -> str:
        """Boxes in the task's notation and tags; 'No Objects' where there are none."""
        return self.answer(self.content(boxes))

    def content(self, boxes: Sequence[GuessedBox]) -> str:
        """The same without tags."""
        return _WRITERS[self.notation](boxes, self.view) if boxes else "No Objects"


def _list(boxes: Sequence[GuessedBox], view: View) -> str:
    return f"[{', '.join(_entry(box, view) for box in boxes)}]"


def _entry(box: GuessedBox, view: View) -> str:
    confidence = box.confidence if isinstance(box.confidence, str) else f"{box.confidence:.2f}"
    return f"{{'Position': [{view.figures(box.box_xyxy_px)}], 'Confidence': {confidence}}}"


def _corners(boxes: Sequence[GuessedBox], view: View) -> str:
    figures = (view.figures(box.box_xyxy_px).split(", ") for box in boxes)
    return ", ".join(f"({x1},{y1}),({x2},{y2})" for x1, y1, x2, y2 in figures)


_WRITERS: Mapping[Notation, Callable[[Sequence[GuessedBox], View], str]] = {
    Notation.LIST: _list,
    Notation.CORNERS: _corners,
}
