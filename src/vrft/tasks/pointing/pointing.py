"""Pointing: one point on each thing that a category or a phrase means, or 'No Objects'."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from vrft.geometry.jitter import draw_boxes
from vrft.geometry.mask_points import GRID
from vrft.geometry.points import center, deepest_point, distances, matched_pairs, radius_px, right_places
from vrft.rewards import point_rewards as points
from vrft.rewards import text_rewards as texts
from vrft.tasks.lazy_questions import category_questions
from vrft.tasks.parsing.points import parse_points_answer
from vrft.tasks.pointing.point_attacks import ATTACKS
from vrft.tasks.pointing.pointing_metrics import METRICS
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.task import AUDIT_SIDE, Setting, Task, audit_example, chosen
from vrft.types import (
    Annotation,
    Answer,
    Boxes,
    BoxXYXY,
    CoordinateFrame,
    Example,
    Mask,
    Points,
    PointXY,
    Record,
    Value,
    expect,
)

SETTINGS: Mapping[str, Setting] = {
    "recommended": {"f1": points.point_f1, "closeness": points.closeness, "format": texts.format_reward},
}
TERMS: Setting = {
    "in_mask": partial(points.point_f1, where="mask"),
    "in_box": partial(points.point_f1, where="box"),
    **texts.usual_terms(points.point_f1),
}
"""What ``reward.weights`` may add to a setting."""
PHRASES = "expression"
"""All phrases count alike."""
ALIKE_PX2 = 5000.0
"""Of points without a place around them: exp(-d^2 / 5000), d in pixels."""
MISSED, FALSE, FALSE_ON_NEGATIVES, BESIDE = 0.15, 0.25, 0.2, 0.15
"""What the honest policy of the audit does not find, invents, and points beside."""
NEGATIVES = 0.15
ANYWHERE: BoxXYXY = (0.0, 0.0, float(AUDIT_SIDE), float(AUDIT_SIDE))
MOST = 5
"""Things in one image of the audit."""


@dataclass(frozen=True)
class Pointing(Task):
    """A point on each thing: in its mask where the labels have one, else in its box, else near its point.

    Args:
        keypoints: ask about labelled points, such as keypoints, where labels have boxes too.
    """

    keypoints: bool = False

    name = "pointing"
    help = "Point at each object that a category or a phrase means."
    answer = Points
    needs = frozenset({("category", "boxes")})
    or_needs = (
        frozenset({("phrase", "boxes")}),
        frozenset({("category", "points")}),
        frozenset({("phrase", "points")}),
    )
    is_default = True
    example_answer = '[{"point_2d": [x, y]}, ...]'
    settings = SETTINGS
    terms = TERMS
    metrics = METRICS
    many_parts = True
    attacks = ATTACKS
    success_rule = "one point in each labelled object, and no other"
    score_rule = "F1 of the points (finding rightly that nothing is there counts 100)"

    def __post_init__(self) -> None:
        if self.keypoints:
            object.__setattr__(self, "needs", frozenset({("category", "points")}))
            object.__setattr__(self, "or_needs", (frozenset({("phrase", "points")}),))

    def examples(self, records: Sequence[Record]) -> Sequence[Example]:
        """One question for each image and category that is known in full, present or not; or for each
        phrase."""
        ((about, kind),) = self.asks_about(records)
        values = [
            (record, [(one, v) for one, v in _about(record, about) if v.kind == kind]) for record in records
        ]
        if about == "category":
            categories = {one.name for _, said in values for one, _ in said}
            return category_questions(records, categories, partial(self._of_category, kind))
        return [
            self.example(record, index, one.name, target_of([value], record.image.size_wh), PHRASES)
            for record, said in values
            for index, (one, value) in enumerate(said)
        ]

    def _of_category(self, kind: str, record: Record, category: str) -> Example:
        said = [
            value
            for one, value in _about(record, "category")
            if one.name == category and one.counts and value.kind == kind
        ]
        target = target_of(said, record.image.size_wh)
        return self.example(record, category, category, target, category)

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The prompt."""
        return (
            f"Point at each object in the image that '{example.question}' means: give one point inside of "
            f"each (coordinates {frames[0].clause}).\nIf there is none in the image, return 'No Objects'.\n"
            + answer_instructions(self.example_answer, example.form)
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The labelled points, or 'No Objects'."""
        target = expect(example.target, Points)
        listed = ", ".join(f'{{"point_2d": [{frames[0].point_text(xy)}]}}' for xy in target.xy_px)
        content = f"[{listed}]" if listed else "No Objects"
        return in_tags(content, f"I look for '{example.question}' in the image.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        return parse_points_answer(text, frames[0] if frames else None, example.form)

    def similarity(self, one: Value, other: Value) -> float:
        """F1 of points paired one to one: 1 for a pair of which one lies in the other's place; of points that
        have none around them, the nearer the more."""
        if not (isinstance(one, Points) and isinstance(other, Points)):
            return 0.0
        if one.is_empty or other.is_empty:
            return float(one.is_empty and other.is_empty)
        if _has_places(one) or _has_places(other):
            fit = right_places(one.xy_px, other) | right_places(other.xy_px, one).T
        else:
            fit = np.exp(-(distances(one.xy_px, other.xy_px) ** 2) / ALIKE_PX2)
        alike = sorted(float(fit[i, j]) for i, j in matched_pairs(fit.astype(float)))
        return min(2 * sum(alike) / (one.size + other.size), 1.0)

    def score(self, answer: Answer, target: Value) -> float:
        return points.point_f1(answer, target)

    def success(self, answer: Answer, target: Value) -> bool:
        return self.score(answer, target) == 1

    def pseudo_label(
        self, answer: Answer, example: Example, min_confidence: float, classes: Sequence[str]
    ) -> Value | str:
        """The points, each once, with the radius within which another one is right."""
        found = answer.as_(Points)
        if found is None:
            return "unreadable"
        return Points(tuple(dict.fromkeys(found.xy_px)), radius_px=radius_px(example.image.size_wh))

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """One to five boxes, of which each has its point at its center; 15 per cent of the targets have
        none."""
        sizes = 1 + np.arange(count) % MOST
        sizes[rng.permutation(count)[: round(NEGATIVES * count)]] = 0
        targets = [_target(draw_boxes(int(size), rng)) for size in rng.permutation(sizes)]
        return [audit_example(self.name, i, "cat", target, "cat") for i, target in enumerate(targets)]

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        """A point anywhere in each thing, but for some that it misses or points beside; one where nothing
        is, in one image of four. Where nothing is to be found it says so four times in five."""
        targets = [expect(example.target, Points) for example in examples]
        n = sum(target.size for target in targets)
        missed, beside = iter(chosen(n, MISSED, rng)), iter(chosen(n, BESIDE, rng))
        positives = sum(not target.is_empty for target in targets)
        false = {
            True: iter(chosen(positives, FALSE, rng)),
            False: iter(chosen(len(targets) - positives, FALSE_ON_NEGATIVES, rng)),
        }
        believed: list[Value] = []
        for target in targets:
            boxes = [box for box in target.boxes if box is not None]
            each = [(box, next(missed), next(beside)) for box in boxes]
            said = [_inside(ANYWHERE if off else box, rng) for box, miss, off in each if not miss]
            if next(false[bool(boxes)]):
                said.append(_inside(ANYWHERE, rng))
            believed.append(Points(tuple(dict.fromkeys(said))))
        return believed


def target_of(said: Iterable[Value], size_wh: tuple[int, int]) -> Points:
    """What labels say as points: of a mask its deepest pixel, of a box its center, points as they are."""
    xy: list[PointXY] = []
    boxes: list[BoxXYXY | None] = []
    masks: list[Mask | None] = []
    radius = 0.0
    for value in said:
        if isinstance(value, Points):
            xy += value.xy_px
            boxes += value.boxes or (None,) * value.size
            masks += value.masks or (None,) * value.size
            radius = max(radius, value.radius_px)
            continue
        found = expect(value, Boxes)
        # Of several boxes with one mask, nobody says which part is whose.
        mask = found.mask if found.size == 1 else None
        for box in found.xyxy_px:
            inner = deepest_point(mask) if mask is not None else None
            xy.append(_nearly_center(inner, box) if inner is not None else center(box))
            boxes.append(box)
            masks.append(mask if inner is not None else None)
    return Points(
        tuple(xy),
        boxes=tuple(boxes) if any(boxes) else (),
        masks=tuple(masks) if any(masks) else (),
        radius_px=(radius or radius_px(size_wh)) if xy and not all(boxes) else 0.0,
    )


def _about(record: Record, about: str) -> list[tuple[Annotation, Value]]:
    return [(one, one.value) for one in record.annotations if one.about == about]


def _nearly_center(inner: PointXY, box: BoxXYXY) -> PointXY:
    """The box's center where the deepest point, known to ``GRID`` steps, may be the same."""
    x1, y1, x2, y2 = box
    step, middle = 1 + max(x2 - x1, y2 - y1) / GRID, center(box)
    return middle if max(abs(inner[0] - middle[0]), abs(inner[1] - middle[1])) <= step else inner


def _has_places(points: Points) -> bool:
    return bool(points.boxes or points.masks or points.radius_px)


def _target(boxes: tuple[BoxXYXY, ...]) -> Points:
    """Whole pixels, which every frame writes exactly on the audit's images."""
    return Points(tuple((float(int(x)), float(int(y))) for x, y in map(center, boxes)), boxes=boxes)


def _inside(box: BoxXYXY, rng: np.random.Generator) -> PointXY:
    x1, y1, x2, y2 = map(int, box)
    return (
        float(rng.integers(x1, x2, endpoint=True)),
        float(rng.integers(y1, y2, endpoint=True)),
    )


TASK = Pointing()
