"""Ladders: the same answer with better and better boxes, to see whether pay follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from vrft.diagnostics.audit.audit_case import Case, GuessedBox, Notation
from vrft.diagnostics.audit.jitter import box_apart, shrunk_about_centre
from vrft.types import Answer, BoxXYXY

HALF, NEARLY = 0.52, 0.95
"""Rungs between which pay must still rise: just above the usual threshold, and nearly right."""
RUNGS = tuple(sorted({*(round(0.05 * i, 2) for i in range(21)), 0.48, HALF}))
"""IoU of the climbing boxes, from none to exact."""
CONFIDENCES: Mapping[Notation, tuple[float, ...]] = {
    Notation.LIST: (0.0, 0.25, 0.5, 0.75, 1.0),
    Notation.CORNERS: (1.0,),
}
PICTURES = 12
"""Ladders of every kind."""
GOLD_BOXES = (1, 3)
"""Targets are pictures with so many boxes."""
TOGETHER = "all boxes climb"


@dataclass(frozen=True)
class Part:
    """Which boxes of a picture climb, and which stand beside them."""

    kind: str
    climbing: tuple[BoxXYXY, ...]
    right: tuple[BoxXYXY, ...]


@dataclass(frozen=True)
class Ladder:
    """Answers to one question, one a rung of ``RUNGS``."""

    case: Case
    kind: str
    """Which boxes climb."""
    confidence: float
    texts: tuple[str, ...]
    answers: tuple[Answer, ...]

    @property
    def says(self) -> str:
        """The ladder in words."""
        boxes = len(self.case.gold_boxes)
        rated = f", confidence {self.confidence:g}" if self.case.notation is Notation.LIST else ""
        return f"{boxes} labelled {'box' if boxes == 1 else 'boxes'}, {self.kind}{rated}"


def build_ladders(cases: list[Case], rng: np.random.Generator) -> list[Ladder]:
    """Ladders on the first pictures with one box and with three.

    On each, all boxes climb together; where there are three, also one alone while the other two are missing,
    and one alone while the other two are right. The lowest rung is a box apart from every label; the boxes of
    the others contain each other.

    Args:
        cases: of a task that asks for boxes.
        rng: places the boxes of the lowest rung.

    Returns:
        One ladder for every picture, kind and confidence; none where classes are asked for.
    """
    ladders = []
    for count in GOLD_BOXES:
        for case in [case for case in cases if len(case.gold_boxes) == count][:PICTURES]:
            gold = case.gold_boxes
            apart = [box_apart(gold, rng) for _ in gold]
            parts = [Part(TOGETHER, gold, ())]
            if count > 1:
                parts.append(Part("one climbs, the others are missing", gold[:1], ()))
                parts.append(Part("one climbs, the others are right", gold[:1], gold[1:]))
            for part, confidence in product(parts, CONFIDENCES[case.notation]):
                ladders.append(_ladder(case, part, apart, confidence))
    return ladders


def _ladder(case: Case, part: Part, apart: list[BoxXYXY], confidence: float) -> Ladder:
    texts = []
    for rung in RUNGS:
        boxes = [shrunk_about_centre(b, rung) for b in part.climbing] if rung else apart[: len(part.climbing)]
        written = [*(GuessedBox(b, confidence) for b in boxes), *(GuessedBox(b, 1.0) for b in part.right)]
        texts.append(case.boxes(written))
    answers = tuple(case.task.parse(text, case.view, case.form) for text in texts)
    return Ladder(case, part.kind, confidence, tuple(texts), answers)
