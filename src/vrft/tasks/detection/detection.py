"""Detection: all boxes of one category, each with a confidence, or 'No Objects'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from vrft.geometry.boxes import as_array, iou_matrix
from vrft.geometry.jitter import box_apart, draw_boxes, jittered
from vrft.geometry.matching import greedy_ious
from vrft.rewards import box_rewards as boxes
from vrft.rewards import text_rewards as texts
from vrft.rewards.papers import vision_r1
from vrft.rewards.papers.visual_rft_released import released_detection as released
from vrft.rewards.papers.visual_rft_released.released_reading import format_term
from vrft.rewards.papers.vlm_r1 import vlm_r1_detection
from vrft.rewards.reward_term import RewardTerm
from vrft.tasks.box_answers import MISSED, BoxTask, rated_boxes, sure_boxes
from vrft.tasks.detection.detection_sections import SECTIONS
from vrft.tasks.detection.other_class import IGNORE, about_class
from vrft.tasks.detection.presence import Presence
from vrft.tasks.lazy_questions import category_questions
from vrft.tasks.metrics.box_confidences import BOX_CONFIDENCES
from vrft.tasks.metrics.metric import box_scores
from vrft.tasks.metrics.shared_metrics import AVERAGE_PRECISION
from vrft.tasks.parsing.answer_parsers import parse_boxes_answer
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.task import SUCCESS, Setting, audit_example, chosen
from vrft.types import Answer, Boxes, BoxXYXY, CoordinateFrame, Example, Record, Value, expect

SETTINGS: Mapping[str, Setting] = {
    "paper": {"iou": boxes.iou_paper, "confidence": boxes.confidence_paper, "format": texts.format_reward},
    "released_fixed": {
        "iou": boxes.iou_released,
        "confidence": boxes.confidence_paper,
        "format": texts.format_reward,
    },
    "recommended": {
        "iou": boxes.iou_dense,
        "confidence": boxes.confidence_margin,
        "format": texts.format_reward,
    },
    "released": {
        "iou": RewardTerm(released.iou_term, unsafe=True),
        "confidence": RewardTerm(released.confidence_term, unsafe=True),
        "format": RewardTerm(format_term, unsafe=True),
    },
}
"""``released_fixed`` has the rule of the released code without its prelude, its NaN, its unrewarded
abstention and its pass for boxes that are repeated digit for digit; ``released`` is that code with all its
holes, for the audit and for comparison."""

TERMS: Setting = {
    "iou_paper": boxes.iou_paper,
    "iou_released": boxes.iou_released,
    "iou_dense": boxes.iou_dense,
    "iou_ladder": boxes.iou_ladder,
    "giou": boxes.giou_matched,
    "f1": boxes.f1_thresholds,
    "confidence_paper": boxes.confidence_paper,
    "confidence_brier": boxes.confidence_brier,
    "confidence_margin": boxes.confidence_margin,
    "vision_r1_recall": vision_r1.recall,
    "vision_r1_precision": vision_r1.precision,
    "vlm_r1_ap": vlm_r1_detection.ap,
    "vlm_r1_ap50": vlm_r1_detection.ap50,
    "vlm_r1_weighted": vlm_r1_detection.weighted_sum,
    **texts.usual_terms(boxes.iou_dense),
}
"""What ``reward.weights`` may add to a setting."""


NEGATIVES = 0.15
"""Share of the audit's targets with nothing to be found."""
MOST_BOXES = 6
FALSE = 1 / 3
"""False boxes of the honest policy per image with something to be found."""
FALSE_ON_NEGATIVES = 0.2
"""Share of the images without anything to be found in which it finds a false box."""


