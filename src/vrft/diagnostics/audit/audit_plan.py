"""All that an audit asks of a reward, laid out once for a task: targets, answers as text and as parsed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from vrft.diagnostics.audit.attacks.attack import Attack
from vrft.diagnostics.audit.attacks.library import attacks_on
from vrft.diagnostics.audit.audit_case import NOTATIONS, Case, Notation
from vrft.diagnostics.audit.audit_targets import make_examples
from vrft.diagnostics.audit.honest import honest_guesses
from vrft.diagnostics.audit.jitter import SIDE
from vrft.diagnostics.audit.ladder import Ladder, build_ladders
from vrft.errors import InputError
from vrft.geometry.frames import FrameKind, View
from vrft.tasks.task import Task
from vrft.types import Answer, Form

TARGETS = 500
LEAST_TARGETS = 60
"""Below this, shares such as one in five and pictures for the ladders cannot be had."""


@dataclass(frozen=True)
class Attempt:
    """One attack on all targets."""

    attack: Attack
    texts: tuple[str, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Trial:
    """The questions of an audit and every answer to them, in the order of the cases."""

    task: Task
    form: Form
    frame: FrameKind
    seed: int
    cases: tuple[Case, ...]
    attempts: Mapping[str, Attempt]
    ladders: tuple[Ladder, ...]
    """None where classes are asked for."""


def lay_out(
    task: Task,
    form: Form = Form.THINK,
    frame: FrameKind = "thousand",
    targets: int = TARGETS,
    seed: int = 0,
    advance: Callable[[int, str], None] = lambda count, note: None,
) -> Trial:
    """Draw the targets, write every attack's answer to each, and parse it as the task does.

    Args:
        task: detection, grounding or classification.
        form: how answers are asked for.
        frame: how coordinates are written, on pictures of 1000 by 1000 pixels.
        targets: how many, at least 60.
        seed: the source of every choice; an attack's answers do not depend on which others there are.
        advance: called after each attack with 1 and its name.

    Raises:
        InputError: too few targets, or a task whose notation the audit does not know.
    """
    if targets < LEAST_TARGETS:
        raise InputError(f"{targets} targets are too few; an audit needs at least {LEAST_TARGETS}.")
    attacks = attacks_on(task.name)
    view = View(frame, (SIDE, SIDE), (SIDE, SIDE))
    examples = make_examples(task.name, targets, np.random.default_rng([seed, 0]))
    guesses = honest_guesses(examples, np.random.default_rng([seed, 1]))
    cases = tuple(Case(task, e, view, form, g) for e, g in zip(examples, guesses, strict=True))
    attempts = {}
    for attack in attacks:
        rng = np.random.default_rng([seed, 2, crc32(attack.name.encode())])
        texts = tuple(attack.write(case, rng) for case in cases)
        answers = tuple(task.parse(text, view, form) for text in texts)
        attempts[attack.name] = Attempt(attack, texts, answers)
        advance(1, attack.name)
    boxes = NOTATIONS[task.name] is not Notation.NAME
    ladders = build_ladders(list(cases), np.random.default_rng([seed, 3])) if boxes else []
    return Trial(task, form, frame, seed, cases, attempts, tuple(ladders))
