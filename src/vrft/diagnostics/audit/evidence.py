"""What a reward gave for every answer of an audit, and a property of it that was judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vrft.diagnostics.audit.attack import Role
from vrft.diagnostics.audit.audit_plan import AuditPlan
from vrft.diagnostics.audit.audited_rule import Rule, RuleValue, values
from vrft.types import Prediction

_SAMPLE_CHARS = 400


@dataclass(frozen=True)
class Verdict:
    """One property, judged."""

    passed: bool
    measured: Mapping[str, float | int | None]
    """The figures it was judged by."""
    says: str
    """One sentence for people."""
    attack: str = ""
    """What shows a failure best: an attack's name, or a ladder in words."""
    sample: str = ""
    """One such answer's text, shortened."""
    also: tuple[str, ...] = ()
    """Other attacks that show it."""
    name: str = ""
    """Of the property: that of the function that judged it."""


@dataclass(frozen=True)
class Evidence:
    """What a rule gave for every answer of a plan."""

    rule: Rule
    plan: AuditPlan
    rewards: Mapping[str, Sequence[RuleValue]]
    """By attack, one for each target."""
    climbs: Sequence[Sequence[RuleValue]]
    """By ladder, one for each rung."""
    progress: float = 0.0
    """How much of the training was done."""
    means: Mapping[str, float] = field(init=False)
    """By attack; a failure counts 0."""

    def __post_init__(self) -> None:
        means = {name: float(values(given).mean()) for name, given in self.rewards.items()}
        object.__setattr__(self, "means", means)

    def of(self, *roles: Role) -> list[str]:
        return [name for name, attempt in self.plan.attempts.items() if attempt.attack.role in roles]

    def metric_agrees(self, name: str) -> bool:
        """Whether the task's headline metric, too, finds an attack no worse than the honest policy."""
        if not self.plan.task.metrics:
            return False
        metric = self.plan.task.metrics[0]
        found, honest = (
            metric.value([Prediction(one.example, one.answer) for one in self.plan.attempts[given].rollouts])
            for given in (name, "honest")
        )
        return found >= honest if metric.higher_is_better else found <= honest

    def sample(self, name: str, index: int) -> str:
        return shortened(self.plan.attempts[name].rollouts[index].completion.text)

    def answers(self) -> list[tuple[str, str, RuleValue]]:
        """Every answer: what it shows, its text, its reward."""
        groups = [
            (name, self.plan.attempts[name].rollouts, rewards) for name, rewards in self.rewards.items()
        ]
        climbs = zip(self.plan.ladders, self.climbs, strict=True)
        groups += [(ladder.says, ladder.rollouts, rewards) for ladder, rewards in climbs]
        return [
            (shows, rollout.completion.text, one)
            for shows, rollouts, rewards in groups
            for rollout, one in zip(rollouts, rewards, strict=True)
        ]


def shortened(text: str) -> str:
    """The first 400 characters of a text, and how many more there are."""
    rest = len(text) - _SAMPLE_CHARS
    return text if rest <= 0 else f"{text[:_SAMPLE_CHARS]} ... {rest} more chars."
