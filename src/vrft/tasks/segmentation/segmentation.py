"""Segmentation: the objects that are asked for, each with a box and a point from which a segmenter makes its
mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vrft.geometry.jitter import SIDE, box_apart, draw_boxes, jittered
from vrft.geometry.mask_points import points_of
from vrft.geometry.masks import mask_of_region
from vrft.geometry.points import center
from vrft.rewards import object_rewards
from vrft.rewards import text_rewards as texts
from vrft.rewards.papers import seg_zero, vision_reasoner
from vrft.rewards.papers.onethinker import onethinker_segmentation
from vrft.rewards.reward_term import RewardTerm
from vrft.tasks.fusion import box_agreement
from vrft.tasks.lazy_questions import category_questions
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.segmentation.labelled_objects import MaskedLabels, asked_directly, instances, of_phrase
from vrft.tasks.segmentation.object_attacks import ATTACKS
from vrft.tasks.segmentation.object_metrics import METRICS
from vrft.tasks.segmentation.object_reading import parse_objects_answer
from vrft.tasks.task import Setting, Task, audit_example, chosen
from vrft.types import (
    Answer,
    Boxes,
    BoxXYXY,
    CoordinateFrame,
    Example,
    ObjectRegion,
    Record,
    Regions,
    Value,
    expect,
)

SETTINGS: Mapping[str, Setting] = {
    "recommended": {
        "box_iou": object_rewards.box_iou,
        "point": object_rewards.point_on_object,
        "count": object_rewards.count,
        "format": texts.format_reward,
    },
    "vision_reasoner_fixed": {
        "accuracy": RewardTerm(object_rewards.accuracy_scaled, high=3.0),
        "format": texts.format_reward,
    },
    "vision_reasoner": {
        "accuracy": RewardTerm(vision_reasoner.accuracy_term, high=3.0, unsafe=True),
        "form": RewardTerm(vision_reasoner.format_term, high=3.0, unsafe=True),
        "non_repeat": RewardTerm(vision_reasoner.non_repeat_term, unsafe=True),
    },
    "seg_zero": seg_zero.terms(strict=False),
    "seg_zero_strict": seg_zero.terms(strict=True),
    "onethinker": {"overall": onethinker_segmentation.TERM},
}
"""``vision_reasoner_fixed`` has VisionReasoner's rule without its holes, in shares of the image; the last
four are released code with all its holes, for the audit and for comparison."""

TERMS: Setting = {
    **texts.usual_terms(object_rewards.box_iou),
}
"""What ``reward.weights`` may add to a setting."""

GROUP = "expression"
"""All phrases count alike: no two need share words."""
NEGATIVES, MOST_OBJECTS = 0.15, 4
"""Of the audit: share of targets with nothing to be found, and most objects of the others."""
MISSED, FALSE = 0.2, 0.25
"""Share of the objects that the honest policy does not find, and of images in which it finds a false one."""


class Segmentation(Task):
    """Objects with boxes and points, after VisionReasoner (arXiv 2505.12081)."""

    name = "segmentation"
    help = "Find all objects that are asked for, each with a box and a point for a segmenter."
    answer = Regions
    needs = frozenset({("category", "boxes")})
    or_needs = tuple(
        frozenset({pair})
        for pair in (
            ("phrase", "boxes"),
            ("phrase", "regions"),
            ("question", "regions"),
            ("category", "regions"),
        )
    )
    is_default = True
    example_answer = '[{"bbox_2d": [x1, y1, x2, y2], "point_2d": [x, y]}, ...]'
    settings = SETTINGS
    terms = TERMS
    metrics = METRICS
    many_parts = True
    attacks = ATTACKS
    success_rule = "every object found with a box IoU of at least 0.5 and a point on it, and no other"
    score_rule = (
        "matched box IoU over the larger number of answered and labelled objects (finding rightly that "
        "nothing is there counts 100)"
    )

    def examples(self, records: Sequence[Record]) -> Sequence[Example]:
        """One question for each image and category, present or not; else one for each phrase; else one for
        each annotation that is objects already. Labels without masks are not asked about, which
        ``unused_label_notes`` says.
        """
        labels = MaskedLabels.of(records)
        categories = {
            one.name
            for record in labels.records
            for one, boxes in record.about("category", Boxes)
            if one.name in labels.categories and boxes.mask is not None
        }
        if categories:
            return self._of_categories(labels.records, categories)
        phrases = [
            self.example(record, place, phrase.name, target, GROUP)
            for record in labels.records
            for place, (phrase, value) in enumerate(record.about("phrase", Boxes))
            if (target := of_phrase(value)) is not None and phrase.name
        ]
        if any(example.is_positive for example in phrases):
            return phrases
        return [
            self.example(record, place, one.name, value, GROUP)
            for record, place, one, value in asked_directly(labels.records)
        ]

    def _of_categories(self, records: Sequence[Record], categories: set[str]) -> Sequence[Example]:
        def make(record: Record, category: str) -> Example:
            return self.example(record, category, category, instances(record, category), category)

        return category_questions(records, categories, make)

    def unused_label_notes(self, records: Sequence[Record]) -> Sequence[str]:
        """What has no mask, or one that does not fit."""
        labels = MaskedLabels.of(records)
        found = []
        if labels.without:
            found.append(
                f"{labels.without} boxes have no mask: they are no targets of {self.name}, and their "
                "categories are not asked about there. Label outlines, or use a task that asks for boxes."
            )
        if labels.misfits:
            found.append(
                f"{labels.misfits} labels have a mask of another size than their image, or a box without an "
                "area, and are not asked about. Use the image that was labelled."
            )
        return found

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The prompt: the first sentence is VisionReasoner's (its Table 12), the rest as in detection."""
        return (
            f'Please find "{example.question}" with bboxs and points. Give each object one bounding box and '
            f"one point inside the object ({frames[0].clause}).\n"
            f"If there is no \"{example.question}\" in the image, return 'No Objects'.\n"
            + answer_instructions(self.example_answer, example.form)
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The objects, each with its first point, or one deep inside of its mask; or 'No Objects'."""
        items = []
        for one in expect(example.target, Regions).objects:
            point, *_ = points_of(one) or (center(one.xyxy_px),)
            x, y = frames[0].box_text((*point, *point)).split(", ")[:2]
            items.append(f'{{"bbox_2d": [{frames[0].box_text(one.xyxy_px)}], "point_2d": [{x}, {y}]}}')
        content = f"[{', '.join(items)}]" if items else "No Objects"
        return in_tags(content, f"I look for '{example.question}' in the image.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        return parse_objects_answer(text, frames[0] if frames else None, example.form)

    def similarity(self, one: Value, other: Value) -> float:
        if not (isinstance(one, Regions) and isinstance(other, Regions)):
            return 0.0
        return box_agreement(Boxes(one.boxes_xyxy_px), Boxes(other.boxes_xyxy_px))

    def success(self, answer: Answer, target: Value) -> bool:
        """Objects and labels pair off one to one, boxes and points; where nothing is, the answer says so."""
        terms = (object_rewards.count, object_rewards.point_on_object)
        return all(term(answer, target) == 1.0 for term in terms)

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """One to four ellipses on images of 1000 by 1000 pixels; 15 per cent of the targets have none."""
        sizes = 1 + np.arange(count) % MOST_OBJECTS
        sizes[rng.permutation(count)[: round(NEGATIVES * count)]] = 0
        targets = [Regions(tuple(map(_ellipse, draw_boxes(int(n), rng)))) for n in rng.permutation(sizes)]
        return [audit_example(self.name, i, "cat", target, "cat") for i, target in enumerate(targets)]

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        """The labelled boxes at a mean IoU of 0.70 with their middles as points, one in five missed, one
        false object in four images."""
        targets = [expect(example.target, Regions) for example in examples]
        missed = iter(chosen(sum(one.size for one in targets), MISSED, rng))
        false = chosen(len(targets), FALSE, rng)
        believed: list[Value] = []
        for target, more in zip(targets, false, strict=True):
            boxes = [jittered(box, rng) for box in target.boxes_xyxy_px if not next(missed)]
            boxes += [box_apart(target.boxes_xyxy_px, rng)] if more else []
            believed.append(Regions(tuple(ObjectRegion(box, (_whole_middle(box),)) for box in boxes)))
        return believed


def _ellipse(box_xyxy_px: BoxXYXY) -> ObjectRegion:
    """The ellipse that fills a box with even corners, which every coordinate frame of an audit can write."""
    x1, y1, x2, y2 = (float(2 * (number // 2)) for number in box_xyxy_px)
    (cx, cy), y, x = center((x1, y1, x2, y2)), *(np.arange(SIDE) + 0.5 for _ in "yx")
    inside = (2 * (x[None] - cx) / (x2 - x1)) ** 2 + (2 * (y[:, None] - cy) / (y2 - y1)) ** 2 <= 1
    return ObjectRegion((x1, y1, x2, y2), mask=mask_of_region(inside))


def _whole_middle(box_xyxy_px: BoxXYXY) -> tuple[float, float]:
    x, y = center(box_xyxy_px)
    return (float(round(x)), float(round(y)))


TASK = Segmentation()
