"""``vrft audit``: attack one reward."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import get_args

from rich.console import Console
from rich.table import Table

from vrft.diagnostics.audit.attacks.library import attacks_on
from vrft.diagnostics.audit.audit_case import NOTATIONS
from vrft.diagnostics.audit.audit_plan import lay_out
from vrft.diagnostics.audit.audited_rule import Rule, function_rule, setting_rule
from vrft.diagnostics.audit.run_audit import HEADINGS, Audit, as_json, audit, table_rows, verdict_rows
from vrft.errors import InputError
from vrft.geometry.frames import FrameKind
from vrft.progress import Narrator
from vrft.run_folder import write_json
from vrft.tasks.task import Task, load_task
from vrft.types import Form


def run_audit(
    reward: str,
    task_name: str | None,
    setting: str | None,
    high: float | None,
    form: Form,
    frame: str,
    targets: int,
    seed: int,
    output: Path | None,
    narrator: Narrator,
) -> Audit:
    """Audit a setting of a task, or a function of the user's own.

    Args:
        reward: a task's name, or ``package.module:function``; modules beside the user are found.
        task_name: the function's task; a task needs none.
        setting: the task's setting, ``recommended`` by default; a function has none.
        high: the function's largest value, 1 by default; a setting declares its own.
        form: how answers are asked for.
        frame: how coordinates are written.
        targets: how many.
        seed: of the targets and answers.
        output: a JSON file to write.
        narrator: where progress goes.

    Raises:
        InputError: something named does not exist; the message lists what does.
    """
    frames: dict[str, FrameKind] = {kind: kind for kind in get_args(FrameKind)}
    if frame not in frames:
        raise InputError(f"There is no frame '{frame}'. Choose one of: {', '.join(frames)}.")
    task, rule = _own(reward, task_name, setting, high) if ":" in reward else _ours(
        reward, task_name, setting, high, form
    )  # fmt: skip
    # What the user's function prints goes where sentences go: stdout is for the result.
    with redirect_stdout(sys.stderr), narrator.stage("Attacking", len(attacks_on(task.name))) as advance:
        found = audit(rule, lay_out(task, form, frames[frame], targets, seed, advance))
    if output is not None:
        _save(output, found)
    return found


def print_audit(found: Audit, out: Console) -> None:
    """The tables and the verdict for people.

    Args:
        found: a judged reward.
        out: where to.
    """
    title = f"{found.reward}: mean reward over {found.targets} targets, range 0 to {found.range[1]:g}"
    table = Table(title=title, title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading in HEADINGS[:2] else "right")
    for row in table_rows(found):
        table.add_row(*row, style="bold" if row[1] == "reference" else None)
    out.print(table)
    judged = Table(title="Verdicts", title_justify="left")
    for heading in ("verdict", "", "measured"):
        judged.add_column(heading)
    for row, verdict in zip(verdict_rows(found), found.verdicts, strict=True):
        judged.add_row(*row, style=None if verdict.passed else "bold")
    out.print(judged)
    for verdict in found.verdicts:
        if not verdict.passed:
            out.print(f"{verdict.name}, shown by {verdict.attack}: {verdict.sample!r}", markup=False)
    failed = f"{len(found.failed)} of {len(found.verdicts)} verdicts failed: {', '.join(found.failed)}."
    out.print("Every verdict passed." if found.passed else failed, markup=False, soft_wrap=True)


def _ours(
    name: str, task_name: str | None, setting: str | None, high: float | None, form: Form
) -> tuple[Task, Rule]:
    task = load_task(name)
    if task_name is not None and load_task(task_name).name != task.name:
        raise InputError(f"'{name}' is a task already; leave --task {task_name} out.")
    if high is not None:
        raise InputError("--high is for functions of your own; a setting declares its own range.")
    return task, setting_rule(task, setting or "recommended", form)


def _own(name: str, task_name: str | None, setting: str | None, high: float | None) -> tuple[Task, Rule]:
    if task_name is None:
        raise InputError(f"Say which task '{name}' rewards: --task {' or '.join(NOTATIONS)}.")
    if setting is not None:
        raise InputError(f"'{name}' is a function and has no settings; leave --settings out.")
    task = load_task(task_name)
    with redirect_stdout(sys.stderr):
        return task, function_rule(name, 1.0 if high is None else high)


def _save(path: Path, found: Audit) -> None:
    try:
        write_json(path, as_json(found))
    except OSError as error:
        raise InputError(f"{path}: the audit cannot be written there: {error}") from error
