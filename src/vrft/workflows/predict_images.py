"""Answers about images that nobody has labelled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

from vrft.data.label_checks import raise_all, some
from vrft.errors import InputError, Interrupted, LabelError, RunError
from vrft.evaluation.ensemble import fused
from vrft.inference.drawn_images import check_target, drawn_name, name_beside, save_drawn
from vrft.inference.evaluate import evaluate
from vrft.inference.formats.prediction_format import DEFAULT, Setting, by_record, left_out, open_format
from vrft.inference.image_questions import STDIN, ImageFiles, image_of_bytes, images_at, questions_about
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.inference.provenance import PREDICTIONS, check_images
from vrft.inference.segment_answers import segmented_predictions
from vrft.progress import NullReporter, ProgressReporter, counted
from vrft.run_folder import make_folder, removed_if_refused, write_json
from vrft.tasks.registry import default_task
from vrft.tasks.task import Task
from vrft.types import Boxes, Example, Image, Prediction
from vrft.workflows.answer_memory import refuse_too_large
from vrft.workflows.miniature_limits import limits_of
from vrft.workflows.requests import PredictRequest
from vrft.workflows.trained_run import TrainedRun

BATCH = 16
"""Questions encoded together."""
DRAWN, PIPED = "drawn", "frames"
"""Folders in the user's: drawn images, and those that came through standard input."""


@dataclass(frozen=True)
class Predicted:
    """What came of a request."""

    predictions: tuple[Prediction, ...]
    unreadable: tuple[LabelError, ...]
    document: Any
    single: bool
    notes: tuple[str, ...] = ()
    """Where answers and images are."""
    warnings: tuple[str, ...] = ()
    """What a format cannot hold, and what the user may not know."""


def predict_images(
    request: PredictRequest,
    reporter: ProgressReporter | None = None,
    *,
    format: str = DEFAULT,
    stdin: BinaryIO | None = None,
    draws: bool = True,
) -> Predicted:
    """Ask every question about every image.

    Args:
        request: what is asked, and how.
        reporter: shows progress, where a folder is asked about.
        format: a key of ``inference.formats``.
        stdin: where the image '-' is read from.
        draws: False draws no image; it is drawn next to the answers otherwise.

    Raises:
        InputError: a setting, the model or the only image cannot be used.
        RunError: the folder holds answers that were asked for in another way.
        Interrupted: the user stopped it; what a folder keeps stays.
    """
    with TemporaryDirectory(prefix="vrft-") as spare:
        piped = request.out / PIPED if request.out is not None else Path(spare)
        images = _images(request, stdin, piped)
        shown = reporter if reporter is not None and not images.single else NullReporter()
        if request.out is None:
            return _predict(request, images, format, shown, draws)
        with removed_if_refused(request.out, PREDICTIONS):
            return _predict(request, images, format, shown, draws)


def _images(request: PredictRequest, stdin: BinaryIO | None, piped: Path) -> ImageFiles:
    if request.image != STDIN:
        out = request.out
        return images_at(Path(request.image), [out, out / DRAWN, out / PIPED] if out is not None else [])
    if stdin is None or stdin.isatty():
        raise InputError("Standard input is a terminal, not an image. Write: vrft predict ... < image.jpg")
    return image_of_bytes(stdin.read(), piped)


def _predict(
    request: PredictRequest, images: ImageFiles, format: str, reporter: ProgressReporter, draws: bool
) -> Predicted:
    run = TrainedRun.of(request.model).about(request.task)
    # Where nobody says otherwise, things are to be found.
    usual = default_task([("category", Boxes.kind)])
    task = run.task(request, usual.name if usual is not None else None)
    options = run.options(request, batch=BATCH)
    drawn = _drawn_paths(request, images) if draws else None
    task.rule(request.fuse)  # an unknown one is refused before anything is asked
    examples, broken = _questions(request, run, task, images, reporter)
    write = open_format(format, examples, Setting(request.model, request.against, drawn))
    examples, refused = run.limits(request).divided(examples)
    broken += refused
    if not examples:
        raise_all(broken)
    path = None
    if request.out is not None:
        asked = {"images": str(images.root.resolve()), "options": list(request.options)}
        path = check_images(request.out, run.settings(request, task, options) | asked, examples)
    answered = _answers(run.predictor(request, options), examples, path, reporter)
    predictions = tuple(
        # Kept predictions name the image's place when it was asked about.
        _placed(
            fused(one, request.fuse) if len(one.rollouts) > 1 else one,
            [medium.path for medium in example.media],
        )
        for one, example in zip(answered, examples, strict=True)
    )
    if request.sam is not None:
        predictions = tuple(segmented_predictions(predictions, request.sam, reporter))
    files, undrawn = _drawn(predictions, drawn) if drawn is not None else ([], [])
    if request.image == STDIN and request.out is None:
        predictions = tuple(_placed(one, [Path(STDIN)] * len(one.example.media)) for one in predictions)
    document = write(predictions)
    notes = []
    warnings = (*_hints(task, request, run, examples), *left_out(format, predictions), *undrawn)
    if request.out is not None:
        file = request.out / ("predictions.json" if format == DEFAULT else f"predictions.{format}.json")
        write_json(file, document)
        notes.append(f"Kept: {path}, {file}")
    where = some([str(file) for file in files])
    notes.append(
        f"Drawn: {where}" if files else "Nothing is drawn. Add --out DIR to keep answers and images."
    )
    return Predicted(predictions, tuple(broken), document, images.single, tuple(notes), warnings)


