"""Points: one on each thing of a kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np

from vrft.geometry.points import in_box, radius_px
from vrft.rewards import point_rewards
from vrft.rewards.point_rewards import EXTENT
from vrft.rewards.reward_term import AnswerReward
from vrft.tasks.attacks import Attack
from vrft.tasks.defined.answer_type import AnswerType, TypeSuggestion
from vrft.tasks.metrics.metric import Metric
from vrft.tasks.parsing.points import parse_points_answer
from vrft.tasks.pointing.point_attacks import ATTACKS
from vrft.tasks.pointing.pointing import TASK, target_of
from vrft.tasks.pointing.pointing_metrics import METRICS
from vrft.tasks.task import AUDIT_SIDE
from vrft.types import Answer, CoordinateFrame, Example, Points, PointXY, Provides, Record, Value, expect


class PointsAnswer(AnswerType):
    """Any number of points."""

    order: Literal["free"] = "free"
    """Of the points: whatever order they are written in."""

    name = "points"
    value = Points
    reads: ClassVar[tuple[Provides, ...]] = (
        ("category", "boxes"),
        ("phrase", "boxes"),
        ("category", "points"),
        ("phrase", "points"),
    )
    right_rules: ClassVar[Mapping[str, AnswerReward]] = {
        "in_place": point_rewards.point_f1,
        "f1": point_rewards.point_f1,
        "near": point_rewards.near_f1,
        "closeness": point_rewards.closeness,
    }
    metrics: ClassVar[Sequence[Metric]] = METRICS
    attacks: ClassVar[Mapping[str, Attack]] = ATTACKS
    many_parts = True
    joins = True
    success_rule = "one point in each labelled place, and no other"

    def target(self, values: Sequence[Value], kind: str, record: Record) -> Points | None:
        """A point for each box, mask or point of labels."""
        return target_of(values, record.image.size_wh)

    def group(self, target: Value, subject: str) -> str:
        return "expression"

    def shown(self, as_json: bool) -> str:
        one = '{"point_2d": [x, y]}' if as_json else "[x, y]"
        return f"[{one}, ...]"

    def instruction(self, frame: CoordinateFrame | None) -> str:
        clause = f" (coordinates {frame.clause})" if frame is not None else ""
        return f"Give one point inside of each{clause}. If there is none, answer 'No Objects'."

    def content(self, value: Value, frame: CoordinateFrame | None, as_json: bool) -> str:
        assert frame is not None
        each = [f"[{frame.point_text(xy)}]" for xy in expect(value, Points).xy_px]
        listed = ", ".join(f'{{"point_2d": {point}}}' if as_json else point for point in each)
        return f"[{listed}]" if each else "No Objects"

    def read(self, text: str, example: Example, frame: CoordinateFrame | None, as_json: bool) -> Answer:
        return parse_points_answer(text, frame, example.form)

    def similarity(self, one: Value, other: Value) -> float:
        return TASK.similarity(one, other)

    def success(self, answer: Answer, target: Value) -> bool:
        return TASK.success(answer, target)

    def pseudo_label(self, value: Value, example: Example) -> Value:
        """The points, each once, with the radius within which another one is right."""
        found = tuple(dict.fromkeys(expect(value, Points).xy_px))
        return Points(found, radius_px=radius_px(example.image.size_wh))

    @classmethod
    def suggest(cls, records: Sequence[Record], provides: Provides) -> TypeSuggestion | None:
        """Points; of boxes and masks any place inside."""
        own = provides[1] == Points.kind
        return TypeSuggestion(
            0.85 if own else 0.3,
            "the labels are points" if own else "a box or a mask says where a point is right",
            "Point at every {subject} in the image.",
            "in_place",
            "a point counts in its own place, and each further one costs",
        )

    def draw(self, count: int, rng: np.random.Generator) -> list[Value]:
        return [expect(one.target, Points) for one in TASK.audit_examples(count, rng)]

    def beliefs(self, targets: Sequence[Value], rng: np.random.Generator) -> list[Value]:
        return TASK.audit_beliefs([Example("", "", "", (), "", target) for target in targets], rng)

    def as_precise(
        self, beliefs: Sequence[Value], targets: Sequence[Value], options: Mapping[str, Any]
    ) -> list[Value]:
        """Points in their place are within half a radius of the label, where the rule has one."""
        if "radius" not in options:
            return [*beliefs]
        reach = options["radius"] / 2 * AUDIT_SIDE / EXTENT
        return [
            Points(tuple(_drawn_in(xy, expect(target, Points), reach) for xy in expect(one, Points).xy_px))
            for one, target in zip(beliefs, targets, strict=True)
        ]


def _drawn_in(xy_px: PointXY, target: Points, reach_px: float) -> PointXY:
    """A point in some place, no further than a reach from its label; another point as it is."""
    for label, box in zip(target.xy_px, target.boxes, strict=True):
        if box is not None and in_box(xy_px, box):
            step = np.subtract(xy_px, label)
            x, y = label + step * min(1.0, reach_px / max(float(np.hypot(*step)), reach_px))
            return float(x), float(y)
    return xy_px


def single(points: Points) -> Points:
    """The first point with its place."""
    return replace(points, xy_px=points.xy_px[:1], boxes=points.boxes[:1], masks=points.masks[:1])


ANSWER_TYPE = PointsAnswer
