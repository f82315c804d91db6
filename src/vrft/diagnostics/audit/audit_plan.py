"""All that an audit asks of a reward, laid out once for a task: questions, and every attack's answers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from zlib import crc32

import numpy as np

from vrft.diagnostics.audit.attack import BOXES, Attack, Case, attacks_on
from vrft.errors import InputError
from vrft.geometry.jitter import SIDE, box_apart, shrunk_about_center
from vrft.tasks.task import Task
from vrft.types import Answer, Boxes, BoxXYXY, Example, Form, FrameName, Rollout, Value

TARGETS = 500
LEAST_TARGETS = 60
"""Below this, shares such as one in five and images for the ladders cannot be had."""
HALF, NEARLY = 0.52, 0.95
"""Rungs between which the reward must still rise: just above the usual threshold, and nearly right."""
RUNGS = tuple(sorted({*(round(0.05 * i, 2) for i in range(21)), 0.48, HALF}))
"""IoU of the climbing boxes, from none to exact."""
RUNG_CONFIDENCES = (0.0, 0.25, 0.5, 0.75, 1.0)
LADDER_IMAGES = 12
"""Ladders of every kind."""
LADDER_BOXES = (1, 3)
"""Ladders are built on images with so many boxes."""
TOGETHER = "all boxes climb"
_Boxes = tuple[BoxXYXY, ...]


@dataclass(frozen=True)
class Attempt:
    """One attack on all targets, in the order of the cases."""

    attack: Attack
    rollouts: tuple[Rollout, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(rollout.completion.text for rollout in self.rollouts)

    @property
    def answers(self) -> tuple[Answer, ...]:
        return tuple(rollout.answer for rollout in self.rollouts)


@dataclass(frozen=True)
class Ladder:
    """The same answer with better and better boxes, one for each of ``RUNGS``."""

    case: Case
    kind: str
    """Which boxes climb."""
    confidence: float
    rollouts: tuple[Rollout, ...]

    @property
    def says(self) -> str:
        boxes = len(self.case.boxes)
        rated = f", confidence {self.confidence:g}" if self.case.task.has_confidences else ""
        return f"{boxes} labelled {'box' if boxes == 1 else 'boxes'}, {self.kind}{rated}"


@dataclass(frozen=True)
class AuditPlan:
    """The questions of an audit and every answer to them."""

    task: Task
    form: Form
    frame: FrameName
    seed: int
    cases: tuple[Case, ...]
    attempts: Mapping[str, Attempt]
    ladders: tuple[Ladder, ...]
    """None where no boxes are asked for."""


def lay_out(
    task: Task,
    *,
    form: Form = Form.THINK,
    frame: FrameName = "norm1000",
    targets: int = TARGETS,
    seed: int = 0,
    update: Callable[[int, str], None] = lambda count, note: None,
) -> AuditPlan:
    """Draw the questions, write every attack's answer to each, and parse it as the task does."""
    if targets < LEAST_TARGETS:
        raise InputError(f"targets: {targets} are too few for an audit. Set {LEAST_TARGETS} or more.")
    examples = [replace(e, form=form) for e in task.audit_examples(targets, np.random.default_rng([seed, 0]))]
    cases = _cases(task, frame, examples, np.random.default_rng([seed, 1]))
    attempts = {}
    known: dict[Hashable, Answer] = {}
    for attack in attacks_on(task):
        rng = np.random.default_rng([seed, 2, crc32(attack.name.encode())])
        attempts[attack.name] = Attempt(
            attack, tuple(case.read(attack.write(case, rng), known) for case in cases)
        )
        update(1, attack.name)
    boxes = task.answer.kind == BOXES
    ladders = build_ladders(cases, np.random.default_rng([seed, 3])) if boxes else []
    return AuditPlan(task, form, frame, seed, cases=cases, attempts=attempts, ladders=tuple(ladders))


def _cases(
    task: Task, frame: FrameName, examples: Sequence[Example], rng: np.random.Generator
) -> tuple[Case, ...]:
    sizes = {medium.size_wh for example in examples for medium in example.media}
    if task.answer.kind == BOXES and sizes != {(SIDE, SIDE)}:
        raise InputError(
            f"{task.name} cannot be audited: its audit_examples must show images of {SIDE} by {SIDE} pixels."
        )
    targets = [example.target for example in examples if example.target is not None]
    if len(targets) < len(examples):
        raise InputError(f"{task.name} cannot be audited: each of its audit_examples must have a target.")
    every = tuple(targets)
    names: dict[str, set[str]] = {}
    for example, target in zip(examples, targets, strict=True):
        names.setdefault(example.question, set()).add(getattr(target, "name", ""))
    return tuple(
        Case(
            task=task,
            example=example,
            frames=tuple(medium.frame(frame, medium.size_wh) for medium in example.media),
            belief=belief,
            other=_other(targets, place),
            targets=every,
            names=tuple(sorted(names[example.question] - {""})),
        )
        for place, (example, belief) in enumerate(
            zip(examples, task.audit_beliefs(examples, rng), strict=True)
        )
    )


def _other(targets: Sequence[Value], place: int) -> Value:
    """The next target that says something else; the same where there is none."""
    own = targets[place]
    return next((t for t in [*targets[place + 1 :], *targets[:place]] if not own.same_as(t)), own)


def build_ladders(cases: Sequence[Case], rng: np.random.Generator) -> list[Ladder]:
    """Ladders on the first images with one box and with three, one for every image, kind and confidence.

    On each, all boxes climb together; where there are three, also one alone while the other two are missing,
    and one alone while the other two are right. The lowest rung is a box apart from every label; the boxes of
    the others contain each other.
    """
    ladders = []
    for count in LADDER_BOXES:
        for case in [case for case in cases if len(case.boxes) == count][:LADDER_IMAGES]:
            gold = case.boxes
            apart = [box_apart(gold, rng) for _ in gold]
            kinds: list[tuple[str, _Boxes, _Boxes]] = [(TOGETHER, gold, ())]
            if count > 1:
                kinds.append(("one climbs, the others are missing", gold[:1], ()))
                kinds.append(("one climbs, the others are right", gold[:1], gold[1:]))
            confidences = RUNG_CONFIDENCES if case.task.has_confidences else (1.0,)
            for (kind, climbing, right), confidence in product(kinds, confidences):
                texts = [_rung(case, climbing, right, apart, rung, confidence) for rung in RUNGS]
                ladders.append(Ladder(case, kind, confidence, tuple(map(case.read, texts))))
    return ladders


def _rung(
    case: Case,
    climbing: _Boxes,
    right: _Boxes,
    apart: list[BoxXYXY],
    rung: float,
    confidence: float,
) -> str:
    boxes = [shrunk_about_center(box, rung) for box in climbing] if rung else apart[: len(climbing)]
    scores = (confidence,) * len(boxes) + (1.0,) * len(right)
    return case.write(Boxes((*boxes, *right), scores=scores))
