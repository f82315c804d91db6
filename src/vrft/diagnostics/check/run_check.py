"""The doctor: everything that can be known about labelled pictures before a GPU is rented."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vrft.config.run_config import RunConfig
from vrft.data.dataset import Dataset, load_dataset
from vrft.diagnostics.check.check_case import DataCase, FilesCase
from vrft.diagnostics.check.examinations import examinations
from vrft.diagnostics.check.finding import Finding, Report, Severity, worst_first
from vrft.diagnostics.check.on_data.balance import class_counts
from vrft.errors import LabelError, ModelError
from vrft.progress import Narrator, Silence
from vrft.tasks.task import load_task
from vrft.training.run_questions import prints_of

if TYPE_CHECKING:
    from vrft.diagnostics.check.on_model.model_case import ModelCase

TITLES = {
    "on_files": "Examining label files",
    "on_data": "Examining pictures and labels",
    "on_model": "Examining with the model",
}
OpenModel = Callable[[DataCase], "ModelCase"]


def check(
    config: RunConfig, task: str | None, open_model: OpenModel | None, narrator: Narrator | None = None
) -> Report:
    """Examine the data of a configuration, and how its model would take them.

    Labels that a reader refuses end the examination early: what follows needs the whole data set.

    Args:
        config: data, prompt, split settings and model.
        task: the task's name; None takes whichever the labels serve.
        open_model: joins the data to a policy; None leaves the model out.
        narrator: where progress goes.

    Returns:
        The report.

    Raises:
        InputError: no such task, or the model's findings cannot be written.
    """
    path = Path(config.data.path)
    narrator = narrator or Silence()
    try:
        dataset = load_dataset(path, None if task is None else load_task(task).name)
    except LabelError as error:
        refused = FilesCase(path, error.mistakes)
        return Report(path, None, None, 0, {}, worst_first(examined("on_files", refused, narrator)))
    prints = prints_of(dataset, narrator=narrator)
    case = DataCase(dataset, load_task(task or _task_of(dataset)), config, prints)
    findings = examined("on_files", FilesCase(path), narrator) + examined("on_data", case, narrator)
    if open_model is not None:
        findings += _with_model(open_model, case, narrator)
    counts = class_counts(dataset)
    return Report(path, case.task.name, dataset.format, len(dataset.records), counts, worst_first(findings))


def _with_model(open_model: OpenModel, case: DataCase, narrator: Narrator) -> list[Finding]:
    try:
        return examined("on_model", open_model(case), narrator)
    except ModelError as error:
        return [Finding(Severity.ERROR, "model", str(error), case.config.model.path)]
    except ModuleNotFoundError as error:
        told = f"Lengths, sizes and coordinates were not examined: '{error.name}' is not installed."
        return [Finding(Severity.NOTE, "model-not-examined", told, "", "pip install 'vrft[train]'")]


def examined(stage: str, case: Any, narrator: Narrator) -> list[Finding]:
    """Run all examinations of one stage.

    Args:
        stage: 'on_files', 'on_data' or 'on_model'.
        case: what they look at: a ``FilesCase``, a ``DataCase`` or a ``ModelCase``.
        narrator: where progress goes.
    """
    found: list[Finding] = []
    known = examinations(stage)
    with narrator.stage(TITLES[stage], len(known)) as advance:
        for name, examine in known.items():
            found += examine(case)
            advance(1, name)
    return found


def _task_of(dataset: Dataset) -> str:
    """The task that the labels serve."""
    served = {
        "classification": any(record.category is not None for record in dataset.records),
        "grounding": any(record.expressions for record in dataset.records),
    }
    return next((task for task, holds in served.items() if holds), "detection")
