"""Everything that can be known about labelled images before a GPU is rented."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vrft.config.questions import Refusal, takes_all, usable
from vrft.config.run_config import RunConfig
from vrft.data.data_options import ReadOptions
from vrft.data.dataset import labels_for, load_dataset
from vrft.diagnostics.check.check_case import DataCase, FilesCase
from vrft.diagnostics.check.finding import Finding, Report, Severity, examined, worst_first
from vrft.diagnostics.check.images import examine_images, examine_leaks
from vrft.diagnostics.check.label_files import FILE_EXAMINATIONS
from vrft.diagnostics.check.labels import (
    NONE_HELD_OUT,
    TOO_FEW,
    class_counts,
    examine_balance,
    examine_boxes,
    examine_conventions,
    examine_names,
    examine_unasked,
    examine_values,
)
from vrft.errors import LabelError, ModelError
from vrft.progress import NullReporter, ProgressReporter
from vrft.tasks.registry import default_task, task_names
from vrft.tasks.task import Task

if TYPE_CHECKING:
    from vrft.diagnostics.check.model_case import ModelCase

OpenModel = Callable[[DataCase], "ModelCase"]


def examine_reader(case: DataCase) -> list[Finding]:
    """A warning for each of the reader's sentences about what it fixed or did not read."""
    return [Finding(Severity.WARNING, "reader", says, case.root) for says in case.dataset.warnings]


def examine_left_out(case: DataCase) -> list[Finding]:
    """A warning for each label and image that is left out, or of which a part is."""
    found = [("left-out", mistake, LabelError.remedy) for mistake in case.dataset.left_out]
    found += [("fixed", mistake, mistake.remedy) for mistake in case.dataset.fixed]
    return [
        Finding(Severity.WARNING, code, f"{mistake.problem} {remedy}", mistake.where, mistake.fix)
        for code, mistake, remedy in found
    ]


SAID_BY_DATASET = frozenset({"reader", "left-out", "fixed"})
"""Codes of findings that the warnings of the dataset say already, one by one or in a sentence."""
SAID_BY_SPLIT = frozenset({TOO_FEW, NONE_HELD_OUT})
"""Codes of findings that a fit says where it splits the data."""
DATA_EXAMINATIONS: Mapping[str, Callable[[DataCase], list[Finding]]] = {
    "balance": examine_balance,
    "boxes": examine_boxes,
    "values": examine_values,
    "conventions": examine_conventions,
    "copies": examine_leaks,
    "class names": examine_names,
    "image files": examine_images,
    "labels that are not asked": examine_unasked,
    "the reader's notes": examine_reader,
    "what is left out": examine_left_out,
}


def check(
    path: Path,
    task: Task | None,
    config_of: Callable[[Task], RunConfig],
    open_model: OpenModel | None,
    reporter: ProgressReporter | None = None,
    reading: ReadOptions | None = None,
    refusal_of: Callable[[RunConfig], Refusal] | None = None,
) -> Report:
    """Examine labelled images, and how a model would take them.

    Labels that a reader refuses end the examination early: what follows needs the whole dataset.

    Args:
        path: the labels.
        task: None takes whichever the labels serve.
        config_of: form, split settings and model for the task.
        open_model: joins the data to a policy; None leaves the model out.
        reporter: where progress goes.
        reading: what the labels leave open.
        refusal_of: why a configuration's model refuses images; None leaves the model out.

    Raises:
        InputError: the model's findings cannot be written.
    """
    reporter, reading = reporter or NullReporter(), reading or ReadOptions()
    try:
        dataset = load_dataset(path, options=reading) if task is None else labels_for(task, path, reading)
        task = task or default_task(dataset.provides)
        refusal = _refusal(task, config_of, refusal_of)
        dataset, prints = usable(dataset, reading.strict, reporter=reporter, refusal=refusal)
    except LabelError as error:
        refused = examined(
            FILE_EXAMINATIONS, FilesCase(path, error.mistakes), "Examining label files", reporter
        )
        return Report(path, None, None, 0, {}, worst_first(refused))
    files = examined(FILE_EXAMINATIONS, FilesCase(path), "Examining label files", reporter)
    counts, format_, images = class_counts(dataset), dataset.format, len(dataset.records)
    if task is None:
        says = "No task uses such labels by default."
        fix = f"Name one with --task: {', '.join(task_names())}, or a file of your own."
        files.append(Finding(Severity.ERROR, "no-task", says, str(path), fix))
        return Report(path, None, format_, images, counts, worst_first(files))
    case = DataCase(dataset, task, config_of(task), prints)
    found = files + examined(DATA_EXAMINATIONS, case, "Examining images and labels", reporter)
    if open_model is not None:
        found += _with_model(open_model, case, reporter)
    return Report(path, task.name, format_, images, counts, worst_first(found))


def _refusal(
    task: Task | None,
    config_of: Callable[[Task], RunConfig],
    refusal_of: Callable[[RunConfig], Refusal] | None,
) -> Refusal:
    """Which images the model refuses; where it cannot be opened, what follows says why."""
    if task is None or refusal_of is None:
        return takes_all
    try:
        return refusal_of(config_of(task))
    except (ModelError, ModuleNotFoundError):
        return takes_all


def _with_model(open_model: OpenModel, case: DataCase, reporter: ProgressReporter) -> list[Finding]:
    try:
        return open_model(case).examine(reporter)
    except ModelError as error:
        return [Finding(Severity.ERROR, "model", str(error), case.config.model.path)]
    except ModuleNotFoundError as error:
        says = f"Lengths, sizes and coordinates were not examined: '{error.name}' is not installed."
        return [Finding(Severity.NOTE, "model-not-examined", says, "", "pip install 'vrft[train]'")]
