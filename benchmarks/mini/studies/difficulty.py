"""Does the gain grow with difficulty? RFT and SFT from the hard, middle and easy third of 16 shots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mini.cell import Cell
from mini.cell_runner import CellRunner
from mini.difficulty import thirds
from mini.effort import FULL, Effort
from mini.files import Groups
from mini.pooled import lead
from mini.settings import SETTINGS
from mini.studies.points import Picked, Point
from mini.studies.shared import SFT, both, both_table, by, of_same_seeds, seeds_text
from mini.studies.study import SEEDS, Found, Study
from mini.systems import BASE, RFT
from mini.tables import TITLES, with_interval
from vrft.types import Example

SHOTS = 16
PARTS = ("hard", "middle", "easy")
SFT_RATES, RFT_RATES = (3e-5, 1e-4), (5e-5, 1e-4)
"""Of each two: those that the main table's trials in detection chose."""


def points(effort: Effort, models: Sequence[str], setting: str) -> Iterator[Point]:
    """Thirds of the training images by the base policy's successes."""
    own = effort if effort.tries_code else replace(effort, sft_rates=SFT_RATES, rft_rates=RFT_RATES)
    for seed in SEEDS:
        for part in PARTS:
            cell, name = Cell(setting, SHOTS, seed), f"{setting}-{part}-{seed}"
            yield Point("difficulty", name, cell, own, both, {"part": part}, _third(part))


def _third(part: str) -> Picked:
    def picked(runner: CellRunner) -> list[Example]:
        names = set(thirds(runner.shares)[part])
        return [e for e in runner.split.train if e.id in names]

    return picked


def difficulty_table(found: Found, groups: Groups) -> str:
    """Base, SFT and RFT from each third of the images."""
    return both_table("part", sorted(found, key=lambda point: PARTS.index(point["x"]["part"])))


def difficulty_answer(found: Found, groups: Groups) -> str:
    """What the hard third is worth next to the easy one, on the same seeds."""
    sentences = []
    for (setting,), own in by(found, "setting").items():
        thirds_of = [[p for p in own if p["x"]["part"] == part] for part in ("hard", "easy")]
        if not all(thirds_of):
            continue
        hard, easy = of_same_seeds(*thirds_of)
        gains = []
        for system in (RFT, SFT):
            one, other = (lead(points, system, BASE) for points in (hard, easy))
            if one is not None and other is not None:
                gains.append(f"{TITLES[system]} {with_interval(one.minus(other), sign=True)}")
        sentences.append(
            f"In {SETTINGS[setting].title} ({seeds_text(hard)}) the hard third instead of the easy one is "
            f"worth {' and '.join(gains)}."
        )
    return " ".join(sentences)


STUDY = Study(
    "difficulty",
    "Hard, middling and easy images",
    points,
    difficulty_table,
    f"Thirds of the images of {SHOTS} shots by the share of right answers among {FULL.difficulty_samples} "
    "samples of the base policy. SFT, in RFT's form, and RFT have two rates each.",
    question="Does the gain grow with difficulty?",
    answer=difficulty_answer,
)
