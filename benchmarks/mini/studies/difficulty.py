"""Does the gain grow with difficulty? RFT and SFT from the hard, middle and easy third of 16 shots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mini.bench import Bench
from mini.cell import Cell
from mini.difficulty import thirds
from mini.effort import FULL, Effort
from mini.files import Groups
from mini.studies.points import Picked, Point
from mini.studies.shared import both, both_table
from mini.studies.study import SEEDS, Found, Study
from vrft.types import Example

SHOTS = 16
PARTS = ("hard", "middle", "easy")
SFT_RATES, RFT_RATES = (3e-5, 1e-4), (5e-5, 1e-4)
"""Of each two: those that the main table's trials in detection chose."""


def points(effort: Effort, models: Sequence[str], setting: str) -> Iterator[Point]:
    """Thirds of the training pictures by the base policy's successes."""
    own = effort if effort.tries_code else replace(effort, sft_rates=SFT_RATES, rft_rates=RFT_RATES)
    for seed in SEEDS:
        for part in PARTS:
            cell, name = Cell(setting, SHOTS, seed), f"{setting}-{part}-{seed}"
            yield Point("difficulty", name, cell, own, both, {"part": part}, _third(part))


def _third(part: str) -> Picked:
    def picked(bench: Bench) -> list[Example]:
        names = set(thirds(bench.shares)[part])
        return [e for e in bench.split.train if e.id in names]

    return picked


def difficulty_table(found: Found, groups: Groups) -> str:
    """Base, SFT and RFT from each third of the pictures."""
    return both_table("part", found)


STUDY = Study(
    "difficulty",
    "Hard, middling and easy pictures",
    points,
    difficulty_table,
    f"Thirds of the pictures of {SHOTS} shots by the share of right answers among {FULL.difficulty_samples} "
    "samples of the base policy. SFT, in RFT's form, and RFT have two rates each.",
)
