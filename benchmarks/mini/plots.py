"""Plots of the page as SVG files that need no style sheet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from standalone_svg import Panel, standalone

from mini.files import Groups
from mini.plot_lines import LOOKS, chart_height, series
from mini.pooled import family_difference, pooled
from mini.settings import FAMILIES, SETTINGS
from mini.studies import STUDIES
from mini.systems import BASE, MAIN, RFT, SHUFFLED, TWIN
from mini.tables import TITLES
from vrft.report.charts import HEIGHT, WIDTH, Whisker, draw_line_chart, interval_plot, line_chart
from vrft.run_folder import write_text
from vrft.tasks.detection.calibration import Calibration, ReliabilityBin, reliability_chart, together

FEWEST_POINTS = 2


def shots_plot(groups: Groups, name: str) -> str | None:
    """Values over the number of shots."""
    shots = [s for s in SETTINGS[name].seeds if (name, s) in groups]
    if len(shots) < FEWEST_POINTS:
        return None
    lines = []
    for system in MAIN:
        places = [(float(s), pooled(groups[name, s], system)) for s in shots]
        lines.append(series(system, places))
    label = f"{SETTINGS[name].title}, {groups[name, shots[0]][0]['metric']} times 100 over shots"
    chart = line_chart(lines, label, axis="shots a class", log=True, marks=[float(s) for s in shots])
    return standalone([Panel(chart, WIDTH, HEIGHT)], [(TITLES[s], LOOKS[s]) for s in MAIN])


def families_plot(groups: Groups, first: str, other: str) -> str | None:
    """A difference in each of the five settings at the reference number of shots."""
    look, rows = "gain" if first == SHUFFLED else LOOKS[other], []
    for family in FAMILIES:
        seen = family_difference(groups, family, first, other)
        if seen is not None and seen.value is not None:
            rows.append(Whisker(family, look, seen.value, seen.low, seen.high))
    if not rows:
        return None
    chart = interval_plot(rows, f"{TITLES[first]} minus {TITLES[other]} by setting", zero=True)
    return standalone([Panel(chart, WIDTH, chart_height(chart))])


def reliability(cells: Sequence[Mapping[str, Any]], system: str) -> str | None:
    """A reliability diagram of one system, the boxes of all cells put together."""
    found = [cell["calibration"][system] for cell in cells if cell["calibration"].get(system)]
    if not sum(one["boxes"] for one in found):
        return None
    chart, _ = draw_line_chart(reliability_chart(together([_calibration(one) for one in found])), "rft")
    return standalone([Panel(chart, WIDTH, chart_height(chart))])


def _calibration(row: Mapping[str, Any]) -> Calibration:
    """What a cell's file keeps of a calibration."""
    count = len(row["bins"])
    bins = tuple(
        ReliabilityBin(i / count, (i + 1) / count, n, *map(_known, means))
        for i, (n, *means) in enumerate(row["bins"])
    )
    return Calibration(row["boxes"], _known(row["ece"]), _known(row["brier"]), bins)


def _known(value: float | None) -> float:
    return float("nan") if value is None else value


MakePlot = Callable[[], str | None]


def write_plots(
    groups: Groups, studies: Mapping[str, Sequence[Mapping[str, Any]]], folder: Path
) -> dict[str, Path]:
    """Write every plot that there are numbers for."""
    reference = groups.get(("detection", SETTINGS["detection"].reference), ())
    wanted: dict[str, MakePlot] = {
        "rft_minus_base": lambda: families_plot(groups, RFT, BASE),
        "rft_minus_sft": lambda: families_plot(groups, RFT, TWIN),
        "shuffled_minus_base": lambda: families_plot(groups, SHUFFLED, BASE),
        "shots_classification": lambda: shots_plot(groups, "classification"),
        "shots_detection": lambda: shots_plot(groups, "detection"),
        "reliability_base": lambda: reliability(reference, BASE),
        "reliability_rft": lambda: reliability(reference, RFT),
    }
    wanted |= {name: partial(study.plot, studies.get(name, ()), groups) for name, study in STUDIES.items()}
    written = {}
    for name, draw in wanted.items():
        path, drawn = folder / f"{name}.svg", draw()
        path.unlink(missing_ok=True)
        if drawn is not None:
            write_text(path, drawn)
            written[name] = path
    return written
