"""The verbs in Python, as ``import vrft`` offers them: the same work as on the command line.

Whatever cannot be used is a ``VrftError`` that says what to do; nothing here ends the interpreter.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vrft.data.data_options import BoxOrder, Coordinates
from vrft.progress import reporter_for_people
from vrft.types import Form, Prediction
from vrft.workflows.requests import (
    AuditRequest,
    CheckRequest,
    EvaluateRequest,
    Part,
    PredictRequest,
    made,
)
from vrft.workflows.results import EvaluationResult

if TYPE_CHECKING:
    from vrft.diagnostics.audit.run_audit import Audit
    from vrft.diagnostics.check.finding import Report


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

    request = made(
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

    request = made(
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
    request = made(
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
