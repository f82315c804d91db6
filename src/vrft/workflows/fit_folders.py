"""Which folders a fit is asked for, each with its task, its options and its labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vrft.config.questions import labels_at
from vrft.config.task_entries import label_of
from vrft.data.data_options import ReadOptions
from vrft.data.dataset import Dataset
from vrft.errors import InputError
from vrft.types.options import did_you_mean
from vrft.workflows.fit_settings import FitSettings
from vrft.workflows.miniature_limits import model_for


@dataclass(frozen=True)
class FitFolder:
    """One folder of a fit."""

    data: Path
    task: str | None
    """None takes what its labels suggest."""
    task_options: Mapping[str, Any]


def fit_folders(
    folders: Sequence[Path], tasks: Sequence[str], task_options: Mapping[str, Any]
) -> list[FitFolder]:
    """Folders with their tasks: each with its own, all with one, or one with several.

    Args:
        folders: at least one.
        tasks: none, one, or as many as there are folders; several for one folder.
        task_options: by name; where there are several tasks by ``TASK.name``.

    Raises:
        InputError: their numbers do not fit together, or an option is of no task, or of one that is not said.
    """
    named: list[str | None] = [*tasks] or [None]
    places = [*folders] * (len(named) if len(folders) == 1 else 1)
    named *= len(places) if len(named) == 1 else 1
    if len(named) != len(places):
        raise InputError(
            f"--task: {len(named)} tasks for {len(places)} folders. Give one for each folder, in their "
            "order, or one for all."
        )
    options = _options_by_task(list(dict.fromkeys(named)), task_options)
    return [FitFolder(data, task, options[task]) for data, task in zip(places, named, strict=True)]


def _options_by_task(
    tasks: Sequence[str | None], given: Mapping[str, Any]
) -> dict[str | None, dict[str, Any]]:
    labels = {label_of(task): task for task in tasks if task is not None}
    found: dict[str | None, dict[str, Any]] = {task: {} for task in tasks}
    for name, value in given.items():
        label, dot, option = name.partition(".")
        if dot and label in labels:
            found[labels[label]][option] = value
        elif dot and labels:
            raise InputError(
                f"--task-option {name}: {label} is none of the tasks.{did_you_mean(label, labels)} Write one "
                f"of {', '.join(labels)} before the dot."
            )
        elif len(tasks) > 1:
            raise InputError(
                f"--task-option {name}: of several tasks it is not clear which is meant. Write "
                f"{next(iter(labels))}.{name}, say."
            )
        else:
            found[tasks[0]][name] = value
    return found


def settings_of(
    folders: Sequence[FitFolder],
    reading: ReadOptions,
    model: str | None,
    given: Mapping[str, Any],
    info: Callable[[str], None] = lambda text: None,
    model_option: str = "--model",
) -> tuple[list[FitSettings], list[Dataset]]:
    """The settings of each folder's fit, and its labels.

    Args:
        folders: with their tasks.
        reading: how labels are read.
        model: None takes the miniature for images of its own kind alone.
        given: all other fields of ``FitSettings``, alike for all folders.
        info: called with a sentence where a task is chosen.
        model_option: what a message calls the model.

    Raises:
        InputError: labels cannot be read, or are not for the task or the model.
        ConfigError: a setting cannot be used.
    """
    settings, datasets = [], []
    for one in folders:
        task, dataset = labels_at(one.data, one.task, one.task_options, reading)
        if one.task is None:
            info(f"No --task given: the labels of {one.data} suggest {task.name}.")
        made = FitSettings(
            **{
                **given,
                **reading.model_dump(),
                "data": one.data,
                "task": one.task or task.name,
                "task_options": one.task_options,
                "model": model_for(model, dataset, model_option),
            }
        )
        settings.append(made)
        datasets.append(dataset)
    return settings, datasets
