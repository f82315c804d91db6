"""``vrft eval``: one policy on one labelled folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vrft.commands.locate import form_for, length_for, model_source, pixels_for, run_config
from vrft.commands.segmenting import segment_answers, segmentation_card
from vrft.config.run_config import RunConfig
from vrft.data.dataset import Dataset, load_dataset
from vrft.data.splits.few_shot import Split
from vrft.distributed import launched
from vrft.errors import InputError, Interrupted
from vrft.evaluation.judged import Judged
from vrft.evaluation.masks_file import MASKS
from vrft.evaluation.scorecard import CardOptions, scorecard
from vrft.evaluation.scorecard.card import headline
from vrft.inference.ask_options import BATCH, Asking
from vrft.inference.evaluate import evaluate
from vrft.inference.provenance import check_origin
from vrft.miniature.location import MINIATURE
from vrft.models.load_policy import load_policy
from vrft.progress import Narrator, Silence
from vrft.report.build_report import build_evaluation_page
from vrft.run_folder import hardware, versions, write_json
from vrft.tasks.fusion import rule_for
from vrft.tasks.task import Task, load_task
from vrft.training.run_questions import ask_about, check_sizes, questions_of, saved_split
from vrft.types import Example, Form

PARTS = ("all", "train", "val", "heldout")


@dataclass(frozen=True)
class EvalSettings:
    """What is evaluated, on what, and how; None takes what the model's own run was trained with."""

    model: str
    data: Path
    task: str | None = None
    form: Form | None = None
    subject: str | None = None
    open_naming: bool | None = None
    part: str | None = None
    """One of ``PARTS``; None takes the held-out part where there is one, else all."""
    manifest: Path | None = None
    """A saved split."""
    eval_max: int = 1000
    max_new_tokens: int | None = None
    min_pixels: int | None = None
    max_pixels: int | None = None
    samples: int = 1
    temperature: float = 1.0
    seed: int = 0
    flip: bool = False
    scales: tuple[float, ...] = ()
    gate: bool = False
    rule: str | None = None
    """Of ``vrft.tasks.fusion``: makes one answer of several, and that is scored."""
    novel: tuple[str, ...] = ()
    """Categories that training has not seen; all others are base categories."""
    sam: str | None = None
    """A SAM folder or hub id, which makes regions of boxes."""
    batch: int = BATCH
    """Questions encoded together: fewer take less memory."""


@dataclass(frozen=True)
class Scored:
    """A finished evaluation."""

    card: dict[str, Any]
    folder: Path
    page: Path


def run_eval(settings: EvalSettings, folder: Path, narrator: Narrator) -> Scored | None:
    """Ask a policy about labelled pictures, score the answers, and write a page.

    Args:
        settings: what to do.
        folder: keeps answers, result and page; what it holds already is not asked again.
        narrator: where progress goes.

    Returns:
        The result; None in a process that only helped.

    Raises:
        InputError: the data, the model or a setting cannot be used.
        RunError: the folder holds answers that were asked for in another way.
        Interrupted: the user stopped it; the answers so far are kept.
    """
    own = run_config(settings.model)
    task = _task(settings, own)
    dataset = load_dataset(settings.data, task.name)
    examples, part = _questions(settings, own, task, dataset)
    check_sizes(examples)
    asking = _asking(settings, own)
    _check(settings, task, examples)
    share = launched()
    narrator = narrator if share.is_first else Silence()
    if own is not None and part == "all" and settings.part is None:
        narrator.say(
            f"This run was trained on {own.data.path}, and {settings.data} is taken for other pictures: all "
            "of them are asked about. If they are the same, add --manifest FILE."
        )
    pixels = pixels_for(own, settings.min_pixels, settings.max_pixels)
    source = model_source(settings.model)
    if share.is_first:
        check_origin(folder, source, settings.data, task.name, examples, asking, pixels)
    share.wait()
    policy = load_policy(source, device=share.device, min_pixels=pixels[0], max_pixels=pixels[1])
    try:
        with narrator.stage("Asking", len(examples)) as advance:
            judged = evaluate(
                policy,
                task,
                examples,
                asking,
                path=folder / "answers.jsonl",
                share=share,
                progress=lambda done: advance(done, ""),
            )
        if not share.is_first:
            return None
        segmentation = _segmentation(settings, judged, folder, narrator)
    except KeyboardInterrupt:
        raise Interrupted(f"Stopped; the answers so far are in {folder}. The same command goes on.") from None
    facts = {
        "model": settings.model,
        "miniature": MINIATURE in (settings.model, own.model.path if own is not None else None),
        "data": str(settings.data),
        "part": part,
        "asking": asking.row(),
    }
    options = _card_options(settings, task, dataset, judged)
    return write_result(folder, task, judged, options, {**facts, **segmentation})


