"""Tables of the studies, from the points that are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mini.attempt_tables import attempts_table
from mini.effort import MODEL
from mini.files import Groups
from mini.pooled import known_as, pooled
from mini.settings import SETTINGS
from mini.systems import BASE, DESCRIBED, RFT, TWIN
from mini.tables import TITLES, minus, table, told
from vrft.report.figures import NOTHING

Points = Sequence[Mapping[str, Any]]
DATA_SETTING, DATA_RFT = "detection", (1, 2, 4)
"""Where RFT of the study of data is read off the main table."""
StudyTable = Callable[[Points, Groups], str]


def _grouped(points: Points, *keys: str) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for point in sorted(points, key=lambda p: p["seed"]):
        groups.setdefault(tuple((point | point["x"])[k] for k in keys), []).append(point)
    return groups


def from_cells(groups: Groups, setting: str, shots: int, **x: Any) -> list[Mapping[str, Any]]:
    """Cells of the main table as points of a study: RFT, and SFT in RFT's form, which goes by 'sft'.

    Args:
        groups: cells that are there.
        setting: their setting.
        shots: their number of shots.
        x: what the study varies.
    """
    cells = groups.get((setting, shots), ())
    return [{**known_as(cell, f"sft_{cell['form']}", "sft"), "x": x} for cell in cells]


def data_lines(points: Points, groups: Groups) -> dict[str, list[tuple[int, Points]]]:
    """RFT of the main table's few shots, and SFT of the study's many: shots and their points."""
    few = {shots: from_cells(groups, DATA_SETTING, shots) for shots in DATA_RFT}
    many = _grouped(points, "shots")
    return {
        RFT: [(shots, found) for shots, found in few.items() if found],
        "sft": [(shots, found) for (shots,), found in sorted(many.items())],
    }


def pictures_used(points: Points, system: str) -> float:
    """Mean number of training pictures."""
    used = [point["systems"][system]["training_pictures"] for point in points]
    return float(sum(used) / len(used))


def data_table(points: Points, groups: Groups) -> str:
    """SFT from more and more pictures, RFT from few."""
    rows = [
        [
            TITLES[system],
            str(shots),
            f"{pictures_used(own, system):.0f}",
            str(len(own)),
            told(pooled(own, system)),
        ]
        for system, line in data_lines(points, groups).items()
        for shots, own in line
    ]
    return table(["system", "shots", "training pictures", "seeds", "AP"], rows)


def catching_up(points: Points, groups: Groups) -> list[str]:
    """For each k, at how many pictures SFT's mean first reaches that of RFT."""
    lines = data_lines(points, groups)
    reached = [(pooled(own, "sft"), pictures_used(own, "sft")) for _, own in lines["sft"]]
    sentences = []
    for shots, own in lines[RFT]:
        goal = pooled(own, RFT)
        enough = [used for seen, used in reached if seen and goal and seen.value >= goal.value]
        where = f"at {enough[0]:.0f} pictures" if enough else "nowhere in the range that was run"
        sentences.append(f"SFT's mean reaches that of RFT from {shots} shots {where}.")
    return sentences


def size_table(points: Points, groups: Groups) -> str:
    """Base, SFT and RFT of the shipped miniature, from the main table, and of the others."""
    places = dict.fromkeys((point["setting"], point["shots"]) for point in points)
    shipped = [cell for place in places for cell in from_cells(groups, *place, model=MODEL)]
    return _both("model", [*shipped, *points])


def difficulty_table(points: Points, groups: Groups) -> str:
    """Base, SFT and RFT from each third of the pictures."""
    return _both("part", points)


def _both(key: str, points: Points) -> str:
    rows = [
        [
            setting,
            str(value),
            str(len(own)),
            *(told(pooled(own, system)) for system in (BASE, "sft", RFT)),
            *(minus(own, RFT, other) for other in (BASE, "sft")),
        ]
        for (setting, value), own in _grouped(points, "setting", key).items()
    ]
    return table(["setting", key, "seeds", "base", "SFT", "RFT", "RFT - base", "RFT - SFT"], rows)


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
    "size": size_table,
    "difficulty": difficulty_table,
    "sensitivity": sensitivity_table,
    "attempts": lambda points, groups: attempts_table(points),
    "twin": described_table,
}
"""Of each study, from its points and the cells of the main table."""
