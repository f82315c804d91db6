"""One policy on one labelled folder: which questions, the answers, the card and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vrft.config.questions import usable
from vrft.data.dataset import Dataset, labels_for
from vrft.distributed import init_distributed
from vrft.errors import InputError, Interrupted
from vrft.evaluation.ensemble import headline
from vrft.evaluation.scorecard import CardOptions, scorecard
from vrft.evaluation.segmented import MASKS
from vrft.inference.evaluate import evaluate
from vrft.inference.provenance import PREDICTIONS, check_questions
from vrft.inference.segment_answers import segment_answers, segmentation_card
from vrft.miniature.location import is_miniature
from vrft.progress import NullReporter, ProgressReporter, counted
from vrft.report.build_report import build_evaluation_page
from vrft.run_folder import hardware, place_of_data, removed_if_refused, versions, write_json
from vrft.tasks.metrics.mask_iou import region_target
from vrft.tasks.task import Task
from vrft.types import Example, Prediction
from vrft.workflows.answer_memory import refuse_too_large
from vrft.workflows.miniature_limits import limits_on
from vrft.workflows.requests import EvaluateRequest
from vrft.workflows.scored_questions import scored_questions
from vrft.workflows.trained_run import TrainedRun


@dataclass(frozen=True)
class Evaluated:
    """A finished evaluation: its card as plain JSON, its folder and its page."""

    card: dict[str, Any]
    folder: Path
    page: Path


def evaluation_stem(model: str, data: Path) -> Path:
    """Where an evaluation is kept that is given no folder."""
    return Path("runs") / f"eval-{Path(model).name}-{data.resolve().name}"


def evaluate_model(
    model: str,
    data: Path,
    request: EvaluateRequest,
    *,
    folder: Path,
    reporter: ProgressReporter | None = None,
) -> Evaluated | None:
    """Ask a policy about labelled images, score the answers, and write a page; None in a process that helped.

    What the folder holds already is not asked again; answers asked for in another way are a RunError.
    """
    run = TrainedRun.of(model).about(request.task, data)
    task = run.task(request)
    dataset = labels_for(task, data, run.reading(data, request))
    chosen = scored_questions(run, data, request, task, dataset)
    names = {example.record_id for example in chosen.examples}
    refusal = run.limits(request).refusal
    dataset, found = usable(dataset, request.strict, refusal=refusal, names=names)
    examples = [example for example in chosen.examples if example.record_id in found]
    options = run.options(request, batch=request.batch, gate=request.gate)
    _check(data, request, task, examples)
    context = init_distributed()
    shown = reporter if reporter is not None and context.is_first else NullReporter()
    if dataset.summary:
        shown.info(dataset.summary)
    notes = [*chosen.notes, *filter(None, [limits_on(run.name, dataset)])]
    for note in notes:
        shown.info(note)
    try:
        with removed_if_refused(folder, PREDICTIONS, context.is_first):
            if context.is_first:
                check_questions(folder, run.settings(request, task, options) | {"data": str(data)}, examples)
            context.wait_for_everyone()
            predictor = run.predictor(request, options, context)
            refuse_too_large(predictor, examples)
            with shown.task("Asking", len(examples)) as update:
                predictions = evaluate(
                    predictor,
                    examples,
                    batch=options.batch,
                    path=folder / PREDICTIONS,
                    context=context,
                    progress=counted(update),
                )
        if not context.is_first:
            return None
        segmentation = _segmentation(request, predictions, folder, shown)
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped; {folder} has the answers so far. Run the same command to continue."
        ) from None
    facts = {
        "model": model,
        "miniature": is_miniature(run.name),
        **place_of_data(data, dataset.root, folder),
        "part": chosen.part,
        "notes": notes,
        "asking": {"form": str(run.form(request)), **options.row()},
        **segmentation,
    }
    scored = scorecard(predictions, _card_options(request, dataset, predictions))
    card = {**facts, **scored, "hardware": hardware(), "versions": versions()}
    write_json(folder / "result.json", card)
    return Evaluated(card, folder, build_evaluation_page(card, predictions, folder / "report.html"))


def _check(data: Path, request: EvaluateRequest, task: Task, examples: Sequence[Example]) -> None:
    """Refuse before anything is asked what could not be scored afterwards."""
    if not examples:
        raise InputError(f"{data}: this part has no question. Name another --part.")
    if request.fuse is not None:
        task.rule(request.fuse)
        if request.samples == 1 and not request.flip and not request.scales:
            raise InputError(f"--fuse {request.fuse} needs several answers. Add, for example, --samples 8.")
    if request.sam is not None:
        for example in examples:
            region_target(example)
    groups = {example.group for example in examples}
    strange = [name for name in request.novel if name not in groups]
    if strange:
        raise InputError(f"--novel: no question is about '{strange[0]}'. Known: {', '.join(sorted(groups))}.")


def _card_options(
    request: EvaluateRequest, dataset: Dataset, predictions: Sequence[Prediction]
) -> CardOptions:
    """How the answers are scored; categories that are not named as novel are base ones."""
    groups = {one.example.group for one in predictions}
    return CardOptions(
        request.fuse,
        base=tuple(sorted(groups - set(request.novel))) if request.novel else (),
        novel=request.novel,
        records=dataset.records,
        frequencies=dataset.frequencies or {},
    )


def _segmentation(
    request: EvaluateRequest, predictions: list[Prediction], folder: Path, reporter: ProgressReporter
) -> dict[str, Any]:
    """gIoU and cIoU of the headline's answers, where a SAM is named or its regions are kept."""
    if request.sam is None and not (folder / MASKS).exists():
        return {}
    scored = headline(predictions, request.fuse)
    segmented = segment_answers([*predictions, *scored], request.sam, folder, reporter)
    return {"segmentation": segmentation_card(scored, segmented)}
