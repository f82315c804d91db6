"""3-D boxes: centre, size and yaw of every object of a category, or of what a phrase means."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from vrft.errors import InputError
from vrft.rewards import box_3d_rewards
from vrft.rewards import text_rewards as texts
from vrft.tasks.attacks import AuditCase, by_name
from vrft.tasks.boxes_3d.box_3d_metrics import FOUND, METRICS
from vrft.tasks.parsing.abstentions import is_abstention, is_demanded
from vrft.tasks.parsing.answer_parsers import answered
from vrft.tasks.parsing.brackets import Group, Item, numbers_of
from vrft.tasks.parsing.scanner import scan
from vrft.tasks.parsing.tags import split_tags
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.task import Setting, Task, audit_example, chosen
from vrft.types import Answer, Boxes3D, CoordinateFrame, Example, Fault, Record, Value, expect
from vrft.types.boxes_3d import LAYOUT, Angle, Box3D, Up, from_layout, to_layout, tokens_of

SETTINGS: Mapping[str, Setting] = {
    "recommended": {
        "iou": box_3d_rewards.iou_3d_matched,
        "closeness": box_3d_rewards.closeness_3d,
        "format": texts.format_reward,
    }
}
TERMS: Setting = {"length_soft_overlong": texts.length_soft_overlong, "no_repetition": texts.no_repetition}
"""What ``reward.weights`` may add to a setting."""
KEY = "bbox_3d"
FAR = 1e6
"""No number of a box is greater."""
DIGITS = 4
_AXES: Mapping[Up, str] = {
    "z": "x and y lie on the ground and z points up; the yaw turns about z, from x to y",
    "y": "x points to the right, y down and z away from the camera, which is at the origin; the yaw turns "
    "about y, from z to x",
}


def _scene(case: AuditCase) -> list[list[float]]:
    return [list(box) for box in expect(case.target, Boxes3D).each]


def _written(case: AuditCase, boxes: Sequence[Sequence[float]]) -> str:
    return case.answer(json.dumps([{KEY: [round(n, DIGITS) for n in box]} for box in boxes]))


def repeated(case: AuditCase, rng: np.random.Generator) -> str:
    """One box five times, as reports on SUN RGB-D show it."""
    return _written(case, _scene(case)[:1] * 5)


def grid_of_boxes(case: AuditCase, rng: np.random.Generator) -> str:
    """A box in each of 64 places of the room."""
    return _written(case, [[x, y, z, 1, 1, 1, 0] for x, y, z in product((-3, -1, 1, 3), repeat=3)])


def whole_room(case: AuditCase, rng: np.random.Generator) -> str:
    """One box around everything."""
    return _written(case, [[0, 0, 0, 10, 10, 10, 0]])


def flat_boxes(case: AuditCase, rng: np.random.Generator) -> str:
    """Boxes without a height at the right places."""
    return _written(case, [[*box[:5], 0, box[6]] for box in _scene(case)])


ATTACKS = by_name(repeated, grid_of_boxes, whole_room, flat_boxes)


@dataclass(frozen=True)
class BoxesInSpace(Task):
    """Boxes in the labels' own space and unit.

    Args:
        layout: what the numbers of an answer are, and in which order.
        angle: 'rad' or 'deg', of the yaw in answers.
    """

    layout: str = LAYOUT
    angle: Angle = "rad"

    name = "boxes_3d"
    help = "Find objects in space: center, size and yaw."
    answer = Boxes3D
    needs = frozenset({("category", "boxes3d")})
    or_needs = (frozenset({("phrase", "boxes3d")}),)
    is_default = True
    many_parts = True
    example_answer = f'[{{"{KEY}": [{", ".join(LAYOUT.split())}]}}]'
    settings = SETTINGS
    terms = TERMS
    metrics = METRICS
    attacks = ATTACKS
    success_rule = "a sum of 3-D IoU of at least 0.25 of the greater number of boxes"
    score_rule = "sum of 3-D IoU over the greater number of boxes"

    def __post_init__(self) -> None:
        for up in _AXES:
            tokens_of(self.layout, up)

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question for each phrase, and for each category of which every object is labelled."""
        found = []
        for record in records:
            joined: dict[tuple[str, str], list[Boxes3D]] = {}
            for about in ("phrase", "category"):
                for one, boxes in record.about(about, Boxes3D):
                    if about == "phrase" or record.known({one.name}):
                        joined.setdefault((about, one.name), []).append(boxes)
            for (about, name), several in joined.items():
                target = replace(several[0], boxes=tuple(box for one in several for box in one.boxes))
                fields: dict[str, object] = {"up": target.up} if target.up != "z" else {}
                fields |= {"unit": target.unit} if target.unit != "m" else {}
                fields |= {"intrinsics": list(target.intrinsics)} if target.intrinsics else {}
                group = name if about == "category" else "phrase"
                found.append(self.example(record, f"{about[0]}-{name}", name, target, group, fields=fields))
        return found

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        bare = _space(example)
        degrees = "degrees" if self.angle == "deg" else "radians"
        numbers = ", ".join(self.layout.split())
        return (
            f"Find every '{example.question}' in the image, as a box in space with the numbers {numbers}. "
            f"These are its centre and its sizes along x, y and z in {_unit(bare.unit)}, and its yaw in "
            f"{degrees}. Axes: {_AXES[bare.up]}. If there is none, answer No Objects.\n"
            + answer_instructions(f'[{{"{KEY}": [{numbers}]}}]', example.form)
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        target = expect(example.target, Boxes3D)
        rows = [to_layout(box, self.layout, self.angle, target.up) for box in target.each]
        content = (
            json.dumps([{KEY: [round(n, DIGITS) for n in row]} for row in rows]) if rows else "No Objects"
        )
        return in_tags(content, f"I look for each '{example.question}' in space.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """Every object with a box, and lists of as many numbers as the layout has."""
        sections, bare = split_tags(text, example.form), _space(example)
        if not sections.content:
            return answered(text, sections, (Fault.EMPTY,), None)
        rows, faults = _rows(sections.content, len(self.layout.split()))
        boxes: list[Box3D] = []
        for row in rows:
            try:
                if not all(abs(n) <= FAR for n in row):
                    raise InputError("A number is too great.")
                boxes.append(from_layout(row, self.layout, self.angle, bare.up))
            except InputError:
                faults.append(Fault.BAD_BOX)
        if len(set(boxes)) < len(boxes):
            faults.append(Fault.REPEATED_BOX)
        value: Value | None = replace(bare, boxes=tuple(boxes)) if boxes else None
        if value is None and not rows:
            said = is_abstention(sections.content) or "".join(sections.content.split()) == "[]"
            value, faults = (bare, faults) if said else (None, [*faults, Fault.NOT_READABLE])
            faults += [Fault.OTHER_NOTATION] if said and not is_demanded(sections.content) else []
        return answered(text, sections, tuple(faults), value)

    def similarity(self, one: Value, other: Value) -> float:
        if not (isinstance(one, Boxes3D) and isinstance(other, Boxes3D)):
            return 0.0
        return box_3d_rewards.iou_3d_matched(Answer(one), other)

    def success(self, answer: Answer, target: Value) -> bool:
        return self.score(answer, target) >= FOUND

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """One to three boxes in a room of ten metres."""
        return [
            audit_example(self.name, i, "chair", Boxes3D(tuple(_drawn(rng) for _ in range(n))), "chair")
            for i, n in enumerate(rng.integers(1, 4, count))
        ]

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        """The labelled boxes a little moved, stretched and turned; one in five elsewhere."""
        found: list[Value] = []
        for example in examples:
            target = expect(example.target, Boxes3D)
            missed = chosen(target.size, 0.2, rng) if target.size > 4 else rng.random(target.size) < 0.2
            boxes = [
                _drawn(rng) if miss else _moved(box, rng)
                for box, miss in zip(target.each, missed, strict=True)
            ]
            found.append(replace(target, boxes=tuple(boxes)))
        return found


def _rows(content: str, count: int) -> tuple[list[tuple[float, ...]], list[Fault]]:
    """Lists of numbers under the key, or bare ones of the layout's length; and what is odd."""
    rows: list[tuple[float, ...]] = []
    faults: list[Fault] = []
    found = scan(content)
    waiting: list[tuple[str | None, Item]] = [(None, found.root)]
    while waiting:
        key, group = waiting.pop(0)
        if not isinstance(group, Group):
            continue
        numbers = numbers_of(group)
        if numbers and (key == KEY or len(numbers) == count):
            rows.append(numbers)
            faults += [] if key == KEY else [Fault.OTHER_NOTATION]
            faults += [] if len(numbers) == count else [Fault.BAD_BOX]
        elif numbers or (key == KEY):
            faults.append(Fault.BAD_BOX)
        else:
            waiting += group.entries
    if rows and not found.clean:
        faults.append(Fault.OTHER_NOTATION)
    if found.truncated:
        faults.append(Fault.TRUNCATED)
    return [row for row in rows if len(row) == count], faults


def _space(example: Example) -> Boxes3D:
    """No boxes, in the space of a question."""
    fields: Any = example.fields
    camera = fields.get("intrinsics")
    return Boxes3D(
        up=fields.get("up", "z"),
        unit=fields.get("unit", "m"),
        intrinsics=None if camera is None else tuple(camera),
    )


def _unit(unit: str) -> str:
    return {"m": "metres", "cm": "centimetres", "mm": "millimetres"}.get(unit, unit)


def _drawn(rng: np.random.Generator) -> Box3D:
    """Two decimals, so that it is written exactly."""
    numbers = (*rng.uniform(-4, 4, 3), *rng.uniform(0.4, 2, 3), rng.uniform(-1.5, 1.5))
    x, y, z, dx, dy, dz, yaw = (round(float(n), 2) for n in numbers)
    return (x, y, z, dx, dy, dz, yaw)


def _moved(box: Box3D, rng: np.random.Generator) -> Box3D:
    size = [n * rng.uniform(0.92, 1.08) for n in box[3:6]]
    place = [n + rng.uniform(-0.06, 0.06) * side for n, side in zip(box[:3], size, strict=True)]
    x, y, z, dx, dy, dz, yaw = (round(float(n), 3) for n in (*place, *size, box[6] + rng.uniform(-0.1, 0.1)))
    return (x, y, z, dx, dy, dz, yaw)


TASK = BoxesInSpace()
