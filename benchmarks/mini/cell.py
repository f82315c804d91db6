"""One cell of the main table: a setting, a number of shots, a seed; one process, one JSON file."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from mini.cell_runner import CellRunner, Outcome
from mini.effort import FULL, MODEL, Effort
from mini.scores import calibrations, scope_scores
from mini.settings import SETTINGS, Setting, images, questions
from mini.systems import (
    BASE,
    EQUAL_STEPS,
    EQUAL_TOKENS,
    MAIN,
    OTHER_BASE,
    TWIN,
    System,
    controls,
    on_twin,
    other,
    rft,
    twins,
)
from mini.tokens import steps_within
from vrft.miniature.location import miniature_folder
from vrft.progress import ProgressReporter
from vrft.run_folder import hardware, read_json, versions, write_json
from vrft.types import Prediction
from vrft.workflows.trials import choose

VERSION = 4


@dataclass(frozen=True)
class Cell:
    """What a cell is called."""

    setting: str
    shots: int
    seed: int

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.setting}-{self.shots}-{self.seed}"

    @property
    def options(self) -> str:
        """Of the command that runs it."""
        return f"--setting {self.setting} --shots {self.shots} --seed {self.seed}"

    @property
    def of(self) -> Setting:
        """Its setting."""
        return SETTINGS[self.setting]

    @property
    def has_further_controls(self) -> bool:
        """Whether the controls other than shuffled rewards run in it."""
        return self.shots == self.of.reference and self.seed < 3


def main_table() -> list[Cell]:
    """All cells of the main table: those that the claims are about first, then the first seed of each."""
    cells = [
        Cell(setting.name, shots, seed)
        for setting in SETTINGS.values()
        for shots, seeds in setting.seeds.items()
        for seed in range(seeds)
    ]
    return sorted(cells, key=lambda cell: (cell.shots != cell.of.reference, cell.seed))


def run_cell(
    cell: Cell, out: Path, work: Path, reporter: ProgressReporter, effort: Effort = FULL, keep: bool = False
) -> dict[str, Any]:
    """Run a cell, or read it back.

    Raises:
        Interrupted: a signal ended it; the same call goes on.
    """
    path = out / "cells" / f"{cell.name}.json"
    if path.exists():
        found: dict[str, Any] = read_json(path)
        return found
    place = work / cell.name
    runner = open_runner(cell, place, reporter, effort)
    answers = train_all(cell, runner)
    result = facts(cell, runner) | {
        "twin": twin_of(runner).system.name,
        "systems": {name: outcome.row() for name, outcome in runner.outcomes.items()},
        "scopes": scope_scores(cell.of, runner.task, answers, effort.resamples),
        "calibration": calibrations(runner.task, {name: answers[name] for name in MAIN}),
    }
    result |= runner.spend()
    write_json(path, result)
    if not keep:
        shutil.rmtree(place)
    return result


def open_runner(
    cell: Cell,
    place: Path,
    reporter: ProgressReporter,
    effort: Effort,
    train: int | None = None,
    development: bool = False,
) -> CellRunner:
    """What runs a cell, with its questions."""
    reporter.info(f"{cell.name}: {cell.of.title}, {cell.shots} shots {cell.of.unit}, seed {cell.seed}")
    asked = questions(
        cell.of,
        place / "data",
        cell.shots,
        cell.seed,
        asked=effort.asked,
        train=train,
        development=development,
    )
    return CellRunner(asked.task, asked.split, effort, cell.seed, place, reporter)


def train_all(cell: Cell, runner: CellRunner) -> dict[str, list[Prediction]]:
    """Train every system of a cell; their held-out answers by name."""
    effort, form = runner.effort, runner.form
    answers = {
        BASE: runner.answers(BASE, effort.model, form),
        OTHER_BASE: runner.answers(OTHER_BASE, effort.model, other(form)),
    }
    for system in twins(effort, form):
        runner.train(system)
    twin, learner = twin_of(runner), runner.train(rft(effort, form))
    runner.train(on_twin(effort, twin.system))
    rate = learner.chosen.learning_rate
    for system in controls(learner.system, rate, cell.has_further_controls):
        runner.train(system)
    answers[EQUAL_STEPS] = _equal_steps(runner, twin, learner)
    runner.train(_equal_tokens(twin, learner))
    return (
        answers
        | {TWIN: list(twin.predictions)}
        | {name: list(o.predictions) for name, o in runner.outcomes.items()}
    )


def twin_of(runner: CellRunner) -> Outcome:
    """The best form of supervised fine-tuning on the validation part."""
    forms = {o.system.name: o for o in runner.outcomes.values() if o.system.name in _twin_names(runner)}
    return forms[choose([o.chosen for o in forms.values()]).system]


def _twin_names(runner: CellRunner) -> list[str]:
    return [system.name for system in twins(runner.effort, runner.form)]


def _as_twin(twin: Outcome, name: str, steps: int, every: int) -> System:
    return replace(twin.system, name=name, rates=(twin.chosen.learning_rate,), steps=steps, every=every)


def _equal_steps(runner: CellRunner, twin: Outcome, learner: Outcome) -> list[Prediction]:
    """The twin's answers after exactly the optimizer steps that RFT's chosen checkpoint took."""
    steps = learner.chosen.best_step
    if not steps:
        return runner.answers(EQUAL_STEPS, runner.effort.model, twin.system.form)
    return list(runner.train(_as_twin(twin, EQUAL_STEPS, steps, 0)).predictions)


def _equal_tokens(twin: Outcome, learner: Outcome) -> System:
    """The twin with as many tokens as RFT's chosen trial, validated as often as before."""
    steps = steps_within(learner.tokens.total, twin.tokens)
    return _as_twin(twin, EQUAL_TOKENS, steps, twin.system.every)


def facts(cell: Cell, runner: CellRunner) -> dict[str, Any]:
    """What a JSON file says of where its numbers come from."""
    setting, split = cell.of, runner.split
    return {
        "version": VERSION,
        "setting": setting.name,
        "family": setting.family,
        "shots": cell.shots,
        "seed": cell.seed,
        "task": runner.task.name,
        "metric": runner.task.metrics[0].name,
        "headline": setting.headline,
        "form": runner.form,
        "probe": runner.probe,
        "questions": {
            part: {"questions": len(asked), "images": images(asked)}
            for part, asked in (("train", split.train), ("val", split.val), ("heldout", split.heldout))
        },
        "effort": asdict(runner.effort),
        "model_sha256": _model_hash(runner.effort.model),
        "command": f"python benchmarks/mini.py {cell.options}",
        "threads": torch.get_num_threads(),
        "hardware": hardware(),
        "versions": versions(),
    }


def _model_hash(model: str) -> str | None:
    folder = miniature_folder() if model == MODEL else Path(model)
    weights = folder / "model.safetensors"
    return hashlib.sha256(weights.read_bytes()).hexdigest() if weights.exists() else None
