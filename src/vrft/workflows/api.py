"""The verbs in Python, as ``import vrft`` offers them: the same work as on the command line.

Whatever cannot be used is a ``VrftError`` that says what to do; nothing here ends the interpreter.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import ValidationError

from vrft.config.questions import labels_at
from vrft.data.data_options import BoxOrder, Coordinates, ReadOptions
from vrft.errors import InputError
from vrft.progress import reporter_for_people
from vrft.types import Form, Prediction
from vrft.types.options import Options
from vrft.workflows.requests import (
    AuditRequest,
    CheckRequest,
    EvaluateRequest,
    Part,
    PredictRequest,
)
from vrft.workflows.results import EvaluationResult, FitResult, TrainResult

if TYPE_CHECKING:
    from vrft.diagnostics.audit.run_audit import Audit
    from vrft.diagnostics.check.finding import Report

TaskOptions = Mapping[str, object]
"""Options of a task by name, such as ``{"subject": "plant"}``."""


Request = TypeVar("Request", bound=Options)


def check(
    data: Path | str,
    task: str | None = None,
    model: str | None = None,
    *,
    shots: int | None = None,
    format: str | None = None,
    coordinates: Coordinates | None = None,
    box_order: BoxOrder | None = None,
    strict: bool = False,
) -> Report:
    """Examine labelled images before training, without a GPU.

    Args:
        data: a folder of labelled images, or a configuration file.
        task: None takes what the labels suggest.
        model: also how this model would see them; None takes the embedded miniature.
        shots: training images per class.
        format: of the labels, where they fit several.
        coordinates: what the numbers of boxes are, where that is open.
        box_order: two corners, or a corner with width and height, where that is open.
        strict: refuse data of which a label or image would be left out, or a box clipped.

    Returns:
        ``passed`` and all ``findings``, each with its place and what to do.
    """
    from vrft.workflows.check_data import check_data

    request = _made(
        CheckRequest,
        path=Path(data),
        task=task,
        model=model,
        shots=shots,
        format=format,
        coordinates=coordinates,
        box_order=box_order,
        strict=strict,
    )
    return check_data(request)


def audit(reward: str, task: str | None = None, *, settings: str | None = None) -> Audit:
    """Attack a reward, and say whether it rewards what it should not.

    Args:
        reward: a task, or a function of your own as ``package.module:function`` or ``file.py:function``.
        task: which task a function of your own rewards.
        settings: the task's reward setting; None takes 'recommended'.

    Returns:
        ``passed``, the ``verdicts``, and each attack with what it earned.

    Example:
        >>> audit("grounding").passed
        True
    """
    from vrft.workflows.audit_reward import audit_reward

    return audit_reward(AuditRequest(reward=reward, task=task, settings=settings))


def fit(
    data: Path | str,
    task: str | None = None,
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

    Args:
        data: a folder of labelled images.
        task: a name, ``package.module:TASK`` or ``file.py:TASK``; None takes what the labels suggest.
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
        format: of the labels, where they fit several.
        coordinates: what the numbers of boxes are, where that is open.
        box_order: two corners, or a corner with width and height, where that is open.
        strict: refuse data of which a label or image would be left out, or a box clipped.
        overrides: ``key=value`` for every trial, such as ``optim.micro_prompts=1``.
        task_options: of the task.
        out: folder of the fit; None makes a new one in ``runs/``.
        resume: go on in that folder.
        check: examine the data first, and end where it has errors.
        quiet: show no progress.

    Raises:
        InputError: the data or the model cannot be used.
        RunError: the folder holds a fit and ``resume`` is False.
        Interrupted: a signal ended a trial; the same call with ``resume=True`` goes on.
    """
    from vrft.run_folder import chosen_folder
    from vrft.workflows.fit import fit as run_fit
    from vrft.workflows.fit_settings import FitSettings
    from vrft.workflows.miniature_limits import model_for

    reading = _made(ReadOptions, format=format, coordinates=coordinates, box_order=box_order, strict=strict)
    found_task, dataset = labels_at(data, task, task_options, reading)
    settings = FitSettings(
        data=Path(data),
        task=found_task.name if task is None else task,
        task_options=task_options or {},
        model=model_for(model, dataset, "model"),
        shots=shots,
        steps=steps,
        seed=seed,
        form=form,
        reward=reward,
        eval_max=eval_max,
        val_max=val_max,
        arms=tuple(arms),
        sft_forms=sft_forms,
        rejection_rounds=rejection_rounds,
        rejection_keep=rejection_keep,
        warm_up=tuple(warm_up),
        warm_up_steps=warm_up_steps,
        control=control,
        full=full,
        **reading.model_dump(),
        overrides=tuple(overrides),
    )
    folder = chosen_folder(Path(out) if out is not None else None, settings.stem, resume)
    shown = reporter_for_people(quiet)
    done = run_fit(settings, folder, resume=resume, check=check, dataset=dataset, reporter=shown)
    assert done is not None  # there is one process
    return FitResult.of(done)


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


