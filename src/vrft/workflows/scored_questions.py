"""Which labelled questions an evaluation asks: nothing that a run was trained on counts as held out.

A run keeps its split (``manifest.json``). Whatever was added to the folder since, removed, renamed or
labelled anew, and wherever it lies now: what is held out is what that split holds out, as long as the image
is the same file. Images that the split does not know are other images; those of them that the run has
learned from or chosen by are found by their content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from vrft.config.questions import ask_about, questions_of, saved_split
from vrft.config.run_config import RunConfig
from vrft.data.dataset import Dataset
from vrft.data.splits.few_shot import Split
from vrft.data.splits.manifest import PARTS, SavedSplit, hash_of, manifest, shown_name
from vrft.errors import InputError
from vrft.run_folder import MANIFEST
from vrft.tasks.task import Task
from vrft.types import Example, Medium
from vrft.workflows.requests import EvaluateRequest, Part, TaskRequest
from vrft.workflows.trained_run import TrainedRun

_Parts = Mapping[str, Sequence[Example]]


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
    return _Choice(run, data, request, task, dataset).made()


class _Choice:
    """A choice of questions while it is made, with the notes on it; as ``scored_questions`` takes them."""

    def __init__(
        self, run: TrainedRun, data: Path, request: EvaluateRequest, task: Task, dataset: Dataset
    ) -> None:
        self.run, self.data, self.request, self.task, self.dataset = run, data, request, task, dataset
        self.own, self.examples = run.split, ask_about(task, dataset)
        self.hashed: Callable[[tuple[Medium, ...]], str] = cache(hash_of)
        self.notes: list[str] = []

    @cached_property
    def same_task(self) -> bool:
        """Whether the run was trained for the task that asks."""
        return self.run.config is None or self.run.task(TaskRequest()).name == self.task.name

    def made(self) -> ScoredQuestions:
        """The chosen questions, thinned and in the form that is asked."""
        request, parts = self.request, self._parts()
        part: Part = request.part or ("heldout" if parts.get("heldout") else "all")
        if part != "all" and not parts.get(part):
            raise InputError(
                f"--part {part}: there is no such part. Add --manifest FILE of a split, or leave --part out."
            )
        chosen = self.examples if part == "all" else parts[part]
        stride = max(1.0, len(chosen) / request.eval_max)
        thinned = [chosen[int(i * stride)] for i in range(min(len(chosen), request.eval_max))]
        if request.part in (None, "heldout") and self.own is not None:
            thinned = self._without_learned(thinned, self.own)
        form = self.run.form(request)
        asked = [replace(example, form=form) for example in thinned]
        return ScoredQuestions(asked, part, tuple(self.notes))

    def _parts(self) -> _Parts:
        """Questions by part: of the split where one is known, else of the parts that the dataset came in."""
        request, config = self.request, self.run.config
        if request.manifest is not None:
            return _of(saved_split(self.examples, request.manifest))
        if self.own is not None and self.same_task:
            here = self._same_questions(self.own)
            if any(here.values()):
                return here
        elif config is not None and self.own is None and request.part != "all":
            redrawn = self._drawn_again(config)
            if redrawn is not None:
                return redrawn
        if config is not None and request.part is None:
            others = f"on {config.data.path}, and {self.data} holds other images"
            why = others if self.same_task else f"for another task than {self.task.name}"
            self.notes.append(f"This run was trained {why}. All images that it was not trained on count.")
        given = self.dataset.parts
        return {
            ours: [e for e in self.examples if given.get(e.record_id) == theirs]
            for ours, theirs in (("train", "train"), ("val", "val"), ("heldout", "test"))
            if given
        }

    def _drawn_again(self, config: RunConfig) -> _Parts | None:
        """The split of a run that kept none; None where the images are others than it was trained on."""
        kept_none = f"{self.run.model} kept no split ({MANIFEST}), as runs of earlier versions do"
        named = Path(config.data.path)
        if self.same_task and named.resolve() == self.data.resolve():
            self.notes.append(
                f"{kept_none}. It is drawn again from the folder as it is now: where images were added, "
                "removed or labelled anew since, some that it was trained on may count as held out."
            )
            return _of(questions_of(config, refusal=self.run.limits(self.request).refusal).split)
        if not named.is_absolute():
            raise InputError(
                f"{kept_none}, and it was trained on '{config.data.path}', seen from another folder. "
                "Call from that folder, add --manifest FILE, or ask about everything with --part all."
            )
        return None

    def _same_questions(self, own: SavedSplit) -> dict[str, list[Example]]:
        """The run's questions whose images are still the same files."""
        named = own.named_in(self.examples)
        here = {
            part: [e for e in getattr(named, part) if self.hashed(e.media) == own.images.get(shown_name(e))]
            for part in PARTS
        }
        if not any(here.values()):
            return here
        lost = len(own.parts["heldout"]) - len(here["heldout"])
        if lost:
            self.notes.append(
                f"{lost} of the {len(own.parts['heldout'])} held-out questions of this run are left out: "
                "their images are no longer there, or have changed."
            )
        kept = replace(named, train=(), val=(), heldout=tuple(here["heldout"]))
        now = SavedSplit.read(manifest(kept)).asks
        # Choices may be others because the user asks in another way.
        compared = ("answer",) if self.request.task_option else ("answer", "choices")
        relabelled = [
            name
            for name, asks in now.items()
            if name in own.asks and any(own.asks[name][key] != asks[key] for key in compared)
        ]
        if relabelled:
            self.notes.append(
                f"{len(relabelled)} held-out questions, such as '{relabelled[0]}', have other labels or "
                "classes to choose from than when the run began."
            )
        return here

    def _without_learned(self, examples: list[Example], own: SavedSplit) -> list[Example]:
        """The questions about images that the run has neither learned from nor chosen by."""
        kept = [example for example in examples if self.hashed(example.media) not in own.learned]
        count = len({e.record_id for e in examples} - {e.record_id for e in kept})
        if count:
            self.notes.append(f"{count} images are left out: the run was trained or validated on them.")
        if examples and not kept:
            raise InputError(
                f"{self.data}: the run was trained or validated on all of these images. Give others, or name "
                "a part: --part all."
            )
        return kept


def _of(split: Split) -> _Parts:
    return {part: getattr(split, part) for part in PARTS}