@dataclass(frozen=True)
class Detection(BoxTask):
    """The paper's detection task (Visual-RFT, Table 1 and Eq. 5-8).

    Args:
        ignore_other_classes: leave out boxes that the answer calls by another class's name; otherwise they
            count as claims of the class that was asked for, with ``Fault.OTHER_CLASS`` either way.
    """

    ignore_other_classes: bool = False

    name = "detection"
    help = "Find all objects of a category, each with a box and a confidence."
    needs = frozenset({("category", "boxes")})
    is_default = True
    example_answer = "[{'Position': [x1, y1, x2, y2], 'Confidence': number}, ...]"
    settings = SETTINGS
    terms = TERMS
    metrics = AVERAGE_PRECISION
    sections = SECTIONS
    many_parts = True
    has_confidences = True
    confidence_sources = BOX_CONFIDENCES
    presence_question = Presence()
    success_rule = "every box found with IoU of at least 0.5, and no other"
    score_rule = (
        "matched IoU over the larger number of predicted and labelled boxes (finding rightly that nothing is "
        "there counts 100)"
    )

    @property
    def example_fields(self) -> Mapping[str, object]:
        return {IGNORE: True} if self.ignore_other_classes else {}

    def examples(self, records: Sequence[Record]) -> Sequence[Example]:
        """One question for every image and category of the dataset, present or not.

        An image is asked only about categories whose right answer is known in full (``Record.known``).
        """
        categories = {one.name for record in records for one, _ in record.about("category", Boxes)}
        return category_questions(records, categories, self._example)

    def _example(self, record: Record, category: str) -> Example:
        named = (
            value for one, value in record.about("category", Boxes) if one.name == category and one.counts
        )
        target = Boxes(tuple(box for value in named for box in value.xyxy_px))
        return self.example(record, category, category, target, category)

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The prompt; with a 0-1000 frame and thinking it is the paper's, word for word."""
        category = example.question
        return (
            f"Detect all objects belonging to the category '{category}' in the image, and provide the "
            f"bounding boxes ({frames[0].clause}) and confidence (between 0 and 1, with two decimal "
            "places).\n"
            f"If no object belonging to the category '{category}' in the image, return 'No Objects'.\n"
            + answer_instructions(self.example_answer, example.form)
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The boxes with their scores, 1.00 where they have none, or 'No Objects'."""
        target = expect(example.target, Boxes)
        listed = ", ".join(
            f"{{'Position': [{frames[0].box_text(box)}], 'Confidence': {score:.2f}}}"
            for box, score in zip(target.xyxy_px, box_scores(target), strict=True)
        )
        content = f"[{listed}]" if listed else "No Objects"
        return in_tags(content, f"I look for '{example.question}' in the image.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        answer = parse_boxes_answer(text, frames[0] if frames else None, example.form)
        boxes = answer.as_(Boxes)
        if boxes is None or not boxes.labels:
            return answer
        return about_class(answer, boxes, example.question, bool(example.fields.get(IGNORE)))

    def score(self, answer: Answer, target: Value) -> float:
        found, labels = answer.as_(Boxes), expect(target, Boxes)
        if found is None:
            return 0.0
        count = max(found.size, labels.size)
        if count == 0:
            return 1.0
        ious = iou_matrix(as_array(found.xyxy_px), as_array(labels.xyxy_px))
        return float(np.add.reduce(greedy_ious(ious.tolist(), box_scores(found))) / count)

    def success(self, answer: Answer, target: Value) -> bool:
        """Boxes and labels pair off one to one; where nothing is there, the answer says so."""
        found, labels = answer.as_(Boxes), expect(target, Boxes)
        if found is None or found.size != labels.size:
            return False
        near = iou_matrix(as_array(found.xyxy_px), as_array(labels.xyxy_px)) >= SUCCESS
        rows, columns = linear_sum_assignment(near, maximize=True)
        return bool(near[rows, columns].all())

    def pseudo_label(
        self, answer: Answer, example: Example, min_confidence: float, classes: Sequence[str]
    ) -> Value | str:
        """The boxes that are confident enough; an abstention is a label without boxes."""
        found = answer.as_(Boxes)
        if found is None:
            return "unreadable"
        kept = sure_boxes(found, example, min_confidence)
        return "unsure" if kept.is_empty and not found.is_empty else kept

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """One to six boxes on images of 1000 by 1000 pixels, with sides of 100 to 600 pixels (log-uniform)
        and little overlap; 15 per cent of the targets have none."""
        sizes = 1 + np.arange(count) % MOST_BOXES
        sizes[rng.permutation(count)[: round(NEGATIVES * count)]] = 0
        targets = [Boxes(draw_boxes(int(size), rng)) for size in rng.permutation(sizes)]
        return [audit_example(self.name, i, "cat", target, "cat") for i, target in enumerate(targets)]

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        """The labelled boxes at a mean IoU of 0.70, one in five missed, one false box in three images, each
        with the policy's hit rate as its confidence, give or take 0.1. Where nothing is to be found it says
        so four times in five."""
        labels = [expect(example.target, Boxes).xyxy_px for example in examples]
        missed = iter(chosen(sum(map(len, labels)), MISSED, rng))
        positives = sum(map(bool, labels))
        false = {
            True: iter(chosen(positives, FALSE, rng)),
            False: iter(chosen(len(examples) - positives, FALSE_ON_NEGATIVES, rng)),
        }
        believed: list[list[BoxXYXY]] = []
        for gold in labels:
            boxes = [jittered(box, rng) for box in gold if not next(missed)]
            if next(false[bool(gold)]):
                boxes.insert(int(rng.integers(len(boxes) + 1)), box_apart(gold, rng))
            believed.append(boxes)
        return list(rated_boxes(believed, labels, rng))


TASK = Detection()
