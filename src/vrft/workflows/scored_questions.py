"""Which labelled questions an evaluation asks: nothing that a run was trained on counts as held out.

A run keeps its split (``manifest.json``). Whatever was added to the folder since, removed, renamed or
labelled anew, and wherever it lies now: what is held out is what that split holds out, as long as the image
is the same file. Images that the split does not know are other images; those of them that the run has
learned from or chosen by are found by their content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from vrft.config.questions import ask_about, questions_of, saved_split
from vrft.config.run_config import RunConfig
from vrft.data.dataset import Dataset
from vrft.data.splits.few_shot import Split
from vrft.data.splits.manifest import PARTS, SavedSplit, hash_of, manifest
from vrft.errors import InputError
from vrft.run_folder import MANIFEST
from vrft.tasks.task import Task
from vrft.types import Example, Medium
from vrft.workflows.requests import EvaluateRequest, Part, TaskRequest
from vrft.workflows.trained_run import TrainedRun

_Parts = Mapping[str, Sequence[Example]]
_Hash = Callable[[tuple[Medium, ...]], str]


@dataclass(frozen=True)
class ScoredQuestions:
    """The questions, evenly thinned, the name of their part, and what a user should know of the choice."""

    examples: list[Example]
    part: Part
    notes: tuple[str, ...] = ()


def scored_questions(
    run: TrainedRun, data: Path, request: EvaluateRequest, task: Task, dataset: Dataset
) -> ScoredQuestions:
    """Choose what is asked.

    Args:
        run: the model, and the run that it is of.
        data: the labels, as the user named them.
        request: a part or a saved split may be named.
        task: that asks.
        dataset: of ``data``.

    Raises:
        InputError: the part is not there, or the run's split cannot be found and no part is named.
    """
    own, examples, notes = run.split, ask_about(task, dataset), list[str]()
    hashed: _Hash = cache(hash_of)
    parts = _parts(run, own, data, request, task, dataset, examples, hashed, notes)
    part: Part = request.part or ("heldout" if parts.get("heldout") else "all")
    if part != "all" and not parts.get(part):
        raise InputError(
            f"--part {part}: there is no such part. Add --manifest FILE of a split, or leave --part out."
        )
    chosen = examples if part == "all" else parts[part]
    stride = max(1.0, len(chosen) / request.eval_max)
    thinned = [chosen[int(i * stride)] for i in range(min(len(chosen), request.eval_max))]
    if request.part in (None, "heldout") and own is not None:
        thinned = _without_learned(thinned, own, data, hashed, notes)
    form = run.form(request)
    return ScoredQuestions([replace(example, form=form) for example in thinned], part, tuple(notes))


def _parts(
    run: TrainedRun,
    own: SavedSplit | None,
    data: Path,
    request: EvaluateRequest,
    task: Task,
    dataset: Dataset,
    examples: Sequence[Example],
    hashed: _Hash,
    notes: list[str],
) -> _Parts:
    """Questions by part: of the split where one is known, else of the parts that the dataset came in."""
    if request.manifest is not None:
        return _of(saved_split(examples, request.manifest))
    same_task = run.config is None or run.task(TaskRequest()).name == task.name
    if own is not None and same_task:
        here = _same_questions(own, request, examples, hashed, notes)
        if any(here.values()):
            return here
    elif run.config is not None and own is None and request.part != "all":
        if _is_the_data_of(run.config, data) and same_task:
            notes.append(
                f"{run.model} kept no split ({MANIFEST}), as runs of earlier versions do. It is drawn again "
                "from the folder as it is now: where images were added, removed or labelled anew since, some "
                "that it was trained on may count as held out."
            )
            return _of(questions_of(run.config, refusal=run.limits(request).refusal).split)
        if not Path(run.config.data.path).is_absolute():
            raise InputError(
                f"{run.model} kept no split ({MANIFEST}), as runs of earlier versions do, and it was trained "
                f"on '{run.config.data.path}', seen from another folder. Call from that folder, add "
                "--manifest FILE, or ask about everything with --part all."
            )
    if run.config is not None and request.part is None:
        others = f"on {run.config.data.path}, and {data} holds other images"
        why = others if same_task else f"for another task than {task.name}"
        notes.append(f"This run was trained {why}. All images that it was not trained on count.")
    given = dataset.parts
    return {
        ours: [e for e in examples if given.get(e.record_id) == theirs]
        for ours, theirs in (("train", "train"), ("val", "val"), ("heldout", "test"))
        if given
    }


def _of(split: Split) -> _Parts:
    return {part: getattr(split, part) for part in PARTS}


def _same_questions(
    own: SavedSplit, request: EvaluateRequest, examples: Sequence[Example], hashed: _Hash, notes: list[str]
) -> dict[str, list[Example]]:
    """The run's questions whose images are still the same files."""
    named = own.named_in(examples)
    here = {
        part: [e for e in getattr(named, part) if hashed(e.media) == own.images.get(e.record_id)]
        for part in PARTS
    }
    if not any(here.values()):
        return here
    lost = len(own.parts["heldout"]) - len(here["heldout"])
    if lost:
        notes.append(
            f"{lost} of the {len(own.parts['heldout'])} held-out questions of this run are left out: their "
            "images are no longer there, or have changed."
        )
    kept = replace(named, train=(), val=(), heldout=tuple(here["heldout"]))
    now = SavedSplit.read(manifest(kept)).asks
    # Choices may be others because the user asks in another way.
    compared = ("answer",) if request.task_option else ("answer", "choices")
    relabelled = [
        name
        for name, asks in now.items()
        if name in own.asks and any(own.asks[name][key] != asks[key] for key in compared)
    ]
    if relabelled:
        notes.append(
            f"{len(relabelled)} held-out questions, such as '{relabelled[0]}', have other labels or classes "
            "to choose from than when the run began."
        )
    return here


def _without_learned(
    examples: list[Example], own: SavedSplit, data: Path, hashed: _Hash, notes: list[str]
) -> list[Example]:
    """The questions about images that the run has neither learned from nor chosen by."""
    kept = [example for example in examples if hashed(example.media) not in own.learned]
    count = len({e.record_id for e in examples} - {e.record_id for e in kept})
    if count:
        notes.append(f"{count} images are left out: the run was trained or validated on them.")
    if examples and not kept:
        raise InputError(
            f"{data}: the run was trained or validated on all of these images. Give others, or name a part: "
            "--part all."
        )
    return kept


def _is_the_data_of(config: RunConfig, data: Path) -> bool:
    return Path(config.data.path).resolve() == data.resolve()
