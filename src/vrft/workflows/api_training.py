"""The verbs that train, as ``import vrft`` offers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Literal

from vrft.data.data_options import BoxOrder, Coordinates, ReadOptions
from vrft.progress import reporter_for_people
from vrft.types import Form
from vrft.workflows.requests import made
from vrft.workflows.results import FitResult, TrainResult

TaskOptions = Mapping[str, object]
"""Options of a task by name, such as ``{"subject": "plant"}``."""


def fit(
    data: Path | str | Sequence[Path | str],
    task: str | Sequence[str] | None = None,
    model: str | None = None,
    *,
    shots: int = 4,
    steps: int | None = None,
    seed: int = 0,
    form: Form | None = None,
    reward: str = "recommended",
    eval_max: int = 200,
    val_max: int = 60,
    arms: Sequence[str] = ("sft", "rft"),
    sft_forms: Literal["same", "both"] = "same",
    rejection_rounds: int = 1,
    rejection_keep: int = 8,
    warm_up: Sequence[str] = (),
    warm_up_steps: int | None = None,
    control: bool = False,
    full: bool = False,
    near_duplicates: bool = True,
    format: str | None = None,
    coordinates: Coordinates | None = None,
    box_order: BoxOrder | None = None,
    strict: bool = False,
    overrides: Sequence[str] = (),
    task_options: TaskOptions | None = None,
    out: Path | str | None = None,
    resume: bool = False,
    check: bool = True,
    quiet: bool = False,
) -> FitResult:
    """Train RFT and its SFT twin on labelled images, and compare them with the base on held-out ones.

    Of several folders, or tasks, each has its own policies, and one more policy learns from all of them.

    Args:
        data: a folder of labelled images, or several.
        task: a name, ``package.module:TASK`` or ``file.py:TASK``; several are for the folders in turn, or for
            the only one. None takes what the labels suggest.
        model: a model folder, a hub id, or 'miniature'; None takes the miniature for images of its own kind
            alone.
        shots: training images per class.
        steps: of each trial; None takes what suits the model.
        seed: decides every random choice.
        form: whether the model reasons first; None lets a probe of the base decide.
        reward: setting of the task.
        eval_max: most held-out questions.
        val_max: most validation questions.
        arms: what is compared with the base: 'sft' (on labels), 'rft', and 'rejection' (SFT on the policy's
            own right answers, drawn as many as RFT draws). 'rft' must be among them.
        sft_forms: 'both' also tunes the SFT twin in the form that was not chosen.
        rejection_rounds: of rejection sampling, 1 to 3.
        rejection_keep: right answers to a question that a round learns at most.
        warm_up: puzzles that RFT trains on first, on the same images without labels; 'puzzles' stands for
            all of them.
        warm_up_steps: of it; None takes those of a trial.
        control: also train on shuffled rewards, from which nothing can be learned.
        full: train all weights of a large model, not a LoRA adapter.
        near_duplicates: count images that look nearly the same as one.
        format: of the labels, where they fit several.
        coordinates: what the numbers of boxes are, where that is open.
        box_order: two corners, or a corner with width and height, where that is open.
        strict: refuse data of which a label or image would be left out, or a box clipped.
        overrides: ``key=value`` for every trial, such as ``optim.micro_prompts=1``.
        task_options: of the task; of several tasks by ``task.option``, as in ``classification.subject``.
        out: folder of the fit; None makes a new one in ``runs/``.
        resume: go on in that folder.
        check: examine the data first, and end where it has errors.
        quiet: show no progress.

    Returns:
        What was found; of several folders or tasks each one's own under ``parts``.

    Raises:
        InputError: the data or the model cannot be used.
        RunError: the folder holds a fit and ``resume`` is False.
        Interrupted: a signal ended a trial; the same call with ``resume=True`` goes on.
    """
    from vrft.run_folder import chosen_folder
    from vrft.workflows.fit import fit as run_fit
    from vrft.workflows.fit_folders import fit_folders, settings_of
    from vrft.workflows.fit_several import fit_several, stem_of

    reading = made(ReadOptions, format=format, coordinates=coordinates, box_order=box_order, strict=strict)
    places = [Path(data)] if isinstance(data, Path | str) else [*map(Path, data)]
    tasks = [task] if isinstance(task, str) else [*(task or ())]
    given = {
        "shots": shots,
        "steps": steps,
        "seed": seed,
        "form": form,
        "reward": reward,
        "eval_max": eval_max,
        "val_max": val_max,
        "arms": tuple(arms),
        "sft_forms": sft_forms,
        "rejection_rounds": rejection_rounds,
        "rejection_keep": rejection_keep,
        "warm_up": tuple(warm_up),
        "warm_up_steps": warm_up_steps,
        "control": control,
        "full": full,
        "near_duplicates": near_duplicates,
        "overrides": tuple(overrides),
    }
    asked = fit_folders(places, tasks, task_options or {})
    settings, labels = settings_of(asked, reading, model, given, model_option="model")
    stem = settings[0].stem if len(settings) == 1 else stem_of(settings)
    folder = chosen_folder(Path(out) if out is not None else None, stem, resume)
    shown = reporter_for_people(quiet)
    if len(settings) == 1:
        done = run_fit(settings[0], folder, resume=resume, check=check, dataset=labels[0], reporter=shown)
        assert done is not None  # there is one process
        return FitResult.of(done)
    several = fit_several(settings, folder, resume=resume, check=check, datasets=labels, reporter=shown)
    assert several is not None
    return FitResult.of_several(folder, several)


def train(
    config: Path | str | Mapping[str, object],
    overrides: Sequence[str] = (),
    *,
    resume: bool = False,
    check: bool = True,
    quiet: bool = False,
) -> TrainResult:
    """One run from one configuration.

    Args:
        config: a YAML file, the name of a shipped recipe, or a tree of plain values.
        overrides: ``key=value``, such as ``optim.steps=50``.
        resume: go on in the run's folder.
        check: examine the data first, and end where it has errors.
        quiet: show no progress.

    Raises:
        InputError: the configuration, the data or the model cannot be used.
        RunError: the folder holds a run and ``resume`` is False.
    """
    from vrft.config.recipes import recipe_path
    from vrft.config.run_config import load_config, make_config, set_key
    from vrft.workflows.train_config import train_config

    if isinstance(config, Mapping):
        tree = deepcopy(dict(config))
        for override in overrides:
            set_key(tree, override)
        made = make_config(tree)
    else:
        made = load_config(recipe_path(Path(config)), overrides)
    done = train_config(made, resume=resume, check=check, reporter=reporter_for_people(quiet))
    return TrainResult.of(done)
