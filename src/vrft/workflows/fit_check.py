"""The doctor inside ``fit``: errors end it before anything is trained, warnings are said."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from vrft.config.run_config import RunConfig
from vrft.data.dataset import Dataset
from vrft.diagnostics.check.check_case import DataCase
from vrft.diagnostics.check.finding import Finding, Severity, worst_first
from vrft.diagnostics.check.on_model.model_case import ModelCase
from vrft.diagnostics.check.run_check import examined
from vrft.errors import InputError
from vrft.models.policy import Policy
from vrft.progress import Narrator
from vrft.tasks.task import Task
from vrft.training.run_questions import prints_of

SAID = 8
"""Warnings told on the screen; the file has all."""


def examine(
    dataset: Dataset, task: Task, config: RunConfig, policy: Policy, folder: Path, narrator: Narrator
) -> list[dict[str, Any]]:
    """Examine a fit's data, alone and with its model.

    Args:
        dataset: as it was read.
        task: what is trained.
        config: a trial's, with its split.
        policy: the base policy.
        folder: the fit's; drawn pictures go into ``check/``.
        narrator: where warnings and progress go.

    Returns:
        All findings as plain JSON values, the worst first.

    Raises:
        InputError: something is wrong for certain; names each place and what mends it.
    """
    case = DataCase(dataset, task, config, prints_of(dataset, folder, narrator))
    found = examined("on_data", case, narrator)
    found += examined("on_model", ModelCase(case, policy, folder / "check"), narrator)
    ordered = worst_first(found)
    errors = [f for f in ordered if f.severity is Severity.ERROR]
    if errors:
        raise InputError("\n".join(["The data cannot be trained on as it is:", *map(_line, errors)]))
    warnings = [f for f in ordered if f.severity is Severity.WARNING]
    for finding in warnings[:SAID]:
        narrator.say(_line(finding))
    if len(warnings) > SAID:
        narrator.say(f"And {len(warnings) - SAID} more warnings: {folder / 'check.json'}.")
    return [asdict(finding) for finding in ordered]


def _line(finding: Finding) -> str:
    return " ".join(part for part in (f"{finding.where}:", finding.message, finding.mend) if part)
