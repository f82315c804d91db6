"""Reasoning grounding: the one box that an instruction refers to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vrft.geometry.boxes import as_array, iou_matrix
from vrft.geometry.jitter import box_apart, draw_boxes, jittered
from vrft.geometry.masks import mask_of_boxes
from vrft.rewards import box_rewards, region_rewards
from vrft.rewards import text_rewards as texts
from vrft.rewards.papers.onethinker import onethinker_box
from vrft.rewards.papers.visual_rft_released import released_grounding as released
from vrft.rewards.papers.visual_rft_released.released_reading import format_term
from vrft.rewards.papers.vlm_r1 import vlm_r1_released_box
from vrft.rewards.reward_term import RewardTerm
from vrft.tasks.box_answers import MISSED, BoxTask, rated_boxes, sure_boxes
from vrft.tasks.fusion import Rule, medoid
from vrft.tasks.metrics.shared_metrics import FIRST_BOX
from vrft.tasks.parsing.answer_parsers import parse_corners_answer
from vrft.tasks.prompt_text import in_tags
from vrft.tasks.task import AUDIT_SIDE, Setting, audit_example, chosen
from vrft.types import Answer, Boxes, BoxXYXY, CoordinateFrame, Example, Form, Record, Value, expect

SETTINGS: Mapping[str, Setting] = {
    "paper": {"iou": region_rewards.iou_first, "format": texts.format_reward},
    "released_fixed": {"iou": region_rewards.giou_scaled, "format": texts.format_reward},
    "recommended": {"iou": region_rewards.iou_first, "format": texts.format_reward},
    "released": {
        "iou": RewardTerm(released.iou_term, high=2.0, unsafe=True),
        "format": RewardTerm(format_term, unsafe=True),
    },
    "vlm_r1": {
        "iou": RewardTerm(vlm_r1_released_box.rec_iou_term, unsafe=True),
        "format": RewardTerm(vlm_r1_released_box.rec_format_term, unsafe=True),
    },
    "onethinker": {"box": RewardTerm(onethinker_box.box_term, high=1.5, unsafe=True)},
}
"""``released_fixed`` rewards generalized IoU as the released script does, but within bounds; ``released``
is that script with all its holes, for the audit and for comparison, and so are ``vlm_r1`` and
``onethinker``."""

TERMS: Setting = {
    "giou": region_rewards.giou_scaled,
    "iou_mask": region_rewards.iou_mask,
    "point_in_box": region_rewards.point_in_box,
    **texts.usual_terms(box_rewards.iou_dense),
}
"""What ``reward.weights`` may add to a setting."""


GROUP = "expression"
"""All phrases count alike: no two need share words."""
RULES: Mapping[str, Rule] = {"medoid": medoid, **BoxTask.rules}
"""The usual one first."""


KEY = "key"
"""In ``Example.fields``: the box is written as JSON under it."""


@dataclass(frozen=True)
class Grounding(BoxTask):
    """The paper's reasoning grounding on LISA (released training script; reward: IoU after section 3.2.1).

    Args:
        key: ask for the box as JSON under this key, such as ``bbox_2d`` for the setting ``vlm_r1`` and
            ``boxes`` for ``onethinker``, which read nothing else; empty asks for the paper's corners.
    """

    key: str = ""

    name = "grounding"
    help = "Find the one object that a phrase or an instruction refers to."
    needs = frozenset({("phrase", "boxes")})
    is_default = True
    example_answer = "(x1,y1),(x2,y2)"
    settings = SETTINGS
    terms = TERMS
    metrics = FIRST_BOX
    rules = RULES
    success_rule = "IoU of at least 0.5"
    score_rule = "IoU of the box with the label"

    @property
    def example_fields(self) -> Mapping[str, object]:
        return {KEY: self.key} if self.key else {}

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question per phrase that means exactly one box."""
        return [
            self.example(record, index, phrase.name, value, GROUP)
            for record in records
            for index, (phrase, value) in enumerate(record.about("phrase", Boxes))
            if value.size == 1
        ]

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The prompt of the released training script, with its spelling; other frames add their clause."""
        clause = "" if frames[0].name == "norm1000" else f" Coordinates are {frames[0].clause}."
        head = f"Output the bounding box in the image corresponding to the instruction: {example.question}"
        key = example.fields.get(KEY)
        box = f'{{"{key}": [x1, y1, x2, y2]}}' if key else self.example_answer
        if example.form is Form.THINK:
            return (
                f"{head} Output the thinking process in <think> </think> and your grouding box. "
                f'Following "<think> thinking process </think>\n<answer>{box}</answer>)" '
                f"format.{clause}"
            )
        return f'{head} Output your grounding box. Following "<answer>{box}</answer>" format.{clause}'

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        key = example.fields.get(KEY)
        boxes = [frames[0].box_text(box) for box in expect(example.target, Boxes).xyxy_px]
        if key:
            content = ", ".join(f'{{"{key}": [{box}]}}' for box in boxes)
        else:
            corners = (box.split(", ") for box in boxes)
            content = ", ".join(f"({x1},{y1}),({x2},{y2})" for x1, y1, x2, y2 in corners)
        return in_tags(content or "No Objects", f"I look for {example.question}.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """One box, without a confidence, which nobody asks for."""
        answer = parse_corners_answer(text, frames[0] if frames else None, example.form)
        box = answer.as_(Boxes)
        return answer if box is None else replace(answer, value=replace(box, scores=()))

    def score(self, answer: Answer, target: Value) -> float:
        found, labels = answer.as_(Boxes), expect(target, Boxes)
        first = as_array(found.xyxy_px[:1] if found is not None else ())
        return float(iou_matrix(first, as_array(labels.xyxy_px)).max(initial=0.0))

    def pseudo_label(
        self, answer: Answer, example: Example, min_confidence: float, classes: Sequence[str]
    ) -> Value | str:
        found = answer.as_(Boxes)
        if found is None:
            return "unreadable"
        if found.is_empty:
            return "abstain"
        kept = sure_boxes(found, example, min_confidence)
        if kept.size != 1:
            return "unsure" if kept.is_empty else "disagree"
        return kept

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """One box on images of 1000 by 1000 pixels, as detection has them, with a mask that fills it."""
        drawn = [draw_boxes(1, rng) for _ in range(count)]
        targets = [Boxes(boxes, mask=mask_of_boxes(boxes, (AUDIT_SIDE, AUDIT_SIDE))) for boxes in drawn]
        return [
            audit_example(self.name, i, "the cat that sleeps", target, GROUP)
            for i, target in enumerate(targets)
        ]

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        """The labelled box at a mean IoU of 0.70; in one image of five another, since one must be given."""
        labels = [expect(example.target, Boxes).xyxy_px for example in examples]
        missed = chosen(len(examples), MISSED, rng)
        believed: list[list[BoxXYXY]] = [
            [box_apart(gold, rng) if miss else jittered(gold[0], rng)]
            for gold, miss in zip(labels, missed, strict=True)
        ]
        return list(rated_boxes(believed, labels, rng))


TASK = Grounding()
