"""What an attack is and may look at, the decorator that enters one in the library, and those of a task."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np

from vrft.tasks.prompt_text import in_tags
from vrft.tasks.task import Task
from vrft.types import (
    Answer,
    BoxXYXY,
    Completion,
    CoordinateFrame,
    Example,
    Image,
    Prompt,
    Rollout,
    Turn,
    Value,
)

BOXES, LABEL, OTHER = "boxes", "label", "other"
"""Traits: the kind of value that a task asks for."""
MANY, SINGLE = "many", "single"
"""Traits: an answer has any number of parts, or one."""
CONFIDENCES = "confidences"
"""Trait: each part of an answer has one."""
THOUGHT = "I look at the image."


@dataclass(frozen=True)
class Case:
    """One question with its target."""

    task: Task
    example: Example
    frames: tuple[CoordinateFrame, ...]
    belief: Value
    """What the honest policy takes for right."""
    other: Value
    """Another question's target, which is wrong here."""
    targets: tuple[Value, ...] = ()
    """Those of all questions."""
    names: tuple[str, ...] = ()
    """Of classes, the right answers to questions like this one."""

    @property
    def target(self) -> Value:
        assert self.example.target is not None
        return self.example.target

    @property
    def boxes(self) -> tuple[BoxXYXY, ...]:
        """The labelled boxes; none where none are asked for."""
        return getattr(self.target, "xyxy_px", ())

    @property
    def name(self) -> str:
        """The right class name; empty where none is asked for."""
        return getattr(self.target, "name", "")

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return getattr(self.target, "vocabulary", ())

    def write(self, value: Value) -> str:
        """A value as the task writes answers, tags included."""
        whole = self.task.completed_for_audit(value, self.belief, self.target)
        return self.task.gold(replace(self.example, target=whole), self.frames)

    def content(self, value: Value) -> str:
        """The same without tags."""
        return self.write(value).rpartition("<answer>")[2].removesuffix("</answer>")

    def gold(self) -> str:
        return self.write(self.target)

    def honest(self) -> str:
        return self.write(self.belief)

    def answer(self, content: str, thought: str = THOUGHT) -> str:
        """Any content in the demanded tags."""
        return in_tags(content, thought, self.example.form)

    @cached_property
    def seen_alike(self) -> Hashable:
        """Equal where a parser, which never looks at the target, has the same before it."""
        asked = self.example
        media = tuple(replace(one, path=Path()) if isinstance(one, Image) else one for one in asked.media)
        return (asked.question, asked.form, asked.options, repr(asked.fields), media, self.frames)

    def read(self, text: str, known: dict[Hashable, Answer] | None = None) -> Rollout:
        """A text as an answer, parsed as the task does.

        Args:
            text: a whole answer.
            known: answers that were parsed before; many attacks say the same of every image.
        """
        turns = (Turn(Prompt(frames=self.frames), Completion(text)),)
        if known is None:
            return Rollout(self.example, turns, self.task.parse_turns(self.example, turns))
        key = (text, self.seen_alike)
        if key not in known:
            known[key] = self.task.parse_turns(self.example, turns)
        return Rollout(self.example, turns, known[key])


Write = Callable[[Case, np.random.Generator], str]
"""From a question, and a source of random choices, to an answer's whole text."""


class Role(StrEnum):
    """What an answer stands for, which decides what it is compared with."""

    REFERENCE = "reference"
    """Answers of good faith: gold, gold with jitter, honest. The others are measured against them."""
    ATTACK = "attack"
    """Answers that know no more than the honest policy, or are wrong: they must stay clearly below it."""
    RESTATED = "restated"
    """The honest policy's boxes, written as they should not be: their reward must not be higher than its
    reward, but may be as high where the rule ignores what is odd about them."""
    VARIANT = "variant"
    """The gold answer in another dress, or damaged: its reward may be gold's and no more, and is not compared
    with that of the honest policy, which knows less."""
    NEAR = "near"
    """The gold answer but for one thing, which makes it wrong: compared as variants are. Between them ``vrft
    task check`` sees what a reward does not look at."""


@dataclass(frozen=True)
class Attack:
    """One way to answer every question of an audit."""

    name: str
    says: str
    """One sentence for people."""
    role: Role
    needs: frozenset[str]
    """Traits of the tasks on which it can be written."""
    from_label: bool
    """It is made from labelled parts or from the honest policy's; without any it answers as that one does."""
    function: Write

    def write(self, case: Case, rng: np.random.Generator) -> str:
        if self.from_label and case.target.is_empty:
            return case.honest()
        return self.function(case, rng)


LIBRARY: dict[str, Attack] = {}
"""Every attack of the modules in ``attacks``, by its name."""


def attack(*needs: str, role: Role = Role.ATTACK, from_label: bool = False) -> Callable[[Write], Write]:
    """Enter a function in the library under its own name; its docstring tells people what it does.

    Args:
        needs: traits of the tasks on which it can be written; every task if none is named.
        role: what its answers are compared with.
        from_label: as in ``Attack``.
    """

    def enter(function: Write) -> Write:
        name = function.__name__
        assert name not in LIBRARY, f"two attacks are called {name}"
        LIBRARY[name] = _attack(name, function, role, frozenset(needs), from_label)
        return function

    return enter


def traits_of(task: Task) -> frozenset[str]:
    """What decides which attacks can be written in a task's answers."""
    kind = task.answer.kind if task.answer.kind in (BOXES, LABEL) else OTHER
    return frozenset(
        {kind, MANY if task.many_parts else SINGLE} | ({CONFIDENCES} if task.has_confidences else set())
    )


def attacks_on(task: Task) -> tuple[Attack, ...]:
    """Every way of answering that can be written in a task's answers, its own included, references first."""
    package = import_module("vrft.diagnostics.audit.attacks")
    for module in sorted(m.name for m in iter_modules(package.__path__)):
        import_module(f"{package.__name__}.{module}")
    traits = traits_of(task)
    found = {name: attack for name, attack in LIBRARY.items() if attack.needs <= traits}
    for role, own in ((Role.ATTACK, task.attacks), (Role.NEAR, task.near_misses)):
        found |= {name: _attack(name, write, role, frozenset(), False) for name, write in own.items()}
    order = list(Role)
    return tuple(sorted(found.values(), key=lambda attack: (order.index(attack.role), attack.name)))


def _attack(name: str, function: Write, role: Role, needs: frozenset[str], from_label: bool) -> Attack:
    return Attack(name, " ".join((function.__doc__ or "").split()), role, needs, from_label, function)
