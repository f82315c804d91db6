"""``audit``: attack a reward, judge it, and say so in plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vrft.diagnostics.audit.attacks.attack import Role
from vrft.diagnostics.audit.audit_plan import Trial
from vrft.diagnostics.audit.audited_rule import Rule
from vrft.diagnostics.audit.verdicts import Evidence, Verdict, judge

HEADINGS = ("answer", "kind", "mean reward", "above honest", "failures")


@dataclass(frozen=True)
class Row:
    """What one way of answering earned."""

    name: str
    role: Role
    says: str
    mean: float
    """Over all targets; an answer without a finite value counts 0."""
    above_honest: float
    """Its mean less the honest policy's."""
    failures: int
    """Answers for which the reward raised or returned no finite number."""


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
    """References first, then attacks, then variants of gold; within each, the best paid first."""
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the verdicts that failed."""
        return tuple(verdict.name for verdict in self.verdicts if not verdict.passed)

    @property
    def passed(self) -> bool:
        """Whether every verdict passed."""
        return not self.failed


def audit(rule: Rule, trial: Trial) -> Audit:
    """Attack a reward and judge it.

    Args:
        rule: the reward, from ``setting_rule`` or ``function_rule``.
        trial: targets and answers of the reward's task, from ``lay_out``; one serves many rewards.

    Returns:
        Means and verdicts. What the reward raises is a failed verdict, never an error here.

    Example:
        >>> from vrft.diagnostics.audit.audited_rule import setting_rule
        >>> from vrft.diagnostics.audit.audit_plan import lay_out
        >>> from vrft.tasks.task import load_task
        >>> trial = lay_out(load_task("classification"), targets=60)
        >>> audit(setting_rule(trial.task, "recommended", trial.form), trial).passed
        True
        >>> audit(setting_rule(trial.task, "mended", trial.form), trial).failed
        ('only_the_class_counts', 'no_attack_above_honest', 'exploit_margin')
    """
    evidence, verdicts = judge(rule, trial)
    order = list(Role)
    rows = sorted(_rows(evidence), key=lambda row: (order.index(row.role), -row.mean, row.name))
    return Audit(
        reward=rule.name,
        task=trial.task.name,
        form=str(trial.form),
        frame=trial.frame,
        seed=trial.seed,
        targets=len(trial.cases),
        range=(0.0, rule.high),
        rows=tuple(rows),
        verdicts=verdicts,
    )


def as_json(found: Audit) -> dict[str, Any]:
    """An audit as plain values, every number finite or null.

    Returns:
        ``reward``, ``task``, ``form``, ``frame``, ``seed``, ``targets``, ``range``, ``passed``, ``failed``
        (names), ``honest`` and ``gold`` (means), ``attacks`` (the rows) and ``verdicts``: each with ``name``,
        ``passed``, ``measured``, ``says``, and for a failed one the ``attack`` and the ``sample`` that show
        it best and ``also``, the other attacks that do.
    """
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


def _rows(evidence: Evidence) -> Sequence[Row]:
    honest = evidence.means["honest"]
    return [
        Row(
            name=name,
            role=attempt.attack.role,
            says=attempt.attack.says,
            mean=evidence.means[name],
            above_honest=evidence.means[name] - honest,
            failures=sum(bool(payment.problem) for payment in evidence.paid[name]),
        )
        for name, attempt in evidence.trial.attempts.items()
    ]
