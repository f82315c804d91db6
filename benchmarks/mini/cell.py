"""One cell of the main table: a setting, a number of shots, a seed; one process, one JSON file."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from mini.bench import Bench, Outcome
from mini.effort import FULL, MODEL, Effort
from mini.scores import calibrations, scope_scores
from mini.settings import SETTINGS, Setting, pictures, questions
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
from vrft.evaluation.judged import Judged
from vrft.miniature.location import miniature_folder
from vrft.progress import Narrator
from vrft.run_folder import hardware, read_json, versions, write_json
from vrft.workflows.trials import choose

VERSION = 3


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
        """Whether the controls beside permuted rewards run in it."""
        return self.shots == self.of.reference and self.seed < 3


def main_table() -> list[Cell]:
    """All cells of the main table: those that the claims look at first, then the first seed of each."""
    cells = [
        Cell(setting.name, shots, seed)
        for setting in SETTINGS.values()
        for shots, seeds in setting.seeds.items()
        for seed in range(seeds)
    ]
    return sorted(cells, key=lambda cell: (cell.shots != cell.of.reference, cell.seed))


def run_cell(
    cell: Cell, out: Path, work: Path, narrator: Narrator, effort: Effort = FULL, keep: bool = False
) -> dict[str, Any]:
    """Run a cell, or read it back.

    Args:
        cell: which.
        out: folder of JSON files.
        work: folder of runs, where an interrupted cell goes on.
        narrator: where progress goes.
        effort: how much is trained.
        keep: leave the runs on disk.

    Returns:
        The content of the JSON file.

    Raises:
        Interrupted: a signal ended it; the same call goes on.
    """
    path = out / "cells" / f"{cell.name}.json"
    if path.exists():
        found: dict[str, Any] = read_json(path)
        return found
    place = work / cell.name
    bench = open_bench(cell, place, narrator, effort)
    answers = train_all(cell, bench)
    result = facts(cell, bench) | {
        "twin": twin_of(bench).system.name,
        "systems": {name: outcome.row() for name, outcome in bench.outcomes.items()},
        "scopes": scope_scores(cell.of, bench.task, answers, effort.resamples),
        "calibration": calibrations(bench.task, {name: answers[name] for name in MAIN}),
    }
    result |= bench.spend()
    write_json(path, result)
    if not keep:
        shutil.rmtree(place)
    return result


def open_bench(
    cell: Cell,
    place: Path,
    narrator: Narrator,
    effort: Effort,
    train: int | None = None,
    development: bool = False,
) -> Bench:
    """A cell's workshop with its questions.

    Args:
        cell: which.
        place: its folder.
        narrator: where progress goes.
        effort: how much is trained.
        train: training pictures to draw; None takes the setting's own number.
        development: score on pictures that are neither held out nor learned from.
    """
    narrator.say(f"{cell.name}: {cell.of.title}, {cell.shots} shots {cell.of.unit}, seed {cell.seed}")
    asked = questions(
        cell.of,
        place / "data",
        cell.shots,
        cell.seed,
        asked=effort.asked,
        train=train,
        development=development,
    )
    return Bench(asked.task, asked.split, effort, cell.seed, place, narrator)


def train_all(cell: Cell, bench: Bench) -> dict[str, list[Judged]]:
    """Train every system of a cell; their held-out answers by name."""
    effort, form = bench.effort, bench.form
    answers = {
        BASE: bench.answers(BASE, effort.model, form),
        OTHER_BASE: bench.answers(OTHER_BASE, effort.model, other(form)),
    }
    for system in twins(effort, form):
        bench.train(system)
    twin, learner = twin_of(bench), bench.train(rft(effort, form))
    bench.train(on_twin(effort, twin.system))
    rate = learner.chosen.learning_rate
    for system in controls(learner.system, rate, cell.has_further_controls):
        bench.train(system)
    answers[EQUAL_STEPS] = _equal_steps(bench, twin, learner)
    bench.train(_equal_tokens(twin, learner))
    return answers | {TWIN: list(twin.judged)} | {name: list(o.judged) for name, o in bench.outcomes.items()}


def twin_of(bench: Bench) -> Outcome:
    """The best form of supervised fine-tuning on the validation part."""
    forms = {o.system.name: o for o in bench.outcomes.values() if o.system.name in _twin_names(bench)}
    return forms[choose([o.chosen for o in forms.values()]).system]


def _twin_names(bench: Bench) -> list[str]:
    return [system.name for system in twins(bench.effort, bench.form)]


def _again(twin: Outcome, name: str, steps: int, every: int) -> System:
    return replace(twin.system, name=name, rates=(twin.chosen.learning_rate,), steps=steps, every=every)


def _equal_steps(bench: Bench, twin: Outcome, learner: Outcome) -> list[Judged]:
    """The twin's answers after exactly the optimiser steps that RFT's chosen checkpoint took."""
    steps = learner.chosen.best_step
    if not steps:
        return bench.answers(EQUAL_STEPS, bench.effort.model, twin.system.form)
    return list(bench.train(_again(twin, EQUAL_STEPS, steps, 0)).judged)


def _equal_tokens(twin: Outcome, learner: Outcome) -> System:
    """The twin with as many tokens as RFT's chosen trial, validated as often as before."""
    steps = steps_within(learner.tokens.total, twin.tokens)
    return _again(twin, EQUAL_TOKENS, steps, twin.system.every)


def facts(cell: Cell, bench: Bench) -> dict[str, Any]:
    """What a JSON file says of where its numbers come from."""
    setting, split = cell.of, bench.split
    return {
        "version": VERSION,
        "setting": setting.name,
        "family": setting.family,
        "shots": cell.shots,
        "seed": cell.seed,
        "task": bench.task.name,
        "metric": bench.task.metric,
        "headline": setting.headline,
        "form": bench.form,
        "probe": bench.probe,
        "questions": {
            part: {"questions": len(asked), "pictures": pictures(asked)}
            for part, asked in (("train", split.train), ("val", split.val), ("heldout", split.heldout))
        },
        "effort": asdict(bench.effort),
        "model_sha256": _model_hash(bench.effort.model),
        "command": f"python benchmarks/mini.py {cell.options}",
        "threads": torch.get_num_threads(),
        "hardware": hardware(),
        "versions": versions(),
    }


def _model_hash(model: str) -> str | None:
    folder = miniature_folder() if model == MODEL else Path(model)
    weights = folder / "model.safetensors"
    return hashlib.sha256(weights.read_bytes()).hexdigest() if weights.exists() else None
