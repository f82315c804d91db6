"""Tables of the studies, from the points that are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mini.attempt_tables import attempts_table
from mini.files import Groups
from mini.pooled import pooled
from mini.settings import SETTINGS
from mini.systems import BASE, DESCRIBED, RFT, TWIN
from mini.tables import minus, table, told
from vrft.report.figures import NOTHING

Points = Sequence[Mapping[str, Any]]
StudyTable = Callable[[Points, Groups], str]


def _grouped(points: Points, *keys: str) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for point in sorted(points, key=lambda p: p["seed"]):
        groups.setdefault(tuple((point | point["x"])[k] for k in keys), []).append(point)
    return groups


def data_table(points: Points, groups: Groups) -> str:
    """SFT from more and more pictures, RFT from few."""
    rows = []
    for (system, shots), cells in sorted(_grouped(points, "system", "shots").items()):
        used = [c["systems"][system]["training_pictures"] for c in cells]
        mean = f"{sum(used) / len(used):.0f}"
        rows.append([system.upper(), str(shots), mean, str(len(cells)), told(pooled(cells, system))])
    return table(["system", "shots", "training pictures", "seeds", "AP"], rows)


def catching_up(points: Points) -> list[str]:
    """For each k, at how many pictures SFT's mean first reaches that of RFT."""
    groups = _grouped(points, "system", "shots")
    values = {key: pooled(cells, key[0]) for key, cells in groups.items()}
    sentences = []
    for (system, shots), drawn in sorted(values.items()):
        if system != RFT or drawn is None:
            continue
        enough = [
            cells
            for (other, _), cells in sorted(groups.items())
            if other == "sft" and (seen := pooled(cells, "sft")) is not None and seen.value >= drawn.value
        ]
        used = [c["systems"]["sft"]["training_pictures"] for c in enough[0]] if enough else []
        reached = f"at {sum(used) / len(used):.0f} pictures" if used else "nowhere in the range that was run"
        sentences.append(f"SFT's mean reaches that of RFT from {shots} shots {reached}.")
    return sentences


def both_table(key: str) -> StudyTable:
    """Base, SFT and RFT for each value of one thing."""

    def made(points: Points, groups: Groups) -> str:
        rows = [
            [
                setting,
                str(value),
                str(len(cells)),
                *(told(pooled(cells, system)) for system in (BASE, "sft", RFT)),
                *(minus(cells, RFT, other) for other in (BASE, "sft")),
            ]
            for (setting, value), cells in sorted(_grouped(points, "setting", key).items())
        ]
        return table(["setting", key, "seeds", "base", "SFT", "RFT", "RFT - base", "RFT - SFT"], rows)

    return made


def sensitivity_table(points: Points, groups: Groups) -> str:
    """RFT at every setting that was tried: an attempt a row."""
    rows = []
    for point in sorted(
        points, key=lambda p: (p["setting"], *(p["x"][k] for k in ("beta", "group", "rate")))
    ):
        x, chosen = point["x"], point["systems"][RFT]["chosen"]
        value, gain = told(pooled([point], RFT)), minus([point], RFT, BASE)
        tried = [str(x["group"]), str(x["beta"]), f"{x['rate']:.0e}", str(chosen["step"])]
        rows.append([point["setting"], *tried, value, gain])
    return table(["setting", "G", "beta", "rate", "step", "RFT", "RFT - base"], rows)


def described_table(points: Points, groups: Groups) -> str:
    """RFT beside supervised fine-tuning as described, and beside the twin, on the same seeds.

    Args:
        points: of the study of the twin.
        groups: cells of the main table; settings of which a seed is missing are left out.
    """
    rows = []
    for (name, shots), drawn in _grouped(points, "setting", "shots").items():
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
    head = ["setting", "shots", "seeds", "base", "SFT as described", "SFT", "RFT"]
    return table([*head, "RFT - SFT as described", "RFT - SFT"], rows)


TABLES: Mapping[str, StudyTable] = {
    "data": data_table,
    "size": both_table("model"),
    "difficulty": both_table("part"),
    "sensitivity": sensitivity_table,
    "attempts": lambda points, groups: attempts_table(points),
    "twin": described_table,
}
"""Of each study, from its points and the cells of the main table."""
