"""Where reward functions of the user's own contradict what a definition says is right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations

import numpy as np

from vrft.diagnostics.audit.attack import Role
from vrft.diagnostics.audit.audit_plan import Attempt, AuditPlan
from vrft.diagnostics.audit.audited_rule import Rule, collect, setting_rule, values
from vrft.diagnostics.audit.verdicts import FEW, HALF_RIGHT, LEAST_MARGIN, TOLERANCE
from vrft.tasks.defined import DefinedTask
from vrft.tasks.defined.definition import RIGHT

_SHOWN = 80


def contradictions(task: DefinedTask, plan: AuditPlan) -> Iterator[str]:
    """A sentence where functions of the user's own pay in full what ``right`` says is wrong, or what it says
    is as far from right as an answer for which they pay less."""
    if not any(":" in name for name in task.definition.reward):
        return
    plain = DefinedTask(replace(task.definition, reward={RIGHT: 1.0}))
    found = _Compared(task, plan, setting_rule(task, "recommended"), setting_rule(plain, "recommended"))
    rule, greatest = f"right: {task.definition.rule}", "The reward has its greatest value in"
    for name in plan.attempts:
        wrong = found.full[name] & (found.right[name] < HALF_RIGHT)
        if found.is_more_than_chance(wrong):
            yield (
                f"{greatest} {found.shown(name, wrong)}, wrong by {rule}. "
                "Change one of the two, so that both find the same answers right."
            )
            return
    unseen = {(name, other): found.unseen(name, other) for name, other in permutations(found.tried, 2)}
    (name, other), where = max(unseen.items(), key=lambda one: int(one[1].sum()))
    if found.is_more_than_chance(where):
        yield (
            f"{greatest} {found.shown(name, where)}, and less in {found.shown(other, where)}, which are no "
            f"further from right by {rule}: it does not look at what is wrong in the former. Change "
            "one of the two, so that both look at the same."
        )


@dataclass(frozen=True)
class _Compared:
    """What a definition's reward and its ``right`` give for the same answers; arrays are (questions,)."""

    task: DefinedTask
    plan: AuditPlan
    own: Rule
    plain: Rule

    @cached_property
    def paid(self) -> dict[str, np.ndarray]:
        return {name: values(collect(self.own, one.rollouts)) for name, one in self.plan.attempts.items()}

    @cached_property
    def right(self) -> dict[str, np.ndarray]:
        return {name: values(collect(self.plain, one.rollouts)) for name, one in self.plan.attempts.items()}

    @cached_property
    def full(self) -> dict[str, np.ndarray]:
        """Which answers have as much as the right one."""
        return {name: given >= self.paid["gold"] - TOLERANCE for name, given in self.paid.items()}

    @cached_property
    def tried(self) -> tuple[str, ...]:
        """Answers that are wrong, or know no more than the honest policy."""
        roles = (Role.ATTACK, Role.NEAR)
        return tuple(name for name, one in self.plan.attempts.items() if one.attack.role in roles)

    @cached_property
    def near(self) -> dict[str, np.ndarray]:
        """Of each answer, (questions, 2), what ``right`` gives and its similarity with the label."""
        return {name: self._near(self.plan.attempts[name], self.right[name]) for name in self.tried}

    def _near(self, attempt: Attempt, right: np.ndarray) -> np.ndarray:
        near = np.full((len(right), 2), -1.0)  # what is far, or not written as it should be
        for i, (answer, case) in enumerate(zip(attempt.answers, self.plan.cases, strict=True)):
            if answer.formatted and answer.value is not None and right[i] >= HALF_RIGHT:
                near[i] = right[i], self.task.similarity(answer.value, case.target)
        return near

    def unseen(self, name: str, other: str) -> np.ndarray:
        """Where one answer is wrong and has all, and another, no further from right, has less."""
        wrong = (self.near[name][:, 0] >= 0) & (self.right[name] < self.right["gold"] - TOLERANCE)
        no_further = (self.near[other] >= self.near[name] - TOLERANCE).all(axis=1)
        less = self.paid[other] < self.paid["gold"] - LEAST_MARGIN * self.own.high
        found: np.ndarray = self.full[name] & wrong & no_further & less
        return found

    def is_more_than_chance(self, where: np.ndarray) -> bool:
        return bool(where.sum() > FEW * len(where))

    def shown(self, name: str, where: np.ndarray) -> str:
        """How many answers of an attack are meant, and the first of them."""
        first, attempt = int(where.argmax()), self.plan.attempts[name]
        said, target = attempt.answers[first].value, self.plan.cases[first].target
        answer = "" if said is None else short(said.describe())
        return f"{where.sum()} of {len(where)} answers '{name}' ('{answer}' for '{short(target.describe())}')"


def short(text: str) -> str:
    """The begin of a text in one line."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."
