"""Supervised fine-tuning as the paper's authors described theirs, next to the twin that was tuned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mini.cell import Cell
from mini.cell_runner import CellRunner
from mini.effort import Effort
from mini.files import Groups
from mini.pooled import pooled
from mini.settings import SETTINGS
from mini.studies.points import Point
from mini.studies.shared import by, of_same_seeds
from mini.studies.study import SEEDS, Found, Study
from mini.systems import BASE, RFT, TWIN, System
from mini.tables import table, with_interval
from vrft.types import Form

DESCRIBED = "sft_as_described"
"""Name of the system."""
HEAD = ["setting", "shots", "seeds", "base", "SFT as described", "SFT", "RFT"]
GAPS = ["RFT - SFT as described", "RFT - SFT"]


def points(effort: Effort, models: Sequence[str], setting: str) -> Iterator[Point]:
    """One run a seed at the reference number of shots; the last step counts."""
    for seed in SEEDS:
        cell = Cell(setting, SETTINGS[setting].reference, seed)
        yield Point("twin", f"{setting}-{seed}", cell, effort, _described, {"system": DESCRIBED})


def _described(runner: CellRunner) -> list[System]:
    steps, warmup = (2, 1) if runner.effort.tries_code else (200, 100)
    changes = (
        "model.lora={rank: 8, alpha: 16}",
        "optim.schedule=cosine",
        f"optim.warmup_steps={warmup}",
    )
    return [System(DESCRIBED, "sft", Form.DIRECT, (1e-4,), steps, 0, overrides=changes)]


def described_table(found: Found, groups: Groups) -> str:
    """RFT next to it and to the twin, on the same seeds; settings of which a seed is missing are left out."""
    rows = []
    for (name, shots), drawn in by(found, "setting", "shots").items():
        cells = {cell["seed"]: cell for cell in groups.get((name, shots), ())}
        if any(point["seed"] not in cells for point in drawn):
            continue
        own = [cells[point["seed"]] for point in drawn]
        described, base = pooled(drawn, DESCRIBED), pooled(drawn, BASE)
        twin, learner = pooled(own, TWIN), pooled(own, RFT)
        values = [with_interval(one) for one in (base, described, twin, learner)]
        gaps = [
            with_interval(learner.minus(one) if learner and one else None, sign=True)
            for one in (described, twin)
        ]
        rows.append([SETTINGS[name].title, str(shots), str(len(own)), *values, *gaps])
    return table([*HEAD, *GAPS], rows)


def described_answer(found: Found, groups: Groups) -> str:
    """What tuning is worth to SFT in each setting, on the same seeds."""
    worth = {}
    for (setting, shots), drawn in by(found, "setting", "shots").items():
        own, cells = of_same_seeds(drawn, groups.get((setting, shots), ()))
        described, tuned = (
            pooled(one, name) if one else None for one, name in ((own, DESCRIBED), (cells, TWIN))
        )
        if described is not None and tuned is not None:
            worth[SETTINGS[setting].title] = tuned.minus(described)
    if not worth:
        return ""
    listed = "; ".join(f"{title} {with_interval(seen, sign=True)}" for title, seen in worth.items())
    return f"The tuned twin minus SFT as the authors described theirs: {listed}."


STUDY = Study(
    "twin",
    "How much of the gap is the twin's tuning?",
    points,
    described_table,
    "*SFT as described* is what the paper's authors reported to readers of their code: LoRA, 200 steps of "
    "which 100 warm up, against RFT of all weights. Its rank of 8, its rate of 1e-04 and its cosine are our "
    "guess, the examples' of the tool that they named (LLaMA Factory). It is taught and asked direct "
    "answers, and nothing is chosen on validation. It is not a twin: "
    "it shows what a weak one would have shown.",
    question="How much of the paper's gap may be SFT that was not tuned?",
    answer=described_answer,
    settings=tuple(SETTINGS),
)