def _questions(
    request: PredictRequest, run: TrainedRun, task: Task, images: ImageFiles, reporter: ProgressReporter
) -> tuple[list[Example], list[LabelError]]:
    """The questions about each image that can be read, and why the others cannot; one can be."""
    with reporter.task("Reading images", len(images.paths)) as update:
        examples, broken = questions_about(
            images,
            task,
            request.questions,
            request.options,
            run.form(request),
            progress=counted(update),
        )
    if not examples:
        raise_all(broken)
    return examples, broken


def _answers(
    predictor: PolicyPredictor, examples: Sequence[Example], path: Path | None, reporter: ProgressReporter
) -> list[Prediction]:
    refuse_too_large(predictor, examples)
    with reporter.task("Asking", len(examples)) as update:
        try:
            return evaluate(predictor, examples, batch=BATCH, path=path, progress=counted(update))
        except KeyboardInterrupt:
            kept = (
                f"{path} has the answers so far; run the same command to continue"
                if path
                else "nothing is kept"
            )
            raise Interrupted(f"Stopped: {kept}.") from None


def _drawn(predictions: Sequence[Prediction], path_of: Callable[[str], Path]) -> tuple[list[Path], list[str]]:
    """The files of the drawn images, and why others could not be written: the answers are not lost for it."""
    files: list[Path] = []
    undrawn: list[str] = []
    for name, about in by_record(predictions).items():
        try:
            files.append(save_drawn(about, path_of(name)))
        except RunError as error:
            undrawn.append(str(error))
    return files, undrawn


def _drawn_paths(request: PredictRequest, images: ImageFiles) -> Callable[[str], Path] | None:
    """Where a drawn image goes, by the image's name; None where none is drawn."""
    target, out = request.drawn, request.out
    if target is not None:
        if not images.single:
            raise InputError("--drawn names one file, and there are several images. Use --out DIR instead.")
        check_target(target, images.paths[0])
        make_folder(target.parent)
        return lambda name: target
    if out is not None:
        return lambda name: out / DRAWN / drawn_name(name)
    return (lambda name: Path(name_beside(name))) if images.single else None


def _placed(one: Prediction, paths: Sequence[Path]) -> Prediction:
    """The same about images that are at another place now; prompts that show the old ones are dropped."""
    if [medium.path for medium in one.example.media] == [*paths]:
        return one

    def moved(example: Example) -> Example:
        placed = zip(example.media, paths, strict=True)
        media = (replace(one, path=path) if isinstance(one, Image) else one for one, path in placed)
        return replace(example, media=tuple(media))

    rollouts = tuple(
        replace(
            rollout,
            example=moved(rollout.example),
            turns=tuple(replace(turn, prompt=replace(turn.prompt, messages=())) for turn in rollout.turns),
        )
        for rollout in one.rollouts
    )
    return replace(one, example=moved(one.example), rollouts=rollouts)


def _hints(
    task: Task, request: PredictRequest, run: TrainedRun, examples: Sequence[Example]
) -> Iterator[str]:
    """What the user may not know about the model, and about the way in which it was trained to be asked."""
    if limits := limits_of(run.name, {medium.size_wh for example in examples for medium in example.media}):
        yield limits
    trained = run.config is not None and run.config.task.load().name == task.name
    if trained and task.takes_options and not request.options and not getattr(task, "open_naming", False):
        yield "This run was trained with the class names in its prompt. Give them with --options."
