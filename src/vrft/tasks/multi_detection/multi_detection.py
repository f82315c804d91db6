"""Detection of several categories in one question: boxes with names and confidences, or 'No Objects'."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal, cast

import numpy as np
from pydantic import BeforeValidator
from scipy.optimize import linear_sum_assignment

from vrft.geometry.boxes import checked_box, iou
from vrft.geometry.jitter import box_apart, draw_boxes, jittered
from vrft.geometry.matching import greedy_ious, hungarian_ious
from vrft.rewards import box_rewards as boxes
from vrft.rewards import text_rewards as texts
from vrft.rewards.matched_boxes import overlaps
from vrft.rewards.papers import (
    big_vision,
    v_triune,
    vision_r1,
    vision_r1_released,
)
from vrft.rewards.papers.visual_rft_released.released_reading import format_term
from vrft.rewards.papers.vlm_r1 import (
    vlm_r1_released_detection,
    vlm_r1_released_length,
    vlm_r1_released_repetition,
)
from vrft.rewards.papers.vlm_r1.vlm_r1_detection import MAX_DETECTIONS
from vrft.rewards.reward_term import RewardTerm
from vrft.tasks.box_answers import MISSED, BoxTask, rated_boxes
from vrft.tasks.fusion import Candidate, Rule, nms, wbf
from vrft.tasks.metrics.box_confidences import BOX_CONFIDENCES
from vrft.tasks.metrics.metric import box_scores
from vrft.tasks.metrics.shared_metrics import AVERAGE_PRECISION
from vrft.tasks.multi_detection.name_attacks import ATTACKS
from vrft.tasks.multi_detection.names import by_name, of_name, over_names, with_known_names
from vrft.tasks.multi_detection.several_sections import SECTIONS
from vrft.tasks.parsing.answer_parsers import parse_boxes_answer
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.task import AUDIT_SIDE, SUCCESS, Setting, audit_example, chosen
from vrft.types import (
    Answer,
    Boxes,
    BoxXYXY,
    CoordinateFrame,
    Example,
    Form,
    Medium,
    Prediction,
    Record,
    Value,
    expect,
)
from vrft.types.options import did_you_mean

SETTINGS: Mapping[str, Setting] = {
    "recommended": {
        "iou": boxes.iou_f1,
        "confidence": boxes.confidence_gain,
        "format": texts.format_reward,
    },
    "vision_r1_paper": {
        "recall": vision_r1.recall,
        "precision": vision_r1.precision,
        "format": texts.format_reward,
    },
    "vision_r1": {
        "recall": RewardTerm(vision_r1_released.recall_term, unsafe=True),
        "precision": RewardTerm(vision_r1_released.precision_term, unsafe=True),
        "format": RewardTerm(vision_r1_released.format_term, unsafe=True),
    },
    "vlm_r1": {
        "od_length": RewardTerm(vlm_r1_released_detection.ap_term, unsafe=True),
        "format": RewardTerm(format_term, unsafe=True),
    },
    "v_triune": {"reward": RewardTerm(v_triune.reward_term, unsafe=True)},
    "big_vision": {
        "reward": RewardTerm(
            big_vision.reward_term, low=-float(MAX_DETECTIONS), high=MAX_DETECTIONS, unsafe=True
        )
    },
}
"""``recommended``: a box pays under its own category's name alone, each further box costs, and no box that
misses earns anything. ``vision_r1_paper`` is the rule of that paper, with names that must agree. The others
are released code with all its holes."""
TERMS: Setting = {
    "iou_paper": boxes.iou_paper,
    "iou_released": boxes.iou_released,
    "iou_dense": boxes.iou_dense,
    "iou_ladder": boxes.iou_ladder,
    "f1": boxes.f1_thresholds,
    "confidence_brier": boxes.confidence_brier,
    "confidence_margin": boxes.confidence_margin,
    **texts.usual_terms(boxes.iou_f1),
    "vlm_r1_repetition": RewardTerm(
        vlm_r1_released_repetition.repetition_term, low=-1.0, high=0.0, unsafe=True
    ),
    "vlm_r1_cosine": RewardTerm(vlm_r1_released_length.cosine_term, unsafe=True),
}
"""What ``reward.weights`` may add to a setting."""
Notation = Literal["list", "fenced", "lines"]
"""How the list is written within its tags: as it is; in a code fence, as VLM-R1 asks for it; or on a line of
its own, as V-Triune does."""
NOTATION = "notation"
"""In ``Example.fields``, where it is not the plain list."""
SUBJECT = "objects"
"""Of all questions: no two groups of them."""
NEGATIVES = 0.15
MOST_BOXES = 5
FALSE = 1 / 3
CATEGORIES = ("cat", "dog", "traffic light")
"""Of the audit."""


def _names(given: object) -> object:
    """A list of names as one text has commas between them."""
    if not isinstance(given, str):
        return given
    return [name.strip() for name in given.split(",") if name.strip()]


def _each_name(rule: Rule) -> Rule:
    """A rule for boxes of one category, applied to those of each name."""

    def fused(candidates: Sequence[Candidate], similarity: Callable[[Value, Value], float]) -> Answer:
        read = [one for one in candidates if isinstance(one.answer.value, Boxes)]
        names = sorted({name for one in read for name in expect(one.value, Boxes).labels if name})
        if len(read) < 2 or not names:
            return rule(candidates, similarity)
        found, labels = [], []
        for name in names:
            part = [
                replace(one, answer=replace(one.answer, value=of_name(expect(one.value, Boxes), name)[0]))
                for one in read
            ]
            boxes = rule(part, similarity).as_(Boxes) or Boxes()
            found += list(zip(boxes.xyxy_px, box_scores(boxes), strict=True))
            labels += [name] * boxes.size
        value = Boxes(tuple(box for box, _ in found), tuple(score for _, score in found), tuple(labels))
        return Answer(value, formatted=all(one.answer.formatted for one in read))

    return fused


RULES: Mapping[str, Rule] = {**BoxTask.rules, "wbf": _each_name(wbf), "nms": _each_name(nms)}


@dataclass(frozen=True)
class MultiDetection(BoxTask):
    """All objects of several categories, in one answer.

    Args:
        classes: the categories to ask for; empty for all of the dataset.
        notation: how the list is written within its tags.
    """

    classes: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    notation: Notation = "list"

    name = "multi_detection"
    help = "Find all objects of several categories at once, each with a box, its category and a confidence."
    needs = frozenset({("category", "boxes")})
    example_answer = '[{"bbox_2d": [x1, y1, x2, y2], "label": "category", "confidence": number}, ...]'
    settings = SETTINGS
    terms = TERMS
    metrics = tuple(map(over_names, AVERAGE_PRECISION))
    sections = SECTIONS
    rules = RULES
    takes_options = True
    many_parts = True
    has_confidences = True
    confidence_sources = BOX_CONFIDENCES
    success_rule = "every box found under its category with IoU of at least 0.5, and no other"
    score_rule = (
        "matched IoU of boxes of equal category over the larger number of predicted and labelled boxes "
        "(finding rightly that nothing is there counts 100)"
    )
    attacks = ATTACKS

    @property
    def example_fields(self) -> Mapping[str, object]:
        return {NOTATION: self.notation} if self.notation != "list" else {}

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question for every image: about those categories whose right answer its labels say in full
        (``Record.known``); an image of which they say none in full is not asked about."""
        found = {one.name for record in records for one, _ in record.about("category", Boxes)}
        if not found:
            return []
        asked = set(self.classes or found)
        questions = [self._example(record, tuple(sorted(record.known(asked)))) for record in records]
        return [question for question in questions if question.options]

    def _example(self, record: Record, names: tuple[str, ...]) -> Example:
        labelled = [
            (one.name, box)
            for one, value in record.about("category", Boxes)
            if one.counts and one.name in names
            for box in value.xyxy_px
        ]
        target = Boxes(tuple(box for _, box in labelled), labels=tuple(name for name, _ in labelled))
        return self.example(record, None, ", ".join(names), target, SUBJECT, options=names)

    def ask(
        self,
        id: str,
        media: Sequence[Medium],
        question: str,
        options: Sequence[str] = (),
        form: Form = Form.THINK,
    ) -> Example:
        """The categories are the options; without them the question lists them, with commas between."""
        names = options or cast(list[str], _names(question))
        return super().ask(id, media, question, list(dict.fromkeys(names)), form)

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        shown = _noted(self.example_answer, example)
        return (
            f"Detect all {SUBJECT} of these categories in the image: {', '.join(example.options)}. Provide "
            f"for each its bounding box ({frames[0].clause}), its category as it is spelled here, and a "
            "confidence (between 0 and 1, with two decimal places).\n"
            "If there is no object of any of these categories in the image, return 'No Objects'.\n"
            + answer_instructions(shown, example.form)
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The boxes with names and scores, 1.00 where they have none, or 'No Objects'."""
        target = expect(example.target, Boxes)
        names = target.labels or (None,) * target.size
        listed = ", ".join(
            f'{{"bbox_2d": [{frames[0].box_text(box)}], '
            + (f'"label": {json.dumps(name, ensure_ascii=False)}, ' if name else "")
            + f'"confidence": {score:.2f}}}'
            for box, name, score in zip(target.xyxy_px, names, box_scores(target), strict=True)
        )
        content = _noted(f"[{listed}]" if listed else "No Objects", example)
        return in_tags(content, f"I look for {', '.join(example.options)}.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """Boxes of other names stay, as predictions of no category (``Fault.OTHER_CLASS``), as do those
        without a name (``Fault.NO_LABEL``)."""
        answer = parse_boxes_answer(text, frames[0] if frames else None, example.form)
        return with_known_names(answer, example.options)

    def similarity(self, one: Value, other: Value) -> float:
        """Matched IoU of boxes of equal category over the larger number of boxes."""
        if not (isinstance(one, Boxes) and isinstance(other, Boxes)):
            return 0.0
        few, many = sorted(
            (one, other), key=lambda b: (b.size, b.xyxy_px, b.labels and tuple(map(str, b.labels)))
        )
        if few.is_empty:
            return float(many.is_empty)
        return math.fsum(hungarian_ious(overlaps(few, many))) / many.size

    def score(self, answer: Answer, target: Value) -> float:
        found, labels = answer.as_(Boxes), expect(target, Boxes)
        if found is None:
            return 0.0
        count = max(found.size, labels.size)
        return math.fsum(greedy_ious(overlaps(found, labels), box_scores(found))) / count if count else 1.0

    def success(self, answer: Answer, target: Value) -> bool:
        """Boxes and labels of equal category pair off one to one; where nothing is there, the answer says
        so."""
        found, labels = answer.as_(Boxes), expect(target, Boxes)
        if found is None or found.size != labels.size:
            return False
        near = np.asarray(overlaps(found, labels)).reshape(found.size, labels.size) >= SUCCESS
        return bool(near[linear_sum_assignment(near, maximize=True)].all())

    def split_by_category(self, prediction: Prediction) -> Sequence[Prediction]:
        return by_name(prediction)

    def pseudo_label(
        self, answer: Answer, example: Example, min_confidence: float, classes: Sequence[str]
    ) -> Value | str:
        """The boxes that are confident enough and of an asked category; an abstention is a label without
        boxes."""
        found = answer.as_(Boxes)
        if found is None:
            return "unreadable"
        size_wh, where = example.image.size_wh, f"answer to '{example.id}'"
        named = zip(found.xyxy_px, box_scores(found), found.labels or (None,) * found.size, strict=True)
        kept = dict.fromkeys(
            (checked_box(box, size_wh, where), name)
            for box, score, name in named
            if score >= min_confidence and name in example.options
        )
        if not kept and not found.is_empty:
            return "unsure"
        return Boxes(tuple(box for box, _ in kept), labels=tuple(name for _, name in kept))

    def class_name_warnings(self, names: Sequence[str]) -> Sequence[str]:
        """Names that are not read back, and classes to be asked for that no label has."""
        image = audit_example(self.name, 0, SUBJECT, Boxes())
        frames = [image.image.frame("norm1000", (AUDIT_SIDE, AUDIT_SIDE))]
        found = []
        for name in names:
            target = Boxes(((0.0, 0.0, 9.0, 9.0),), labels=(name,))
            example = replace(image, options=(name,), target=target, form=Form.DIRECT)
            answer = self.parse(self.gold(example, frames), example, frames)
            if answer.value is None or not target.same_as(answer.value):
                found.append(f"The class name '{name[:60]}' cannot be read back from an answer.")
        return found + [
            f"No label has the class '{name}' that is asked for.{did_you_mean(name, names)}"
            for name in self.classes
            if name not in names
        ]

    def completed_for_audit(self, value: Value, belief: Value, target: Value) -> Value:
        """Boxes without names get the honest policy's for its own boxes, or else those of the nearest labels;
        where there is none, the first category's."""
        bare = expect(value, Boxes)
        if bare.labels:
            return bare
        mind, labels = expect(belief, Boxes), expect(target, Boxes)
        believed = dict(zip(mind.xyxy_px, mind.labels, strict=True))

        def name(box: BoxXYXY) -> str | None:
            if box in believed:
                return believed[box]
            named = zip(labels.xyxy_px, labels.labels, strict=True)
            return max(named, key=lambda one: iou(one[0], box), default=(box, CATEGORIES[0]))[1]

        return replace(bare, labels=tuple(map(name, bare.xyxy_px)))

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """One to five boxes of three categories on images of 1000 by 1000 pixels; 15 per cent have none."""
        sizes = 1 + np.arange(count) % MOST_BOXES
        sizes[rng.permutation(count)[: round(NEGATIVES * count)]] = 0
        made = []
        for index, size in enumerate(rng.permutation(sizes)):
            names = tuple(CATEGORIES[i] for i in rng.integers(len(CATEGORIES), size=int(size)))
            target = Boxes(draw_boxes(int(size), rng), labels=names)
            example = audit_example(self.name, index, SUBJECT, target, SUBJECT)
            made.append(replace(example, options=CATEGORIES, fields=self.example_fields))
        return made

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        """The labelled boxes at a mean IoU of 0.70 under their own names, one in five missed, and a false box
        in one image of three, each with the policy's hit rate as its confidence, give or take 0.1."""
        labels = [expect(example.target, Boxes) for example in examples]
        missed = iter(chosen(sum(one.size for one in labels), MISSED, rng))
        false = chosen(len(examples), FALSE, rng)
        places: list[list[BoxXYXY]] = []
        names: list[list[str | None]] = []
        for one, adds in zip(labels, false, strict=True):
            found = [
                (jittered(box, rng), name)
                for box, name in zip(one.xyxy_px, one.labels, strict=True)
                if not next(missed)
            ]
            if adds:
                found.append((box_apart(one.xyxy_px, rng), CATEGORIES[int(rng.integers(len(CATEGORIES)))]))
            places.append([box for box, _ in found])
            names.append([name for _, name in found])
        rated = rated_boxes(places, [one.xyxy_px for one in labels], rng)
        return [replace(one, labels=tuple(own)) for one, own in zip(rated, names, strict=True)]


def _noted(content: str, example: Example) -> str:
    """The content of the tags in the notation that is asked for."""
    notation = example.fields.get(NOTATION, "list")
    if notation == "lines" or not content.startswith("["):
        return f"\n{content}\n" if notation == "lines" else content
    return f"```json\n{content}\n```" if notation == "fenced" else content


TASK = MultiDetection()
