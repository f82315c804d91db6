"""Supervised fine-tuning as the paper's authors described theirs, beside the twin that was tuned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mini.bench import Bench
from mini.cell import Cell
from mini.effort import Effort
from mini.files import Groups
from mini.pooled import pooled
from mini.settings import SETTINGS
from mini.studies.points import Point
from mini.studies.shared import by, of_same_seeds
from mini.studies.study import SEEDS, Found, Study
from mini.systems import BASE, RFT, TWIN, System
from mini.tables import table, told
from vrft.report.number_format import NOTHING
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


def _described(bench: Bench) -> list[System]:
    steps, warmup = (2, 1) if bench.effort.tries_code else (200, 100)
    changes = (
        "model.lora={rank: 8, alpha: 16}",
        "optim.schedule=cosine",
        f"optim.warmup_steps={warmup}",
    )
    return [System(DESCRIBED, "sft", Form.DIRECT, (1e-4,), steps, 0, overrides=changes)]


def described_table(found: Found, groups: Groups) -> str:
    """RFT beside it, and beside the twin, on the same seeds.

    Args:
        found: files of its points.
        groups: cells of the main table; settings of which a seed is missing are left out.
    """
    rows = []
    for (name, shots), drawn in by(found, "setting", "shots").items():
        cells = {cell["seed"]: cell for cell in groups.get((name, shots), ())}
        if any(point["seed"] not in cells for point in drawn):
            continue
        own = [cells[point["seed"]] for point in drawn]
        described, base = pooled(drawn, DESCRIBED), pooled(drawn, BASE)
        twin, learner = pooled(own, TWIN), pooled(own, RFT)
        values = [told(one) for one in (base, described, twin, learner)]
        gaps = [
            told(learner.minus(one), sign=True) if learner and one else NOTHING for one in (described, twin)
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
    told_of = "; ".join(f"{title} {told(seen, sign=True)}" for title, seen in worth.items())
    return f"The tuned twin minus SFT as the authors described theirs: {told_of}."


STUDY = Study(
    "twin",
    "How much of the gap is the twin's tuning?",
    points,
    described_table,
    "*SFT as described* is what the paper's authors told readers of their code: LoRA, 200 steps of which 100 "
    "warm up, against RFT of all weights. Its rank of 8, its rate of 1e-04 and its cosine are our guess, the "
    "examples' of the tool that they named (LLaMA Factory). It is taught and asked direct answers, and "
    "nothing is chosen on validation. It is no twin: it is here to tell what a weak one would have shown.",
    question="How much of the paper's gap may be SFT that was not tuned?",
    answer=described_answer,
    settings=tuple(SETTINGS),
)
