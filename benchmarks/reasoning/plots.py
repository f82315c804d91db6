"""Plots of the page as SVG files that need no style sheet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mini.plot_lines import chart_height, line
from standalone_svg import Panel, standalone

from reasoning.arms import BASE, ORACLE, RFT, SFT, SHUFFLED
from reasoning.cell import MAIN, SHARES, VARIANTS
from reasoning.files import Row, Rows
from reasoning.predictions import ONE, SEVERAL, drawn_of, two
from reasoning.tables import rows_of
from vrft.report.charts import HEIGHT, WIDTH, Series, Whisker, interval_plot, line_chart
from vrft.run_folder import write_text

PLOTS = {
    "reasoning_systems": "Sum of two digits, 20% chains: right held-out answers in percent, with 95 % "
    "intervals",
    "reasoning_shares": "Sum of two digits: right held-out answers in percent, with 95 % intervals, by the "
    "share of the base's thoughts that are chains",
    "reasoning_steps": "RFT on the sum of two digits: sampled answers whose thought shows a computation, "
    "in percent by step, for each share of chains in the base",
    "reasoning_threshold": "What moves the threshold: right held-out answers of RFT in percent, with 95 % "
    "intervals",
}
NAMES = {
    BASE: ("base", "base"),
    SFT: ("SFT", "sft"),
    "sft_curated": ("SFT, middling images", "sft"),
    ONE: ("rejection, 1 round", "extra"),
    "rejection_2": ("rejection, 2 rounds", "extra"),
    SEVERAL: ("rejection, 3 rounds", "c3"),
    RFT: ("RFT", "rft"),
    "rft_direct": ("RFT, no thought", "rft"),
    SHUFFLED: ("shuffled rewards", "gain"),
    ORACLE: ("SFT on right chains", "truth"),
}
"""How a system is called in a plot, and its CSS class."""
LOOKS = ("base", "sft", "extra", "c3", "rft")
"""Of the shares of chains."""
FEWEST_POINTS = 2


def systems_plot(rows: Rows) -> str | None:
    """All systems of the main row."""
    return _whiskers(
        [(*NAMES[system], drawn_of(rows, two(MAIN), system)) for system in NAMES], PLOTS["reasoning_systems"]
    )


def shares_plot(rows: Rows) -> str | None:
    """Systems over the share of chains."""
    shares = [share for share in SHARES if two(share) in rows]
    if len(shares) < FEWEST_POINTS:
        return None
    shown = (BASE, SFT, ONE, SEVERAL, RFT)
    lines = [
        line(*NAMES[system], [(100 * share, drawn_of(rows, two(share), system)) for share in shares])
        for system in shown
    ]
    marks = [100 * share for share in shares]
    chart = line_chart(lines, PLOTS["reasoning_shares"], axis="chains in the base, %", marks=marks)
    return standalone([Panel(chart, WIDTH, HEIGHT)], [NAMES[system] for system in shown])


def steps_plot(rows: Rows) -> str | None:
    """The share of sampled answers that show a computation by step, for each share of chains."""
    drawn = []
    for share, look in zip(SHARES, LOOKS, strict=True):
        by_step: dict[int, list[float]] = {}
        for cell in rows.get(two(share), ()):
            for step in cell["steps"]:
                by_step.setdefault(step["step"], []).append(100 * step["shows_work"])
        points = [(float(step), sum(found) / len(found)) for step, found in sorted(by_step.items())]
        if points:
            drawn.append(Series(f"{share:.0%} chains", look, points))
    if not drawn:
        return None
    chart = line_chart(drawn, PLOTS["reasoning_steps"], (0.0, 100.0))
    return standalone([Panel(chart, WIDTH, HEIGHT)], [(one.name, one.look) for one in drawn])


def threshold_plot(rows: Rows) -> str | None:
    """RFT as it is and with each change, at the shares where it is unsure."""
    tried = [row for row in rows_of("threshold") if row in rows]
    if not tried:
        return None
    plain = [two(share) for share in dict.fromkeys(row[1] for row in tried)]
    ordered = sorted([*plain, *tried], key=lambda row: row[1])
    looks = {row: "base" if row in plain else "rft" for row in ordered}
    return _whiskers(
        [(_short(row), looks[row], drawn_of(rows, row, RFT)) for row in ordered],
        PLOTS["reasoning_threshold"],
    )


def _short(row: Row) -> str:
    question, share, variant = row
    return f"{share:.0%}, {VARIANTS[variant].short if question == 'two' else 'three digits'}"


def _whiskers(values: Sequence[tuple[str, str, object]], label: str) -> str | None:
    whiskers = []
    for name, look, drawn in values:
        seen = getattr(drawn, "interval", None)
        if seen is not None and seen.value is not None:
            whiskers.append(Whisker(name, look, seen.value, seen.low, seen.high))
    if not whiskers:
        return None
    chart = interval_plot(whiskers, label)
    return standalone([Panel(chart, WIDTH, chart_height(chart))])


def write_plots(rows: Rows, folder: Path) -> dict[str, Path]:
    """Write every plot that there are numbers for."""
    wanted: Mapping[str, Callable[[Rows], str | None]] = {
        "reasoning_systems": systems_plot,
        "reasoning_shares": shares_plot,
        "reasoning_steps": steps_plot,
        "reasoning_threshold": threshold_plot,
    }
    written = {}
    for name, draw in wanted.items():
        path, drawn = folder / f"{name}.svg", draw(rows)
        path.unlink(missing_ok=True)
        if drawn is not None:
            write_text(path, drawn)
            written[name] = path
    return written
