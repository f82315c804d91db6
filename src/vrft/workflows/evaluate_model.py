"""One policy on one labelled folder: which questions, the answers, the card and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vrft.config.questions import ask_about, questions_of, saved_split, unusable_images
from vrft.data.dataset import Dataset, load_dataset
from vrft.data.splits.few_shot import Split
from vrft.distributed import init_distributed
from vrft.errors import InputError, Interrupted
from vrft.evaluation.ensemble import headline
from vrft.evaluation.scorecard import CardOptions, scorecard
from vrft.evaluation.segmented import MASKS
from vrft.inference.evaluate import evaluate
from vrft.inference.provenance import PREDICTIONS, check_questions
from vrft.inference.segment_answers import segment_answers, segmentation_card
from vrft.miniature.location import MINIATURE
from vrft.progress import NullReporter, ProgressReporter
from vrft.report.build_report import build_evaluation_page
from vrft.run_folder import hardware, versions, write_json
from vrft.tasks.metrics.mask_iou import region_target
from vrft.tasks.task import Task
from vrft.types import Example, Prediction
from vrft.workflows.answer_memory import refuse_too_large
from vrft.workflows.requests import EvaluateRequest, Part, TaskRequest
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
    run = TrainedRun.of(model)
    task = run.task(request)
    dataset = load_dataset(data, task.needs, run.reading(data, request))
    examples, part = _questions(run, data, request, task, dataset)
    unusable = unusable_images(examples)
    dataset = dataset.without(unusable, request.strict)
    examples = [example for example in examples if example.record_id not in unusable]
    options = run.options(request, batch=request.batch, gate=request.gate)
    _check(data, request, task, examples)
    context = init_distributed()
    shown = reporter if reporter is not None and context.is_first else NullReporter()
    if dataset.summary:
        shown.info(dataset.summary)
    if run.config is not None and part == "all" and request.part is None:
        shown.info(
            f"This run was trained on {run.config.data.path}. {data} counts as other images, and all of "
            "them are used. If they are the same images, add --manifest FILE."
        )
    if context.is_first:
        check_questions(folder, run.settings(request, task, options) | {"data": str(data)}, examples)
    context.wait_for_everyone()
    predictor = run.predictor(request, options, context.device)
    refuse_too_large(predictor, examples)
    try:
        with shown.task("Asking", len(examples)) as update:
            predictions = evaluate(
                predictor,
                examples,
                batch=options.batch,
                path=folder / PREDICTIONS,
                context=context,
                progress=lambda done: update(done, ""),
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
        "miniature": MINIATURE in (model, run.config.model.path if run.config is not None else None),
        "data": str(data),
        "part": part,
        "asking": {"form": str(run.form(request)), **options.row()},
        **segmentation,
    }
    groups = {one.example.group for one in predictions}
    card_options = CardOptions(
        request.fuse,
        base=tuple(sorted(groups - set(request.novel))) if request.novel else (),
        novel=request.novel,
        records=dataset.records,
        frequencies=dataset.frequencies or {},
    )
    scored = scorecard(predictions, card_options)
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


def _questions(
    run: TrainedRun, data: Path, request: EvaluateRequest, task: Task, dataset: Dataset
) -> tuple[list[Example], Part]:
    """The questions, evenly thinned, and the name of their part."""
    examples = ask_about(task, dataset)
    parts = _parts(_split(run, data, request, task, examples), dataset, examples)
    part: Part = request.part or ("heldout" if parts.get("heldout") else "all")
    if part != "all":
        if not parts.get(part):
            raise InputError(
                f"--part {part}: there is no such part. Add --manifest FILE of a split, or leave --part out."
            )
        examples = parts[part]
    stride = max(1.0, len(examples) / request.eval_max)
    chosen = [examples[int(i * stride)] for i in range(min(len(examples), request.eval_max))]
    return [replace(example, form=run.form(request)) for example in chosen], part


def _parts(
    split: Split | None, dataset: Dataset, examples: Sequence[Example]
) -> dict[str, Sequence[Example]]:
    """Questions by part: of the split where one is known, else of the parts that the dataset came in."""
    if split is not None:
        return {"train": split.train, "val": split.val, "heldout": split.heldout}
    own = dataset.parts
    if not own:
        return {}
    return {
        ours: [e for e in examples if own.get(e.record_id) == theirs]
        for ours, theirs in (("train", "train"), ("val", "val"), ("heldout", "test"))
    }


def _split(
    run: TrainedRun, data: Path, request: EvaluateRequest, task: Task, examples: Sequence[Example]
) -> Split | None:
    """The split that a manifest gives, or that the model's run was trained with on this very folder."""
    if request.manifest is not None:
        return saved_split(examples, request.manifest)
    own = run.config
    if own is None or run.task(TaskRequest()).name != task.name:
        return None
    if Path(own.data.path).resolve() != data.resolve():
        return None
    beside = Path(run.model).parent / "manifest.json"
    if own.data.manifest is not None and not Path(own.data.manifest).exists() and beside.exists():
        # A fit that was moved, or is called from another folder, keeps its split next to its runs.
        return saved_split(examples, beside)
    return questions_of(own).split


def _segmentation(
    request: EvaluateRequest, predictions: list[Prediction], folder: Path, reporter: ProgressReporter
) -> dict[str, Any]:
    """gIoU and cIoU of the headline's answers, where a SAM is named or its regions are kept."""
    if request.sam is None and not (folder / MASKS).exists():
        return {}
    scored = headline(predictions, request.fuse)
    segmented = segment_answers([*predictions, *scored], request.sam, folder, reporter)
    return {"segmentation": segmentation_card(scored, segmented)}
