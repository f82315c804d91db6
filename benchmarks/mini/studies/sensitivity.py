"""RFT at other group sizes, KL weights and learning rates: a map of single trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from standalone_svg import Panel, standalone

from mini.cell import Cell
from mini.effort import FULL, Effort
from mini.files import Groups
from mini.plot_lines import line
from mini.pooled import pooled
from mini.settings import SETTINGS
from mini.studies.points import Point
from mini.studies.shared import by, learner
from mini.studies.study import REFERENCE_SETTING, Found, Study
from mini.systems import BASE, RFT
from mini.tables import minus, table, with_interval
from vrft.report.charts import HEIGHT, WIDTH, Series, line_chart
from vrft.tasks.number_format import hundred

NEAR = 0.02
"""Values that differ by less are taken for alike."""
GROUP_SIZES = (2, 4, 8, 16)
BETAS = (0.0, 0.01, 0.04, 0.16)
RATES = (1e-5, 5e-5, 1e-4, 4e-4)
"""The two that the main table's trials chose most often, and one far to either side."""
LOOKS = ("extra", "truth", "rft", "c3")
"""Styles of four values of one kind, from the smallest; the protocol's has that of RFT."""


def points(effort: Effort, models: Sequence[str], setting: str) -> Iterator[Point]:
    """Group size and rate at the protocol's beta, beta and rate at its group size; seed 0."""
    cell = Cell(setting, SETTINGS[setting].reference, 0)
    places = [(f"group-{group}", group, effort.beta) for group in GROUP_SIZES]
    places += [(f"beta-{beta}", effort.group, beta) for beta in BETAS if beta != effort.beta]
    for named, group, beta in places:
        for rate in RATES:
            own = replace(effort, group=group, beta=beta, rft_rates=(rate,))
            x = {"group": group, "rate": rate, "beta": beta}
            yield Point("sensitivity", f"{setting}-{named}-rate-{rate:.0e}", cell, own, learner, x)


def sensitivity_table(found: Found, groups: Groups) -> str:
    """A row for each attempt."""
    rows = []
    for point in sorted(found, key=lambda p: (p["setting"], *(p["x"][k] for k in ("beta", "group", "rate")))):
        x, chosen = point["x"], point["systems"][RFT]["chosen"]
        value, gain = with_interval(pooled([point], RFT)), minus([point], RFT, BASE)
        tried = [str(x["group"]), str(x["beta"]), f"{x['rate']:.0e}", str(chosen["step"])]
        rows.append([point["setting"], *tried, value, gain])
    return table(["setting", "G", "beta", "rate", "step", "RFT", "RFT - base"], rows)


def sensitivity_answer(found: Found, groups: Groups) -> str:
    """The best and the worst place of the map, and how many are near the best."""
    sentences = []
    for (setting,), own in by(found, "setting").items():
        known = [(drawn, point["x"]) for point in own if (drawn := pooled([point], RFT)) is not None]
        seen = sorted(known, key=lambda one: one[0].value)
        (worst, where_worst), (best, where_best) = seen[0], seen[-1]
        near = sum(one.value >= best.value - NEAR for one, _ in seen)
        sentences.append(
            f"{SETTINGS[setting].title}: from {hundred(worst.value)} ({_place(where_worst)}) to "
            f"{hundred(best.value)} ({_place(where_best)}); {near} of {len(seen)} trials are within "
            f"{hundred(NEAR)} of the best."
        )
    return " ".join(sentences)


def _place(x: Mapping[str, Any]) -> str:
    return f"G {x['group']}, beta {x['beta']}, rate {x['rate']:.0e}"


def sensitivity_plot(found: Found, groups: Groups) -> str | None:
    """RFT's value over its rate: a line for each group size, and next to them one for each beta."""
    own = [point for point in found if point["setting"] == REFERENCE_SETTING]
    sizes = _lines([p for p in own if p["x"]["beta"] == FULL.beta], "group", GROUP_SIZES)
    weights = _lines([p for p in own if p["x"]["group"] == FULL.group], "beta", BETAS)
    ends = [end for each in (*sizes, *weights) for pair in each.spread for end in pair]
    if not ends:
        return None
    chart = partial(line_chart, y_range=(min(ends), max(ends)), axis="learning rate", log=True, marks=RATES)
    charts = {
        f"AP times 100 by group size, beta {FULL.beta}": chart(sizes, "RFT's value by group size"),
        f"AP times 100 by beta, G {FULL.group}": chart(weights, "RFT's value by beta"),
    }
    panels = [Panel(drawn, WIDTH, HEIGHT, title) for title, drawn in charts.items()]
    names = [f"G {g}, or beta {b}" for g, b in zip(GROUP_SIZES, BETAS, strict=True)]
    return standalone(panels, list(zip(names, LOOKS, strict=True)), columns=2)


def _lines(found: Found, key: str, values: Sequence[float]) -> list[Series]:
    lines = []
    for value, look in zip(values, LOOKS, strict=True):
        own = sorted((p for p in found if p["x"][key] == value), key=lambda p: p["x"]["rate"])
        places = [(point["x"]["rate"], pooled([point], RFT)) for point in own]
        lines.append(line(f"{key} {value}", look, places))
    return lines


STUDY = Study(
    "sensitivity",
    "Group size, beta and learning rate",
    points,
    sensitivity_table,
    "A row is one trial, its best checkpoint on validation; one seed, so a difference of a point or two "
    "between rows may be that of two draws of the same training.",
    plot=sensitivity_plot,
    question="How much depends on G, beta and the learning rate?",
    answer=sensitivity_answer,
)
