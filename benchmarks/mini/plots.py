"""Plots of the page as SVG files that need no style sheet beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mini.files import Groups
from mini.pooled import Drawn, family_difference, pooled
from mini.settings import FAMILIES, SETTINGS
from mini.study_tables import data_lines, pictures_used
from mini.systems import BASE, BOTH, MAIN, PERMUTED, RFT, TWIN
from mini.tables import TITLES
from vrft.evaluation.calibration import Calibration, ReliabilityBin
from vrft.report.charts import HEIGHT, WIDTH, Series, Whisker, interval_plot, line_chart
from vrft.report.reliability import reliability_plot
from vrft.report.standalone import Panel, standalone
from vrft.runs.folder import write_text

LOOKS = {BASE: "base", TWIN: "sft", RFT: "rft", BOTH: "extra"}
FEWEST_POINTS = 2


def shots_plot(groups: Groups, name: str) -> str | None:
    """Values over the number of shots."""
    shots = [s for s in SETTINGS[name].seeds if (name, s) in groups]
    if len(shots) < FEWEST_POINTS:
        return None
    lines = []
    for system in MAIN:
        places = [(float(s), pooled(groups[name, s], system)) for s in shots]
        lines.append(_line(TITLES[system], LOOKS[system], places))
    label = f"{SETTINGS[name].title}, {groups[name, shots[0]][0]['metric']} times 100 over shots"
    chart = line_chart(lines, label, axis="shots a class", log=True, marks=[float(s) for s in shots])
    return standalone([Panel(chart, WIDTH, HEIGHT)], [(TITLES[s], LOOKS[s]) for s in MAIN])


def _line(name: str, look: str, places: Sequence[tuple[float, Drawn | None]]) -> Series:
    """Values with their intervals, times 100."""
    known = [(x, drawn.interval) for x, drawn in places if drawn is not None]
    return Series(
        name,
        look,
        [(x, 100 * seen.value) for x, seen in known],
        marked=True,
        spread=[(100 * seen.low, 100 * seen.high) for _, seen in known],
    )


def families_plot(groups: Groups, first: str, other: str) -> str | None:
    """A difference in each of the five settings at the reference number of shots."""
    look, rows = "gain" if first == PERMUTED else LOOKS[other], []
    for family in FAMILIES:
        seen = family_difference(groups, family, first, other)
        if seen is not None and seen.value is not None:
            rows.append(Whisker(family, look, seen.value, seen.low, seen.high))
    if not rows:
        return None
    chart = interval_plot(rows, f"{TITLES[first]} minus {TITLES[other]} by setting", zero=True)
    return standalone([Panel(chart, WIDTH, _height(chart))])


def reliability(cells: Sequence[Mapping[str, Any]], system: str) -> str | None:
    """A reliability diagram of one system, the boxes of all cells put together."""
    found = [cell["calibration"][system] for cell in cells if cell["calibration"].get(system)]
    boxes = sum(one["boxes"] for one in found)
    if not boxes:
        return None
    bins = tuple(
        _together(i, parts) for i, parts in enumerate(zip(*(one["bins"] for one in found), strict=True))
    )
    ece = sum(b.n * abs(b.hit_share - b.confidence) for b in bins if b.n) / boxes
    brier = sum(one["boxes"] * one["brier"] for one in found if one["boxes"]) / boxes
    chart = reliability_plot(Calibration(boxes, ece, brier, bins))
    return standalone([Panel(chart, WIDTH, _height(chart))])


def _together(index: int, parts: Sequence[Sequence[Any]]) -> ReliabilityBin:
    n = sum(count for count, _, _ in parts)
    means = [sum(part[0] * part[k] for part in parts if part[0]) / n if n else float("nan") for k in (1, 2)]
    return ReliabilityBin(index / 10, (index + 1) / 10, n, *means)


def data_plot(points: Sequence[Mapping[str, Any]], groups: Groups) -> str | None:
    """AP over the number of training pictures, of SFT and of RFT."""
    if not points:
        return None
    lines = [
        _line(
            TITLES[system],
            LOOKS[system],
            [(pictures_used(own, system), pooled(own, system)) for _, own in line],
        )
        for system, line in data_lines(points, groups).items()
    ]
    chart = line_chart(lines, "AP times 100 over training pictures", axis="training pictures", log=True)
    return standalone([Panel(chart, WIDTH, HEIGHT)], [(TITLES[s], LOOKS[s]) for s in (RFT, TWIN)])


def _height(chart: Markup) -> int:
    return int(str(chart).split('viewBox="0 0 ', 1)[1].split('"', 1)[0].split()[1].split(".")[0])


Draw = Callable[[], str | None]


def write_plots(
    groups: Groups, studies: Mapping[str, Sequence[Mapping[str, Any]]], folder: Path
) -> dict[str, Path]:
    """Write every plot that there are numbers for.

    Args:
        groups: cells that are there.
        studies: points of studies that are there.
        folder: of the SVG files; plots that no number backs any more are removed.

    Returns:
        Files by the plot's name.
    """
    reference = groups.get(("detection", SETTINGS["detection"].reference), ())
    wanted: dict[str, Draw] = {
        "rft_minus_base": lambda: families_plot(groups, RFT, BASE),
        "rft_minus_sft": lambda: families_plot(groups, RFT, TWIN),
        "permuted_minus_base": lambda: families_plot(groups, PERMUTED, BASE),
        "shots_classification": lambda: shots_plot(groups, "classification"),
        "shots_detection": lambda: shots_plot(groups, "detection"),
        "data": lambda: data_plot(studies.get("data", ()), groups),
        "reliability_base": lambda: reliability(reference, BASE),
        "reliability_rft": lambda: reliability(reference, RFT),
    }
    written = {}
    for name, draw in wanted.items():
        path, drawn = folder / f"{name}.svg", draw()
        path.unlink(missing_ok=True)
        if drawn is not None:
            write_text(path, drawn)
            written[name] = path
    return written
