"""``audit``: attack a reward, judge it, and say so in plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from vrft.diagnostics.audit.attack import Role
from vrft.diagnostics.audit.audit_plan import AuditPlan
from vrft.diagnostics.audit.audited_rule import Rule, changes_in_training
from vrft.diagnostics.audit.evidence import Verdict
from vrft.diagnostics.audit.verdicts import judge

HEADINGS = ("answer", "kind", "mean reward", "above honest", "failures")


@dataclass(frozen=True)
class Row:
    """The mean reward of one way of answering."""

    name: str
    role: Role
    says: str
    mean: float
    """Over all targets; an answer without a finite value counts 0."""
    above_honest: float
    """Its mean less the honest policy's."""
    failures: int
    """Answers for which the reward raised or did not return a finite number."""


@dataclass(frozen=True)
class Audit:
    """A judged reward."""

    reward: str
    task: str
    form: str
    frame: str
    seed: int
    targets: int
    range: tuple[float, float]
    """What the reward declares."""
    rows: tuple[Row, ...]
    """References first, then attacks, then variants of gold; within each, the highest mean first."""
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        return tuple(verdict.name for verdict in self.verdicts if not verdict.passed)

    @property
    def fails_on_gold(self) -> bool:
        """The reward gave no right answer a number: its means say nothing, and there is one verdict alone."""
        return next(row for row in self.rows if row.name == "gold").failures == self.targets

    @property
    def passed(self) -> bool:
        return not self.failed


def audit(rule: Rule, plan: AuditPlan) -> Audit:
    """Attack a reward and judge it; what it raises is a failed verdict, never an error here.

    Args:
        rule: the reward, from ``setting_rule`` or ``function_rule``.
        plan: questions and answers of the reward's task, from ``lay_out``; one serves many rewards.

    Example:
        >>> from vrft.diagnostics.audit.audited_rule import setting_rule
        >>> from vrft.diagnostics.audit.audit_plan import lay_out
        >>> from vrft.tasks.registry import load_task
        >>> plan = lay_out(load_task("classification"), targets=60)
        >>> audit(setting_rule(plan.task, "recommended"), plan).passed
        True
        >>> audit(setting_rule(plan.task, "released_fixed"), plan).failed
        ('only_the_class_counts', 'no_attack_above_honest', 'exploit_margin', 'no_far_answer_is_right')
    """
    evidence, verdicts = judge(rule, plan)
    if changes_in_training(rule):
        late = {verdict.name: verdict for verdict in judge(rule, plan, progress=1.0)[1]}
        verdicts = tuple(_worse(one, late.get(one.name, one)) for one in verdicts)
    order, honest = list(Role), evidence.means["honest"]
    rows = [
        Row(
            name=name,
            role=attempt.attack.role,
            says=attempt.attack.says,
            mean=evidence.means[name],
            above_honest=evidence.means[name] - honest,
            failures=sum(bool(one.problem) for one in evidence.rewards[name]),
        )
        for name, attempt in plan.attempts.items()
    ]
    rows.sort(key=lambda row: (order.index(row.role), -row.mean, row.name))
    return Audit(
        reward=rule.name,
        task=plan.task.name,
        form=str(plan.form),
        frame=plan.frame,
        seed=plan.seed,
        targets=len(plan.cases),
        range=(0.0, rule.high),
        rows=tuple(rows),
        verdicts=verdicts,
    )


def _worse(early: Verdict, late: Verdict) -> Verdict:
    """The verdict of the training's begin, unless only that of its end fails."""
    if late.passed or not early.passed:
        return early
    return replace(late, says=f"At the end of the training: {late.says}")


def as_json(found: Audit) -> dict[str, Any]:
    """An audit as plain values, every number finite or null."""
    means = {row.name: row.mean for row in found.rows}
    plain = asdict(found)
    return {
        **{key: plain[key] for key in ("reward", "task", "form", "frame", "seed", "targets")},
        "range": list(found.range),
        "passed": found.passed,
        "failed": list(found.failed),
        "gold": means["gold"],
        "honest": means["honest"],
        "verdicts": plain["verdicts"],
        "attacks": [{**row, "role": str(row["role"])} for row in plain["rows"]],
    }


def table_rows(found: Audit) -> list[tuple[str, ...]]:
    """The means as text for a table under ``HEADINGS``; a report and the command line show the same."""
    return [
        (row.name, str(row.role), f"{row.mean:.3f}", f"{row.above_honest:+.3f}", str(row.failures or ""))
        for row in found.rows
    ]


def verdict_rows(found: Audit) -> list[tuple[str, ...]]:
    """The verdicts as text: name, 'passed' or 'FAILED', the sentence."""
    return [(v.name, "passed" if v.passed else "FAILED", v.says) for v in found.verdicts]