def evaluate(
    model: Path | str,
    data: Path | str,
    task: str | None = None,
    *,
    part: Part | None = None,
    form: Form | None = None,
    samples: int = 1,
    fuse: str | None = None,
    eval_max: int = 1000,
    seed: int = 0,
    format: str | None = None,
    coordinates: Coordinates | None = None,
    box_order: BoxOrder | None = None,
    strict: bool = False,
    out: Path | str | None = None,
    quiet: bool = False,
) -> EvaluationResult:
    """Score a policy on labelled images.

    Args:
        model: a run folder, a model or adapter folder, a hub id, or 'miniature'.
        data: a folder of labelled images.
        task: None takes that of the model's own run.
        part: of the images; None takes the held-out ones, if they are known.
        form: whether to reason first; None asks as in training.
        samples: answers to each question; the first is greedy.
        fuse: the rule that makes one answer of several.
        eval_max: most questions.
        seed: decides every random choice.
        format: of the labels, where they fit several.
        coordinates: what the numbers of boxes are, where that is open.
        box_order: two corners, or a corner with width and height, where that is open.
        strict: refuse data of which a label or image would be left out, or a box clipped.
        out: folder that keeps answers and page; what it holds is not asked again. None makes a new one.
        quiet: show no progress.

    Raises:
        InputError: the data, the model or the task cannot be used.
    """
    from vrft.run_folder import fresh_folder
    from vrft.workflows.evaluate_model import evaluate_model, evaluation_stem

    request = _made(
        EvaluateRequest,
        task=task,
        part=part,
        form=form,
        samples=samples,
        fuse=fuse,
        eval_max=eval_max,
        seed=seed,
        format=format,
        coordinates=coordinates,
        box_order=box_order,
        strict=strict,
    )
    stem = evaluation_stem(str(model), Path(data))
    folder = Path(out) if out is not None else fresh_folder(stem)
    shown = reporter_for_people(quiet)
    done = evaluate_model(str(model), Path(data), request, folder=folder, reporter=shown)
    assert done is not None  # there is one process
    return EvaluationResult.of(done)


def predict(
    model: Path | str,
    images: Path | str,
    questions: str | Sequence[str] = (),
    task: str | None = None,
    *,
    options: Sequence[str] = (),
    form: Form | None = None,
    samples: int = 1,
    fuse: str | None = None,
    seed: int = 0,
    out: Path | str | None = None,
    quiet: bool = False,
) -> tuple[Prediction, ...]:
    """Answers about images that nobody has labelled, in pixels of the files.

    Args:
        model: a run folder, a model or adapter folder, a hub id, or 'miniature'.
        images: an image or a folder of images.
        questions: categories, phrases or kinds of thing; none where the task has a question of its own.
        task: None takes that of the model's own run, else detection.
        options: class names to choose from.
        form: whether to reason first; None asks as in training.
        samples: answers to each question; the first is greedy.
        fuse: the rule that makes one answer of several.
        seed: decides every random choice.
        out: folder that keeps answers and drawn images; None keeps nothing.
        quiet: show no progress.

    Returns:
        One for each question about each image; ``answer.value`` is what was found, ``text`` what was said.

    An image of a folder that cannot be read is left out, with a warning.

    Raises:
        InputError: the model or the only image cannot be used.
    """
    from vrft.workflows.predict_images import predict_images

    asked = (questions,) if isinstance(questions, str) else tuple(questions)
    request = _made(
        PredictRequest,
        model=str(model),
        image=str(images),
        questions=asked,
        task=task,
        options=tuple(options),
        form=form,
        samples=samples,
        fuse=fuse,
        seed=seed,
        out=Path(out) if out is not None else None,
    )
    found = predict_images(request, reporter_for_people(quiet), draws=out is not None)
    for mistake in found.unreadable:
        warnings.warn(str(mistake), stacklevel=2)
    return found.predictions


def _made(request: type[Request], **given: Any) -> Request:
    """What is asked for; InputError where a value cannot be used."""
    try:
        return request(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name, said = first["loc"][0], first["msg"].removeprefix("Value error, ")
        raise InputError(f"{name}={first['input']!r}: {said}.") from error
