"""What the plots of the main table and of the studies have in common."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from mini.pooled import SeedMean
from mini.systems import BASE, BOTH, RFT, TWIN
from mini.tables import TITLES
from vrft.report.charts import Series

LOOKS = {BASE: "base", TWIN: "sft", RFT: "rft", BOTH: "extra"}
"""The style of each system."""


def series(system: str, places: Sequence[tuple[float, SeedMean | None]]) -> Series:
    """A system's values with their intervals, times 100: its name, and x with the value there."""
    return line(TITLES[system], LOOKS[system], places)


def line(name: str, look: str, places: Sequence[tuple[float, SeedMean | None]]) -> Series:
    """Values with their intervals, times 100."""
    points, spread = [], []
    for x, drawn in places:
        seen = drawn.interval if drawn is not None else None
        if seen and seen.value is not None and seen.low is not None and seen.high is not None:
            points.append((x, 100 * seen.value))
            spread.append((100 * seen.low, 100 * seen.high))
    return Series(name, look, points, marked=True, spread=spread)


def chart_height(chart: Markup) -> int:
    """Of a chart's own view box."""
    return int(str(chart).split('viewBox="0 0 ', 1)[1].split('"', 1)[0].split()[1].split(".")[0])
