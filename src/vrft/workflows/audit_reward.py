"""Which reward a user means, and its audit."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import get_args

from vrft.diagnostics.audit.attack import attacks_on
from vrft.diagnostics.audit.audit_plan import lay_out
from vrft.diagnostics.audit.audited_rule import Rule, function_rule, setting_rule
from vrft.diagnostics.audit.run_audit import Audit, audit
from vrft.errors import InputError
from vrft.progress import NullReporter, ProgressReporter
from vrft.tasks.registry import load_task
from vrft.tasks.task import Task
from vrft.types import FrameName
from vrft.types.plugins import load_object
from vrft.workflows.requests import AuditRequest


def audit_reward(request: AuditRequest, reporter: ProgressReporter | None = None) -> Audit:
    """Audit a setting of a task, or a function of the user's own.

    Raises:
        InputError: something named does not exist; the message lists what does.
    """
    frames: dict[str, FrameName] = {name: name for name in get_args(FrameName)}
    if request.frame not in frames:
        raise InputError(f"There is no frame '{request.frame}'. Choose one of: {', '.join(frames)}.")
    # What the user's code prints goes where sentences go: stdout is for the result.
    with redirect_stdout(sys.stderr):
        own = ":" in request.reward and not _is_task(request.reward)
        task, rule = _function(request) if own else _setting(request)
        with (reporter or NullReporter()).task("Attacking", len(attacks_on(task))) as update:
            plan = lay_out(
                task,
                form=request.form,
                frame=frames[request.frame],
                targets=request.targets,
                seed=request.seed,
                update=update,
            )
            return audit(rule, plan)


def _is_task(spec: str) -> bool:
    try:
        return isinstance(load_object(spec), Task)
    except Exception:  # the user's module fails in its own way; whoever loads it next says how
        return False


def _setting(request: AuditRequest) -> tuple[Task, Rule]:
    task = load_task(request.reward)
    if request.task is not None and load_task(request.task).name != task.name:
        raise InputError(f"'{request.reward}' is itself a task. Leave --task {request.task} out.")
    if request.high is not None:
        raise InputError(
            "--high is for functions of your own. Leave it out: a setting declares its own range."
        )
    return task, setting_rule(task, request.settings or "recommended")


def _function(request: AuditRequest) -> tuple[Task, Rule]:
    name = request.reward
    if request.task is None:
        raise InputError(
            f"The task that '{name}' rewards is not known. Add --task NAME; 'vrft tasks' lists the names."
        )
    if request.settings is not None:
        raise InputError(f"'{name}' is a function and has no settings. Leave --settings out.")
    return load_task(request.task), function_rule(name, 1.0 if request.high is None else request.high)