def write_result(
    folder: Path, task: Task, judged: list[Judged], options: CardOptions, facts: dict[str, Any]
) -> Scored:
    """Score answers and write ``result.json`` and ``report.html``.

    Args:
        folder: where to.
        task: of the answers.
        judged: answers.
        options: of the scorecard.
        facts: where the answers come from; they stand before the figures.
    """
    card = {**facts, **scorecard(task, judged, options), "hardware": hardware(), "versions": versions()}
    write_json(folder / "result.json", card)
    return Scored(card, folder, build_evaluation_page(card, judged, folder / "report.html"))


def _check(settings: EvalSettings, task: Task, examples: Sequence[Example]) -> None:
    """Refuse before anything is asked what could not be scored afterwards."""
    if not examples:
        raise InputError(f"{settings.data}: no question is left to ask. Take another --part.")
    if settings.rule is not None:
        rule_for(settings.rule, examples[0].target)
        if settings.samples == 1 and not settings.flip and not settings.scales:
            raise InputError(f"--fuse {settings.rule} needs several answers: add --samples 8, for one.")
    groups = {task.group(example) for example in examples}
    strange = [name for name in settings.novel if name not in groups]
    if strange:
        raise InputError(
            f"--novel: nothing is asked about '{strange[0]}'. Known: {', '.join(sorted(groups))}."
        )


def _task(settings: EvalSettings, own: RunConfig | None) -> Task:
    if settings.task is None and own is None:
        raise InputError(f"{settings.model} is no run that says its task. Add --task detection, or another.")
    return load_task(settings.task or (own.task if own is not None else ""))


def _questions(
    settings: EvalSettings, own: RunConfig | None, task: Task, dataset: Dataset
) -> tuple[list[Example], str]:
    """The questions, evenly thinned, and the name of their part."""
    subject = settings.subject or (own.prompt.subject if own is not None else "object")
    open_naming = settings.open_naming
    if open_naming is None:
        open_naming = own.prompt.open if own is not None else False
    examples = ask_about(task, dataset, subject, open_naming)
    parts = _parts(_split(settings, own, task, examples), dataset, examples)
    part = settings.part or ("heldout" if parts.get("heldout") else "all")
    if part not in PARTS:
        raise InputError(f"--part '{part}': there is no such part. Choose one of: {', '.join(PARTS)}.")
    if part != "all":
        if not parts.get(part):
            raise InputError(f"--part {part}: no such part of this folder is known. Add --manifest FILE.")
        examples = parts[part]
    if len(examples) > settings.eval_max:
        stride = len(examples) / settings.eval_max
        examples = [examples[int(i * stride)] for i in range(settings.eval_max)]
    return list(examples), part


def _parts(
    split: Split | None, dataset: Dataset, examples: Sequence[Example]
) -> dict[str, Sequence[Example]]:
    """Questions by part: of the split where one is known, else of the parts that the data set came in."""
    if split is not None:
        return {"train": split.train, "val": split.val, "heldout": split.heldout}
    own = dataset.parts
    if not own:
        return {}
    return {
        ours: [e for e in examples if own.get(e.record_id) == theirs]
        for ours, theirs in (("train", "train"), ("val", "val"), ("heldout", "test"))
    }


def _split(settings: EvalSettings, own: RunConfig | None, task: Task, examples: Any) -> Split | None:
    """The split that a manifest tells, or that the model's run was trained with on this very folder."""
    if settings.manifest is not None:
        return saved_split(examples, settings.manifest)
    same = own is not None and own.task == task.name
    if own is None or not same or Path(own.data.path).resolve() != settings.data.resolve():
        return None
    beside = Path(settings.model).parent / "manifest.json"
    if own.data.manifest is not None and not Path(own.data.manifest).exists() and beside.exists():
        # A fit that was moved, or is called from another folder, keeps its split beside its runs.
        return saved_split(examples, beside)
    return questions_of(own).split


def _asking(settings: EvalSettings, own: RunConfig | None) -> Asking:
    return Asking(
        form_for(settings.model, settings.form),
        length_for(own, settings.max_new_tokens),
        settings.samples,
        settings.temperature,
        seed=settings.seed,
        flip=settings.flip,
        scales=settings.scales,
        gate=settings.gate,
        batch=settings.batch,
    )


def _segmentation(
    settings: EvalSettings, judged: list[Judged], folder: Path, narrator: Narrator
) -> dict[str, Any]:
    """gIoU and cIoU of the headline's answers, where a SAM is named or its regions are kept."""
    if settings.sam is None and not (folder / MASKS).exists():
        return {}
    scored = headline(judged, settings.rule)
    segmented = segment_answers([*judged, *scored], settings.sam, folder, narrator)
    return {"segmentation": segmentation_card(scored, segmented)}


def _card_options(settings: EvalSettings, task: Task, dataset: Dataset, judged: list[Judged]) -> CardOptions:
    base: tuple[str, ...] = ()
    if settings.novel:
        base = tuple(sorted({task.group(j.example) for j in judged} - set(settings.novel)))
    return CardOptions(
        settings.rule,
        base=base,
        novel=settings.novel,
        records=dataset.records,
        frequencies=dataset.frequencies or {},
    )
