"""Runs one cell, one process, one JSON file; a stopped one goes on where it was, trial by trial."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mini.effort import Effort
from mini.scores import scores_of
from mini.spending import Spending

from reasoning import measures
from reasoning.arms import ARMS, BASE, RFT, SFT, CellContext, Trained, best_labels
from reasoning.cell import CELLS, PLAIN, Cell
from reasoning.effort import FORCED, FULL, OBJECTS, SAMPLES
from reasoning.questions import split_for
from vrft.evaluation.statistics import same_questions
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.models.model_source import weights_of
from vrft.models.policy import Policy
from vrft.progress import ProgressReporter
from vrft.run_folder import RunFolder, hardware, read_json, versions, write_json
from vrft.tasks.registry import load_task
from vrft.types import Form, Prediction
from vrft.workflows.fit_settings import FitSettings
from vrft.workflows.rejection_sampling import NAME as REJECTION
from vrft.workflows.rejection_sampling import count_answers
from vrft.workflows.trials import Trial, in_form

VERSION = 1
HEADLINE = "all"


def run_cell(
    cell: Cell,
    out: Path,
    work: Path,
    reporter: ProgressReporter,
    *,
    model: str,
    arms: Sequence[str] | None = None,
    effort: Effort = FULL,
    keep: bool = False,
) -> dict[str, Any]:
    """Run a cell, or read it back.

    Args:
        cell: which.
        out: folder of JSON files.
        work: folder of runs; the cell's own is deleted when it is done.
        reporter: where sentences go.
        model: the base, a folder or the name of an embedded one.
        arms: that train, RFT among them; None takes the cell's own.
        effort: how much is trained.
        keep: leave the runs on disk.

    Raises:
        Interrupted: a signal ended it; the same call goes on.
    """
    path = out / "cells" / f"{cell.name}.json"
    if path.exists():
        found: dict[str, Any] = read_json(path)
        return found
    place = work / cell.name
    reporter.info(f"{cell.name}: {cell.asks.title}, {cell.share:.0%} chains, seed {cell.seed}")
    spending = Spending(place / "spent.json")
    split = split_for(cell.asks, place / "data", cell.seed, effort.asked)
    runner = CellRunner(CellContext(cell, model, split, effort, place, reporter))
    for name in arms or CELLS[cell]:
        runner.train(name)
        spending.add()
    result = runner.result() | spending.add()
    write_json(path, result)
    if not keep:
        shutil.rmtree(place)
    return result


class CellRunner:
    """Trains the arms of a cell one after the other, and measures."""

    def __init__(self, run: CellContext) -> None:
        self.run, self.done, self.spent = run, dict[str, Trained](), dict[str, float]()
        self.base = _policy(run.model)

    def train(self, name: str) -> None:
        """Train an arm; finished trials are read back."""
        run = self.run
        spending = Spending(run.place / name / "spent.json")
        trained = ARMS[name].train(run, name, self.done, self.base)
        self.done[name] = trained
        self.spent[name] = spending.add()["core_seconds"]
        chosen = trained.chosen
        said = (
            "nothing to learn"
            if chosen is None
            else f"rate {chosen.learning_rate:.0e}, step {chosen.best_step}"
        )
        value = f", validation {chosen.validation:.3f}" if chosen and chosen.validation is not None else ""
        run.note(f"{name}: {said}{value} ({self.spent[name]:.0f} core seconds)")

    def result(self) -> dict[str, Any]:
        """Everything that the page reads."""
        run = self.run
        cell, effort, task = run.cell, run.effort, load_task(run.cell.asks.task)
        heldout = self._heldout()
        labels = best_labels(self.done)
        scored = scores_of(task, same_questions(heldout), effort.resamples)
        for name, own in heldout.items():
            scored["systems"][name]["shows_work"] = measures.heldout_worked(own)
        return {
            "version": VERSION,
            "question": cell.question,
            "share": cell.share,
            "seed": cell.seed,
            "variant": cell.variant,
            "metric": task.metrics[0].name,
            "headline": HEADLINE,
            "scopes": {HEADLINE: scored},
            "labels": labels,
            "systems": {name: self._row(name) for name in self.done},
            **(self._besides() if cell.variant == PLAIN else {}),
            "steps": self._steps(),
            "questions": {p: len(getattr(run.split, p)) for p in ("train", "val", "heldout")},
            "effort": asdict(effort),
            "weights": weights_of(run.model),
            "command": f"python benchmarks/reasoning.py --cell {cell.name}",
            "threads": torch.get_num_threads(),
            "hardware": hardware(),
            "versions": versions(),
        }

    def _heldout(self) -> dict[str, list[Prediction]]:
        found = {
            BASE: self._answers(BASE, self.base, Form.THINK),
            f"{BASE}_direct": self._answers(f"{BASE}_direct", self.base, Form.DIRECT),
        }
        for name, trained in self.done.items():
            found[name] = self._answers(name, self._policy_of(name), trained.form)
        labels = best_labels(self.done)
        return found | ({SFT: found[labels]} if labels else {})

    def _answers(self, name: str, policy: Policy, form: Form) -> list[Prediction]:
        run = self.run
        questions = in_form(run.split.heldout, form)
        return measures.answers(policy, questions, run.effort, run.place / "heldout" / f"{name}.jsonl")

    def _policy_of(self, name: str) -> Policy:
        """Of an arm, or the base."""
        model = self.run.model if name == BASE else self.done[name].model(self.run.model)
        return self.base if model == self.run.model else _policy(model)

    def _row(self, name: str) -> dict[str, Any]:
        trained = self.done[name]
        chosen = trained.chosen
        sampled = None
        if name.startswith(REJECTION) and (rft := self.done[RFT].folder()) is not None:
            sampled = count_answers(trained.root, rft, FitSettings.rejection_keep)
        return {
            "form": trained.form,
            "training_images": trained.questions,
            "trials": [_trial(one) for one in trained.trials],
            "chosen": None if chosen is None else _trial(chosen),
            "sampled": sampled,
            "core_seconds": self.spent[name],
        }

    def _besides(self) -> dict[str, Any]:
        """What belongs to a base more than to a way of training it, and is measured once for each seed."""
        return {"base": self._of_base(), "follows": self._follows(), "skills": self._skills()}

    def _of_base(self) -> dict[str, Any]:
        """What the base's samples show, of held-out and of training questions."""
        run = self.run
        samples = min(SAMPLES, run.effort.group)
        asked, train = (in_form(part, Form.THINK) for part in (run.split.heldout, run.split.train))
        common = (run.effort, samples, run.cell.seed)
        return {
            **self._kept("base", lambda: measures.base_samples(self.base, asked, *common)),
            "probe": self._kept("probe", lambda: measures.probed(self.base, train, *common)),
        }

    def _follows(self) -> dict[str, Any]:
        """Whether answers follow chains, where the question is a sum."""
        run = self.run
        if run.cell.asks.task != "reasoning":
            return {}
        asked = in_form(run.split.heldout[:FORCED], Form.THINK)

        def measure(name: str) -> dict[str, Any]:
            policy = self._policy_of(name)
            return measures.follows(policy, run.cell.asks, asked, run.effort, run.cell.seed)

        return {name: self._kept(f"follows-{name}", partial(measure, name)) for name in (BASE, RFT)}

    def _skills(self) -> dict[str, Any]:
        """Old skills of the base, of the best SFT on labels and of RFT."""
        labels, objects = best_labels(self.done), OBJECTS if self.run.effort.asked is None else 8

        def measure(name: str) -> dict[str, Any]:
            return measures.old_skills(self._policy_of(name), objects)

        named = {BASE: BASE, RFT: RFT} | ({SFT: labels} if labels else {})
        return {name: self._kept(f"skills-{name}", partial(measure, own)) for name, own in named.items()}

    def _steps(self) -> list[dict[str, Any]]:
        run = self.done[RFT].folder()
        return [] if run is None else measures.steps_of(RunFolder(run))

    def _kept(self, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A measure, read back where it was made before a stop."""
        path = self.run.place / "measures" / f"{name}.json"
        if not path.exists():
            write_json(path, measure())
            gc.collect()
        found: dict[str, Any] = read_json(path)
        return found


def _trial(one: Trial) -> dict[str, Any]:
    return {
        "run": one.folder,
        "learning_rate": one.learning_rate,
        "validation": one.validation,
        "step": one.best_step,
        "steps": one.steps,
    }


def _policy(model: str) -> Policy:
    return load_policy(ModelOptions(path=model, device="cpu"))
