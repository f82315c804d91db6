"""Runs one cell, one process, one JSON file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from mini.effort import Effort
from mini.spending import Spending
from mini.systems import BASE

from kinds.cell import BASE_DIRECT, DEVELOPMENT, VERSION, Arm, Cell
from kinds.effort import FULL
from kinds.files import rates_for
from kinds.measures import distorted_steps, scopes_of
from kinds.questions import DATA_SEED, FOLDERS
from kinds.runner import Outcome, Runner
from vrft.models.model_source import weights_of
from vrft.progress import ProgressReporter
from vrft.run_folder import ROLLOUTS, hardware, read_json, read_rows, versions, write_json
from vrft.tasks.registry import load_task
from vrft.types import Form, Prediction
from vrft.types.rows import group_from_row

Answers = dict[str, list[Prediction]]


def run_cell(
    cell: Cell,
    out: Path,
    work: Path,
    reporter: ProgressReporter,
    effort: Effort = FULL,
    keep: bool = False,
) -> dict[str, Any]:
    """Run a cell, or read it back; on the development seed all rates are tried and nothing held out is asked.

    Args:
        cell: which.
        out: folder of JSON files, with the cell of the development seed.
        work: folder of runs; the cell's own is deleted when it is done.
        reporter: where sentences go.
        effort: how much is trained.
        keep: leave the runs on disk.

    Raises:
        ConfigError: the rates are not set yet.
        Interrupted: a signal ended it; the same call goes on.
    """
    path = out / "cells" / f"{cell.name}.json"
    if path.exists():
        found: dict[str, Any] = read_json(path)
        return found
    row, place, tries = cell.row, work / cell.name, cell.seed == DEVELOPMENT
    arms = [arm for arm in row.arms if not (tries and arm.control)]
    known = {} if tries or effort.tries_code else rates_for(row, out)
    rates = {arm.name: (known[arm.name],) if known else effort.rft_rates for arm in arms if not arm.control}
    reporter.info(f"{cell.name}: {row.title}, {', '.join(arm.name for arm in arms)}")
    spending = Spending(place / "spent.json")
    # A folder of its own for each cell: several may begin at once.
    data = FOLDERS[row.folder](place / "data", DATA_SEED)
    runner = Runner(cell, row.model, effort, data, place, rates, reporter)
    for arm in arms:
        runner.train(arm)
        spending.add()
    result = {
        "version": VERSION,
        "row": row.name,
        "seed": cell.seed,
        "headline": next(iter(row.tasks)),
        "metrics": {name: load_task(name).metrics[0].name for name in row.tasks},
        "questions": {part: len(getattr(runner.split, part)) for part in ("train", "val", "heldout")},
        "arms": {name: _trained(one, runner) for name, one in runner.outcomes.items()},
        **({} if tries else _measured(runner)),
        "weights": weights_of(row.model),
        "command": f"python benchmarks/kinds.py --cell {cell.name}",
        "threads": torch.get_num_threads(),
        "hardware": hardware(),
        "versions": versions(),
    }
    result |= spending.add()
    write_json(path, result)
    if not keep:
        shutil.rmtree(place)
    return result


def _measured(runner: Runner) -> dict[str, Any]:
    """The numbers of all systems on the held-out questions."""
    row = runner.cell.row
    every = Arm(BASE, BASE, asks=tuple(row.tasks))
    answers: Answers = {BASE: runner.answers(BASE, every, model=runner.model)}
    if row.direct:
        answers[BASE_DIRECT] = runner.answers(BASE_DIRECT, every, Form.DIRECT, runner.model)
    for name, one in runner.outcomes.items():
        answers.setdefault(one.arm.answers_as, []).extend(runner.answers(name, one.arm))
    further = {
        name: {
            system: {m.name: m.value(asked) for m in load_task(name).metrics[1:]}
            for system, own in answers.items()
            if (asked := [p for p in own if p.example.source == name])
        }
        for name in row.tasks
    }
    return {"scopes": scopes_of(row.tasks, answers, runner.effort.resamples), "further": further}


def _trained(outcome: Outcome, runner: Runner) -> dict[str, Any]:
    chosen = outcome.chosen
    found = {
        "learning_rate": chosen.learning_rate,
        "validation": chosen.validation,
        "step": chosen.best_step,
        "steps": chosen.steps,
        "sampled": dict(outcome.sampled),
        "trials": {f"{one.learning_rate:.0e}": one.validation for one in outcome.trials},
    }
    if "grpo.advantage=ema_normalized" in outcome.arm.overrides:
        found["distorted_steps"] = distorted_steps(_rewards(runner.folder(outcome.arm)))
    return found


def _rewards(run: Path) -> list[dict[str, list[float]]]:
    """The rewards of each task, step by step."""
    steps: dict[int, dict[str, list[float]]] = {}
    for row in read_rows(run / ROLLOUTS):
        number, group = group_from_row(row)
        own = steps.setdefault(number, {}).setdefault(group.example.source, [])
        own += [rollout.reward for rollout in group.rollouts]
    return [steps[number] for number in sorted(steps)]
