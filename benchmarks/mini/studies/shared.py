"""What several studies need: their systems, points put into groups, the table of SFT and RFT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mini.cell_runner import CellRunner
from mini.files import Groups
from mini.pooled import known_as, pooled
from mini.studies.study import Found
from mini.systems import BASE, RFT, TWIN, System, rft, twins
from mini.tables import minus, table, with_interval

SFT = TWIN
"""Supervised fine-tuning in RFT's form, the only one that these studies train; it goes by the twin's name."""


def learner(runner: CellRunner) -> list[System]:
    """RFT alone."""
    return [rft(runner.effort, runner.form)]


def supervised(runner: CellRunner) -> list[System]:
    """Supervised fine-tuning in RFT's form alone."""
    return [replace(twins(runner.effort, runner.form)[0], name=SFT)]


def both(runner: CellRunner) -> list[System]:
    """Supervised fine-tuning in RFT's form, and RFT."""
    return [*supervised(runner), *learner(runner)]


def by(found: Found, *keys: str) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    """Points by what they vary, in the order of their seeds."""
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for point in sorted(found, key=lambda p: p["seed"]):
        groups.setdefault(tuple((point | point["x"])[k] for k in keys), []).append(point)
    return groups


def from_cells(groups: Groups, setting: str, shots: int, **x: Any) -> list[Mapping[str, Any]]:
    """Cells of the main table as points of a study: RFT, and SFT in RFT's form."""
    cells = groups.get((setting, shots), ())
    return [{**known_as(cell, f"sft_{cell['form']}", SFT), "x": x} for cell in cells]


def of_same_seeds(*found: Found) -> list[list[Mapping[str, Any]]]:
    """Of several lists of points those of the seeds that all of them have, in the seeds' order."""
    common = set.intersection(*({point["seed"] for point in points} for points in found))
    return [[p for p in sorted(points, key=lambda p: p["seed"]) if p["seed"] in common] for points in found]


def seeds_text(found: Found) -> str:
    """How many seeds points have.

    Example:
        >>> seeds_text([{"seed": 0}, {"seed": 1}])
        '2 seeds'
    """
    count = len({point["seed"] for point in found})
    return f"{count} seed{'s' if count > 1 else ''}"


def both_table(key: str, found: Found) -> str:
    """Base, SFT and RFT for each value of what is varied."""
    rows = [
        [
            setting,
            str(value),
            str(len(own)),
            *(with_interval(pooled(own, system)) for system in (BASE, SFT, RFT)),
            *(minus(own, RFT, other) for other in (BASE, SFT)),
        ]
        for (setting, value), own in by(found, "setting", key).items()
    ]
    return table(["setting", key, "seeds", "base", "SFT", "RFT", "RFT - base", "RFT - SFT"], rows)
