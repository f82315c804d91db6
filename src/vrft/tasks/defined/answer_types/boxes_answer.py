"""Boxes: all things of a kind, or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np

from vrft.rewards import box_rewards
from vrft.rewards.papers import vision_r1
from vrft.rewards.reward_term import AnswerReward
from vrft.tasks.box_answers import BoxTask, sure_boxes
from vrft.tasks.defined.answer_type import AnswerType, TypeSuggestion, per_subject
from vrft.tasks.detection.detection import Detection
from vrft.tasks.fusion import box_agreement
from vrft.tasks.metrics.metric import Metric, mean_reward
from vrft.tasks.parsing.answer_parsers import parse_boxes_answer
from vrft.types import Answer, Boxes, CoordinateFrame, Example, Provides, Record, Value, expect


class BoxesAnswer(AnswerType):
    """Any number of boxes."""

    order: Literal["free"] = "free"
    """Of the boxes: whatever order they are written in."""

    name = "boxes"
    value = Boxes
    reads: ClassVar[tuple[Provides, ...]] = (("category", "boxes"), ("phrase", "boxes"))
    right_rules: ClassVar[Mapping[str, AnswerReward]] = {
        "hungarian": box_rewards.iou_dense,
        "f1": box_rewards.f1_thresholds,
        "iou_f1": box_rewards.iou_f1,
        "giou": box_rewards.giou_matched,
        "recall": vision_r1.recall,
    }
    metrics: ClassVar[Sequence[Metric]] = (
        Metric("f1", "F1 of boxes", mean_reward(box_rewards.f1_thresholds, Boxes)),
        Metric("matched_iou", "matched IoU", mean_reward(box_rewards.iou_dense, Boxes)),
    )
    fusion_rules = BoxTask.rules
    many_parts = True
    joins = True
    success_rule = "every box found with IoU of at least 0.5, and no other"

    def target(self, values: Sequence[Value], kind: str, record: Record) -> Boxes | None:
        """All boxes together."""
        return Boxes(tuple(box for value in values for box in expect(value, Boxes).xyxy_px))

    def group(self, target: Value, subject: str) -> str:
        return "expression"

    def shown(self, as_json: bool) -> str:
        one = '{"bbox_2d": [x1, y1, x2, y2]}' if as_json else "[x1, y1, x2, y2]"
        return f"[{one}, ...]"

    def instruction(self, frame: CoordinateFrame | None) -> str:
        clause = f" (coordinates {frame.clause})" if frame is not None else ""
        return f"Give the bounding box of each{clause}. If there is none, answer 'No Objects'."

    def content(self, value: Value, frame: CoordinateFrame | None, as_json: bool) -> str:
        assert frame is not None
        each = [f"[{frame.box_text(box)}]" for box in expect(value, Boxes).xyxy_px]
        listed = ", ".join(f'{{"bbox_2d": {box}}}' if as_json else box for box in each)
        return f"[{listed}]" if each else "No Objects"

    def read(self, text: str, example: Example, frame: CoordinateFrame | None, as_json: bool) -> Answer:
        """Boxes in any notation, without confidences, which nobody asks for."""
        answer = parse_boxes_answer(text, frame, example.form)
        boxes = answer.as_(Boxes)
        return answer if boxes is None else replace(answer, value=Boxes(boxes.xyxy_px))

    def similarity(self, one: Value, other: Value) -> float:
        return box_agreement(one, other)

    def success(self, answer: Answer, target: Value) -> bool:
        return Detection().success(answer, target)

    def pseudo_label(self, value: Value, example: Example) -> Value:
        return sure_boxes(expect(value, Boxes), example, 0.0)

    @classmethod
    def suggest(cls, records: Sequence[Record], provides: Provides) -> TypeSuggestion | None:
        """Boxes, of which some image has several of one name."""
        counts = per_subject(records, provides)
        most = max(counts, default=0)
        return TypeSuggestion(
            0.8 if most > 1 else 0.4,
            f"an image has up to {most} boxes of one name",
            "Find every {subject} in the image.",
            "hungarian",
            "the matched IoU rises with each better box, and boxes too many or too few cost",
        )

    def draw(self, count: int, rng: np.random.Generator) -> list[Value]:
        return [expect(one.target, Boxes) for one in Detection().audit_examples(count, rng)]

    def beliefs(self, targets: Sequence[Value], rng: np.random.Generator) -> list[Value]:
        """As those of detection, without confidences."""
        asked = [Example("", "", "", (), "", target) for target in targets]
        return [Boxes(expect(v, Boxes).xyxy_px) for v in Detection().audit_beliefs(asked, rng)]


ANSWER_TYPE = BoxesAnswer
