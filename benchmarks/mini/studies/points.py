"""A point of a study: some questions, a model, some systems, and the one JSON file that comes of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mini.cell import Cell, facts, open_runner
from mini.cell_runner import CellRunner
from mini.effort import MODEL, Effort
from mini.scores import calibrations, scope_scores
from mini.systems import BASE, System
from vrft.progress import ProgressReporter
from vrft.run_folder import read_json, write_json
from vrft.types import Example

Picked = Callable[[CellRunner], list[Example]]


@dataclass(frozen=True)
class Point:
    """One point of a study."""

    study: str
    name: str
    cell: Cell
    effort: Effort
    systems: Callable[[CellRunner], list[System]]
    x: Mapping[str, Any]
    """What is varied, by name."""
    picked: Picked | None = None
    """Training questions; None takes those of the cell."""
    train: int | None = None
    """Training images to draw."""
    development: bool = False
    """Score on images that are neither held out nor learned from."""


def run_point(point: Point, out: Path, work: Path, reporter: ProgressReporter) -> dict[str, Any]:
    """Run one point, or read it back.

    Raises:
        Interrupted: a signal ended it; the same call goes on.
    """
    path = out / "studies" / point.study / f"{point.name}.json"
    if path.exists():
        found: dict[str, Any] = read_json(path)
        return found
    place = work / f"study-{point.study}-{point.name}"
    reporter.info(f"study {point.study}, {point.name}")
    runner = open_runner(point.cell, place, reporter, point.effort, point.train, point.development)
    answers = {BASE: runner.answers(BASE, point.effort.model, runner.form)}
    learned = point.picked(runner) if point.picked else None
    for system in point.systems(runner):
        answers[system.name] = list(runner.train(system, learned).predictions)
    result = facts(point.cell, runner) | {
        "study": point.study,
        "x": dict(point.x),
        "scored_on": "development" if point.development else "held-out",
        "command": _command(point),
        "systems": {key: outcome.row() for key, outcome in runner.outcomes.items()},
        "scopes": scope_scores(point.cell.of, runner.task, answers, point.effort.resamples),
        "calibration": calibrations(runner.task, answers),
    }
    result |= runner.spend()
    write_json(path, result)
    shutil.rmtree(place)
    return result


def _command(point: Point) -> str:
    model = f" --models {point.effort.model}" if point.effort.model != MODEL else ""
    return (
        f"python benchmarks/mini.py --study {point.study} --on {point.cell.setting} "
        f"--seed {point.cell.seed}{model}"
    )
