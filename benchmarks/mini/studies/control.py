"""Shuffled rewards on more seeds, where the main table has one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mini.cell import Cell
from mini.cell_runner import CellRunner
from mini.effort import Effort
from mini.files import Groups
from mini.pooled import lead, pooled
from mini.settings import SETTINGS
from mini.studies.points import Point
from mini.studies.shared import by, seeds_text
from mini.studies.study import Found, Study
from mini.systems import BASE, SHUFFLED, System, controls, rft
from mini.tables import minus, table, with_interval

SEEDS = range(1, 5)
"""Those that the table does not have."""
RATE = 1e-4
"""The larger of the two that RFT's trials chose most often: a walk with longer steps goes further."""
HEAD = ["setting", "shots", "shuffled - base in the table", "other seeds", "base", "shuffled rewards"]


def points(effort: Effort, models: Sequence[str], setting: str) -> Iterator[Point]:
    """One run for each of a setting's numbers of shots that have one seed, and each further seed."""
    for shots in (shots for shots, count in SETTINGS[setting].seeds.items() if count == 1):
        for seed in SEEDS:
            cell = Cell(setting, shots, seed)
            yield Point("control", f"{setting}-{shots}-{seed}", cell, effort, _shuffled, {"rate": RATE})


def _shuffled(runner: CellRunner) -> list[System]:
    return controls(rft(runner.effort, runner.form), RATE, further=False)


def control_table(found: Found, groups: Groups) -> str:
    """The table's one seed, and next to it the others, put together."""
    rows = [
        [
            SETTINGS[setting].title,
            str(shots),
            minus(groups.get((setting, shots), ()), SHUFFLED, BASE),
            str(len(own)),
            *(with_interval(pooled(own, system)) for system in (BASE, SHUFFLED)),
            minus(own, SHUFFLED, BASE),
        ]
        for (setting, shots), own in sorted(by(found, "setting", "shots").items())
    ]
    return table([*HEAD, "shuffled - base"], rows)


def control_answer(found: Found, groups: Groups) -> str:
    """What shuffled rewards are worth on seeds that no table has."""
    said = []
    for (setting, shots), own in sorted(by(found, "setting", "shots").items()):
        gain = lead(own, SHUFFLED, BASE)
        if gain is not None:
            where = f"{SETTINGS[setting].title}, {shots} shots"
            said.append(f"{where}: {with_interval(gain, sign=True)} ({seeds_text(own)} that are in no table)")
    return f"Shuffled rewards - base, {'; '.join(said)}." if said else ""


STUDY = Study(
    "control",
    "Shuffled rewards on more seeds",
    points,
    control_table,
    "Training on shuffled rewards is a walk without direction, and one seed's interval, which is over "
    "images alone, does not know how far such walks go. Here it is walked on other seeds, with rate "
    f"{RATE:.0e}, all steps and no choice, and their interval is over seeds too.",
    question="Does training on rewards that say nothing lift the policy?",
    answer=control_answer,
    settings=tuple(name for name, setting in SETTINGS.items() if 1 in setting.seeds.values()),
)
