"""A box: the one thing that is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from vrft.rewards import region_rewards
from vrft.rewards.reward_term import AnswerReward
from vrft.tasks.box_answers import BoxTask
from vrft.tasks.defined.answer_type import TypeSuggestion, per_subject, values_of
from vrft.tasks.defined.answer_types.boxes_answer import BoxesAnswer
from vrft.tasks.fusion import Rule, medoid
from vrft.tasks.grounding.grounding import Grounding
from vrft.tasks.metrics.metric import Metric
from vrft.tasks.metrics.shared_metrics import FIRST_BOX
from vrft.tasks.parsing.answer_parsers import parse_corners_answer
from vrft.types import Answer, Boxes, CoordinateFrame, Example, Provides, Record, Value, expect


class BoxAnswer(BoxesAnswer):
    """Exactly one box."""

    name = "box"
    right_rules: ClassVar[Mapping[str, AnswerReward]] = {
        "iou": region_rewards.iou_first,
        "giou": region_rewards.giou_scaled,
    }
    metrics: ClassVar[Sequence[Metric]] = FIRST_BOX
    fusion_rules: ClassVar[Mapping[str, Rule]] = {"medoid": medoid, **BoxTask.rules}
    many_parts = False

    def target(self, values: Sequence[Value], kind: str, record: Record) -> Boxes | None:
        """The box of labels that say exactly one."""
        boxes = super().target(values, kind, record)
        return boxes if boxes is not None and boxes.size == 1 else None

    def shown(self, as_json: bool) -> str:
        return '{"bbox_2d": [x1, y1, x2, y2]}' if as_json else "[x1, y1, x2, y2]"

    def instruction(self, frame: CoordinateFrame | None) -> str:
        clause = f" (coordinates {frame.clause})" if frame is not None else ""
        return f"Give one bounding box{clause}."

    def content(self, value: Value, frame: CoordinateFrame | None, as_json: bool) -> str:
        listed = super().content(value, frame, as_json)
        return listed[1:-1] if expect(value, Boxes).size else listed

    def read(self, text: str, example: Example, frame: CoordinateFrame | None, as_json: bool) -> Answer:
        """The one box in any notation; of several the first, which costs the format."""
        answer = parse_corners_answer(text, frame, example.form)
        boxes = answer.as_(Boxes)
        return answer if boxes is None else replace(answer, value=Boxes(boxes.xyxy_px))

    @classmethod
    def suggest(cls, records: Sequence[Record], provides: Provides) -> TypeSuggestion | None:
        """Boxes, one of each name in each image."""
        single = max(per_subject(records, provides), default=0) == 1
        sizes = {expect(value, Boxes).size for _, _, value in values_of(records, provides)}
        return TypeSuggestion(
            0.7 if single and sizes <= {1} else 0.1,
            "no image has two boxes of one name"
            if single
            else "images with one box of a name are asked about",
            "Where is the {subject}?" if provides[0] == "category" else "Where is this: {subject}?",
            "iou",
            "the overlap rises with each better box",
        )

    def draw(self, count: int, rng: np.random.Generator) -> list[Value]:
        return [expect(one.target, Boxes) for one in Grounding().audit_examples(count, rng)]

    def beliefs(self, targets: Sequence[Value], rng: np.random.Generator) -> list[Value]:
        """As those of grounding."""
        asked = [Example("", "", "", (), "", target) for target in targets]
        return [Boxes(expect(v, Boxes).xyxy_px) for v in Grounding().audit_beliefs(asked, rng)]


ANSWER_TYPE = BoxAnswer
