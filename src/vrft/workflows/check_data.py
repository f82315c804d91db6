"""What is examined: images as ``vrft fit`` takes them, a fit's own, or what a configuration names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vrft.config.questions import Refusal
from vrft.config.recipes import SUFFIX, recipe_names, recipe_path
from vrft.config.run_config import RunConfig, load_config, make_config, set_key
from vrft.data.readers import readers
from vrft.diagnostics.check.check_case import DataCase
from vrft.diagnostics.check.finding import Finding, Report, Severity, examined, worst_first
from vrft.diagnostics.check.run_check import DATA_EXAMINATIONS, SAID_BY_DATASET, check
from vrft.errors import InputError
from vrft.miniature.location import MINIATURE
from vrft.progress import ProgressReporter
from vrft.run_folder import CHECK, write_json
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import Scorer
from vrft.tasks.task import Task
from vrft.training.training_options import Gpus
from vrft.types import Form
from vrft.workflows.fit_settings import FitSettings
from vrft.workflows.requests import CheckRequest, reading_of, stated

if TYPE_CHECKING:
    from vrft.diagnostics.check.model_case import ModelCase

SHOWN = 8
"""Warnings of a fit on the screen; its file has all."""


def check_data(request: CheckRequest, reporter: ProgressReporter | None = None) -> Report:
    """Examine a folder of labelled images, or what a configuration names."""
    if request.gpus is not None and request.gpu_memory is not None:
        raise InputError("--gpus says how much memory each GPU has. Leave --gpu-memory out.")
    path, opener = request.path, _opener(request.out, request.gpu_memory, request.gpus)
    if not path.exists() and str(path).removesuffix(SUFFIX) not in recipe_names():
        raise InputError(f"{path}: there is no such folder, file or recipe. Check the path.")
    if path.exists() and not is_config(path):
        task = load_task(request.task, request.task_options) if request.task is not None else None
        if task is None and request.task_option:
            raise InputError("--task-option is of a task. Name it with --task.")
        return check(
            path,
            task,
            lambda own: _plain(request, own),
            opener,
            reporter=reporter,
            reading=reading_of(request),
            refusal_of=_refusal_of,
        )
    if request.task_option:
        raise InputError("--task-option is for a folder of images. Change a configuration by key=value.")
    given = {
        "task": request.task,
        "model.path": request.model,
        "model.device": "cuda" if request.names_gpus else None,
        "data.shots": request.shots,
        "seed": request.seed,
    }
    overrides = [f"{key}={value}" for key, value in given.items() if value is not None]
    overrides += [*(f"data.{key}={value}" for key, value in stated(request).items()), *request.overrides]
    config = load_config(recipe_path(path), overrides)
    found = {source: _checked(own, opener, reporter) for source, own in config.by_source.items()}
    return _together(path, found) if config.tasks else found[""]


def _checked(
    config: RunConfig, opener: Callable[[DataCase], ModelCase], reporter: ProgressReporter | None
) -> Report:
    """What is found about a configuration of one task."""
    data, task = config.data, config.task.load()
    if config.samples:
        Scorer(task, config.reward)  # a reward of the user's own that cannot be had is refused here too
    return check(
        Path(data.path),
        task,
        lambda own: config,
        opener,
        reporter=reporter,
        reading=data,
        refusal_of=_refusal_of,
    )


def _together(path: Path, found: Mapping[str, Report]) -> Report:
    """The reports of a run's entries as one; what is found in one begins with its name."""
    return Report(
        path,
        ", ".join(dict.fromkeys(one.task or "unknown" for one in found.values())),
        ", ".join(dict.fromkeys(one.format or "unread" for one in found.values())),
        sum(one.images for one in found.values()),
        {f"{name}: {own}": count for name, one in found.items() for own, count in one.classes.items()},
        worst_first(
            [
                replace(finding, message=f"{name}: {finding.message}")
                for name, one in found.items()
                for finding in one.findings
            ]
        ),
    )


def examine_first(
    case: DataCase, folder: Path, reporter: ProgressReporter, said: AbstractSet[str] = frozenset()
) -> None:
    """Examine what a fit or a run is to learn from, alone and with what it trains, before it begins.

    Warnings are reported, but for those that the dataset itself has, which are said where it is read, and
    those of the codes ``said``; all findings are kept in the folder's ``check.json``.

    Raises:
        InputError: there are errors.
    """
    found = examined(DATA_EXAMINATIONS, case, "Examining images and labels", reporter)
    found += _opener(folder / CHECK)(case).examine(reporter)
    ordered = worst_first(found)
    errors = [finding for finding in ordered if finding.severity is Severity.ERROR]
    if errors:
        opening = "The data cannot be used for training as it is (--no-check trains all the same):"
        lines = [opening, *map(_line, errors[:SHOWN])]
        if len(errors) > SHOWN:
            lines.append(f"And {len(errors) - SHOWN} more errors: 'vrft check' lists them.")
        raise InputError("\n".join(lines))
    warnings = [finding for finding in ordered if finding.severity is Severity.WARNING]
    warnings = [finding for finding in warnings if finding.code not in SAID_BY_DATASET | said]
    for finding in warnings[:SHOWN]:
        reporter.info(_line(finding))
    if len(warnings) > SHOWN:
        reporter.info(f"And {len(warnings) - SHOWN} more warnings: {folder / f'{CHECK}.json'}.")
    write_json(folder / f"{CHECK}.json", [asdict(finding) for finding in ordered])


def _line(finding: Finding) -> str:
    return " ".join(part for part in (f"{finding.where}:", finding.message, finding.fix) if part)


def _plain(request: CheckRequest, task: Task) -> RunConfig:
    """The settings with which ``vrft fit`` would train on the data."""
    settings = FitSettings(
        data=request.path,
        task=task.name,
        task_options=request.task_options,
        model=request.model or MINIATURE,
        shots=request.shots or FitSettings.shots,
        seed=request.seed or 0,
        **stated(request),
    )
    trial = settings.trial("rft", rate=settings.recipe.rft_rates[0], out=request.out, form=Form.THINK)
    tree: dict[str, Any] = trial.model_dump(mode="json")
    tree["model"]["device"] = "cuda" if request.names_gpus else "auto"
    for override in request.overrides:
        set_key(tree, override)
    return make_config(tree)


def is_config(path: Path) -> bool:
    """Whether a file is a configuration: YAML that no reader knows as labels."""
    return path.suffix in {".yaml", ".yml"} and not any(reader.detects(path) for reader in readers())


def _refusal_of(config: RunConfig) -> Refusal:
    # As in what joins the model: torch may not be there.
    from vrft.models.image_limits import image_limits

    return image_limits(config.model).refusal


def _opener(
    out: Path, memory_gib: float | None = None, gpus: Gpus | None = None
) -> Callable[[DataCase], ModelCase]:
    """How the model is joined to the data: without its weights, and with the adapter that will learn."""

    def join(case: DataCase) -> ModelCase:
        # A light installation examines data all the same, so torch is asked for no earlier.
        from vrft.diagnostics.check.model_case import ModelCase
        from vrft.workflows.configured import policy_of

        return ModelCase(case, policy_of(case.config, weights=False), out, memory_gib, gpus)

    return join
