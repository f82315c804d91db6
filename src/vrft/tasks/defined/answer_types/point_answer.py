"""A point: on the one thing that is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vrft.tasks.defined.answer_type import TypeSuggestion, per_subject
from vrft.tasks.defined.answer_types.points_answer import PointsAnswer
from vrft.tasks.defined.answer_types.points_answer import single as first_of
from vrft.types import Answer, CoordinateFrame, Example, Fault, Points, Provides, Record, Value, expect


class PointAnswer(PointsAnswer):
    """Exactly one point."""

    name = "point"
    many_parts = False

    def target(self, values: Sequence[Value], kind: str, record: Record) -> Points | None:
        """The point of labels that say exactly one."""
        points = super().target(values, kind, record)
        return points if points is not None and points.size == 1 else None

    def shown(self, as_json: bool) -> str:
        return '{"point_2d": [x, y]}' if as_json else "[x, y]"

    def instruction(self, frame: CoordinateFrame | None) -> str:
        clause = f" (coordinates {frame.clause})" if frame is not None else ""
        return f"Give one point{clause}."

    def content(self, value: Value, frame: CoordinateFrame | None, as_json: bool) -> str:
        listed = super().content(value, frame, as_json)
        return listed[1:-1] if expect(value, Points).size == 1 else listed

    def read(self, text: str, example: Example, frame: CoordinateFrame | None, as_json: bool) -> Answer:
        """One point; of several none is taken."""
        answer = super().read(text, example, frame, as_json)
        points = answer.as_(Points)
        if points is None or points.size == 1:
            return answer
        return replace(answer, value=None, formatted=False, faults=(*answer.faults, Fault.NOT_READABLE))

    @classmethod
    def suggest(cls, records: Sequence[Record], provides: Provides) -> TypeSuggestion | None:
        """One place of each name in each image."""
        several = super().suggest(records, provides)
        single = max(per_subject(records, provides), default=0) == 1
        if several is None:
            return None
        asked = "Point at the {subject}." if provides[0] == "category" else "Point at this: {subject}."
        return replace(several, fit=several.fit + (0.1 if single else -0.2), question=asked)

    def draw(self, count: int, rng: np.random.Generator) -> list[Value]:
        drawn = super().draw(2 * count, rng)
        shown: list[Value] = [first_of(p) for p in drawn if isinstance(p, Points) and p.size]
        return shown[:count]

    def beliefs(self, targets: Sequence[Value], rng: np.random.Generator) -> list[Value]:
        """As those of pointing, with the first point alone, and the image's center where there is none."""
        found = [expect(value, Points).xy_px for value in super().beliefs(targets, rng)]
        believed: list[Value] = [Points(xy[:1] or ((500.0, 500.0),)) for xy in found]
        return believed


ANSWER_TYPE = PointAnswer
