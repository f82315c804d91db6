"""A task before anybody trains on it: proposed from labels, and tried by laws and by the audit."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vrft.config.questions import ask_about
from vrft.data.dataset import labels_for, load_dataset
from vrft.diagnostics.audit.attack import Role, attacks_on
from vrft.diagnostics.audit.audit_plan import AuditPlan, lay_out
from vrft.diagnostics.audit.audited_rule import setting_rule
from vrft.diagnostics.audit.evidence import Verdict
from vrft.diagnostics.audit.run_audit import Audit, audit
from vrft.diagnostics.task_laws import LAWS, broken_laws
from vrft.errors import InputError
from vrft.evaluation.predictor import read_predictions
from vrft.progress import NullReporter, ProgressReporter
from vrft.tasks.defined import DefinedTask
from vrft.tasks.defined.definition import answer_types
from vrft.tasks.defined.proposal import Proposal, propose
from vrft.tasks.registry import load_task
from vrft.tasks.task import Task
from vrft.types import Example, Form, distinct
from vrft.workflows.contradictions import contradictions, short
from vrft.workflows.requests import TaskCheckRequest, TaskNewRequest, reading_of
from vrft.workflows.search_weights import search_weights

LAW_QUESTIONS = 12
"""Of an audit, on which the laws are tried in each form."""
USUAL = 0.5
"""Share of one answer above which labels say little about a rule: a policy that never looks is right so
often."""


@dataclass(frozen=True)
class TaskCheck:
    """What was found of a task."""

    task: str
    laws: int
    """How many were tried."""
    audit: Audit
    refusals: tuple[str, ...]
    """Each a sentence with the attack or the law, and what to do."""
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.refusals


def new_task(request: TaskNewRequest) -> Proposal:
    """Propose a definition from labels.

    Raises:
        InputError: the labels cannot be read, or are no answers of the type that is asked for.
    """
    reading, kind = reading_of(request), answer_types().get(request.type or "")
    reads = [frozenset({pair}) for pair in kind.reads] if kind is not None else []
    if reads:
        dataset = load_dataset(request.labels, reads[0], reading, reads[1:])
    else:
        dataset = load_dataset(request.labels, options=reading)
    name = request.out.stem if request.out is not None else request.labels.resolve().name
    name = "".join(c if c.isalnum() else "_" for c in name)
    name = name if name.isidentifier() else f"task_{name}"
    return propose(dataset.records, name, str(request.labels), request.type)


def check_task(request: TaskCheckRequest, reporter: ProgressReporter | None = None) -> TaskCheck:
    """Try the laws on a task, and attack its reward.

    Raises:
        InputError: the definition or the labels cannot be read.
    """
    with redirect_stdout(sys.stderr):  # what the user's reward prints goes where sentences go
        task = load_task(request.definition)
        notes, asked = _on_data(task, request) if request.data is not None else ([], [])
        tried, refusals = task, []
        targets = [example.target for example in asked if example.target is not None]
        if isinstance(task, DefinedTask) and targets and not task.answer.has_coordinates:
            ((first, most),) = Counter(targets).most_common(1)
            usual, share = first.describe(), most / len(targets)
            if len(distinct(targets)) == 1:
                refusals.append(
                    f"{request.data}: every label says '{usual}', so that the same answer is always right. "
                    "Give labels that differ, or ask about something else."
                )
            elif share > USUAL:
                notes.append(
                    f"'{usual}' is the right answer to {share:.0%} of the questions, and a policy that never "
                    "looks is right so often: ask about what differs more, or balance the images."
                )
            else:
                tried = task.audited_on(targets)
        with (reporter or NullReporter()).task("Attacking", len(attacks_on(tried))) as update:
            plan = lay_out(tried, targets=request.targets, seed=request.seed, update=update)
        found = audit(setting_rule(tried, "recommended"), plan)
        refusals += [*_from_laws(tried), *_from_audit(tried, plan, found)]
        if isinstance(tried, DefinedTask):
            refusals += [*contradictions(tried, plan)]
        if request.search_weights is not None:
            if not isinstance(task, DefinedTask):
                raise InputError(f"{task.name} is not defined by a file. Leave --search-weights out.")
            notes.append(search_weights(task, plan, read_predictions(request.search_weights)).sentence)
    return TaskCheck(task.name, len(LAWS), found, tuple(refusals), tuple(notes))


def _on_data(task: Task, request: TaskCheckRequest) -> tuple[list[str], Sequence[Example]]:
    """What is to be said of labels, and the questions that they answer."""
    assert request.data is not None
    dataset = labels_for(task, request.data, reading_of(request))
    asked = list(ask_about(task, dataset))
    if not asked:
        raise InputError(
            f"{request.data}: {task.name} has nothing to ask about. Change 'labels' or 'answer'."
        )
    said = f"{len(asked)} questions about {len({e.record_id for e in asked})} images."
    return [said, *task.unused_label_notes(dataset.records)], asked


def _from_laws(task: Task) -> Iterator[str]:
    """A sentence for each law that is broken."""
    asked = task.audit_examples(LAW_QUESTIONS, np.random.default_rng(0))
    broken: dict[str, str] = {}
    for form in Form:
        broken = {**broken_laws(task, [replace(one, form=form) for one in asked]), **broken}
    for name, says in broken.items():
        yield f"Law '{name.replace('_', ' ')}' is broken: {says}"


def _from_audit(task: Task, plan: AuditPlan, found: Audit) -> Iterator[str]:
    """A sentence for each attack that shows something, with what holds instead."""
    if found.passed:
        return
    remedy, shown = _remedy(task, plan), set()
    for verdict in found.verdicts:
        if not verdict.passed and verdict.attack not in shown:
            shown.add(verdict.attack)
            yield f"{_of_attack(found, verdict)} {remedy}"


def _of_attack(found: Audit, verdict: Verdict) -> str:
    rows = {row.name: row for row in found.rows}
    row = rows.get(verdict.attack)
    if row is None or row.role is Role.REFERENCE:
        return f"{verdict.name}: {verdict.says}"  # of a pair of answers, which it names itself
    gold, honest = rows["gold"].mean, rows["honest"].mean
    sample = short(verdict.sample)
    what = row.says.rstrip(".")
    return (
        f"Attack '{row.name}' ({what[:1].lower()}{what[1:]}) has {row.mean:.3g} "
        f"where the honest policy has {honest:.3g} and the right answer {gold:.3g}, as in '{sample}' "
        f"({verdict.name})."
    )


def _remedy(task: Task, plan: AuditPlan) -> str:
    """What would hold: the same task by another rule, or without rewards of its own."""
    if not isinstance(task, DefinedTask):
        return "Change the reward."
    definition, rules = task.definition, task.type.right_rules
    for metric in task.type.metrics:
        other = DefinedTask(replace(definition, metric=metric.name))
        same = replace(plan, task=other)
        if metric.name != definition.metric and audit(setting_rule(other, "recommended"), same).passed:
            return f"Write metric: {metric.name}, which finds such answers right, too, or take another rule."
    for rule in sorted(rules, key=lambda name: name != definition.rule):
        other = DefinedTask(replace(definition, rule=rule, rule_options={}, reward={}))
        if not audit(setting_rule(other, "recommended"), plan).passed:
            continue
        if rule != definition.rule:
            return f"Write right: {rule}{', without reward' if definition.reward else ''}, which holds."
        options = f"the options of right ({', '.join(definition.rule_options)})"
        what = "reward" if definition.reward else options
        return f"Leave {what} out: the rule '{rule}' alone holds."
    return f"No rule of a {task.type.name} holds: change 'answer', so that right answers differ."


def write_proposal(proposal: Proposal, out: Path) -> None:
    """Keep a proposed definition; InputError where a file is there."""
    if out.exists():
        raise InputError(f"{out} is there already. Name another --out.")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(proposal.text, "utf-8")
