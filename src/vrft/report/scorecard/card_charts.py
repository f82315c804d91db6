"""The drawings of a card: intervals, reliability, value against compute, confusions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from vrft.evaluation.scorecard.scored import Json
from vrft.report.charts import Series, Whisker, interval_plot, line_chart
from vrft.report.comparison import metric_title
from vrft.report.number_format import hundred, number, upper_first
from vrft.report.reliability import reliability_plot
from vrft.report.run_reader import mapping, sequence
from vrft.report.scorecard.confusion_chart import confusion_plot
from vrft.tasks.detection.calibration import Calibration, ReliabilityBin

PALETTE = ("c0", "c1", "c2", "c3", "c4", "c5")
HALF_PAGE = 12
"""Classes of a confusion matrix that half the page's width has room for."""
LOOK = "rft"
"""CSS class of the one system that a card is of."""


@dataclass(frozen=True)
class Drawing:
    """One drawing with its heading, its legend (name, CSS class) and a line of explanation."""

    title: str
    note: str
    legend: list[tuple[str, str]]
    drawing: Markup
    broad: bool = False
    """It needs the whole width of the page."""


def drawings_of(name: str, card: Json) -> list[Drawing]:
    """What stands beside a table of ``tables.TABLES``; nothing where there is nothing to draw."""
    found = [draw(card) for draw in DRAWINGS.get(name, ())]
    return [one for one in found if one.drawing]


def _intervals(card: Json) -> Drawing:
    rows = [(metric_title(name), mapping(row)) for name, row in mapping(card.get("metrics")).items()]
    drawn = interval_plot(
        [
            Whisker(title, LOOK, value, number(row.get("low")), number(row.get("high")))
            for title, row in rows
            if (value := number(row.get("value"))) is not None
        ],
        "Metrics with their 95% intervals",
    )
    return Drawing("x100, with 95% intervals", "", [], drawn)


def _reliability(card: Json) -> Drawing:
    found = mapping(card.get("calibration"))
    bins = tuple(_bin(mapping(row)) for row in sequence(found.get("bins")))
    n = int(number(found.get("n")) or 0)
    known = Calibration(n, _nan(found.get("ece")), _nan(found.get("brier")), bins)
    note = (
        f"Share of hits at IoU 0.5 over the mean confidence of a bin, {n} boxes: "
        f"ECE {hundred(found.get('ece'))}, Brier {hundred(found.get('brier'))}. Dashed: as it should be."
    )
    return Drawing("Reliability of the confidence", note, [], reliability_plot(known, look=LOOK))


def _curve(card: Json) -> Drawing:
    found = mapping(card.get("compute"))
    lines = [
        _line(name, PALETTE[i % len(PALETTE)], [mapping(row) for row in sequence(rows)])
        for i, (name, rows) in enumerate(mapping(found.get("rules")).items())
    ]
    known = [line for line in lines if line.points]
    title = upper_first(metric_title(card.get("metric")))
    said = f"{title} times 100 over mean tokens of a question, {len(known)} rules"
    drawn = line_chart(known, said, axis="tokens of a question", log=True)
    note = f"{title} × 100. Whiskers are 95% intervals, on the same draws of pictures for every point."
    legend = [(line.name, line.look) for line in known]
    return Drawing(f"{title} against tokens", note, legend, drawn, broad=True)


def _confusion_matrix(card: Json) -> Drawing:
    note = (
        "Each row is a class, each column what it was called, in per cent of the row; the diagonal is right."
    )
    broad = len(mapping(card.get("classes"))) > HALF_PAGE
    return Drawing("Confusion matrix", note, [], confusion_plot(card), broad)


DRAWINGS: Mapping[str, Sequence[Callable[[Json], Drawing]]] = {
    "metrics": (_intervals,),
    "rankings": (_reliability,),
    "compute": (_curve,),
    "confusions": (_confusion_matrix,),
}
"""By the table that they stand beside."""


def _line(name: str, look: str, rows: list[dict[str, Any]]) -> Series:
    """Points with tokens above zero, for the axis is one of ratios; whiskers where every point has them."""
    points, spread = [], []
    for row in rows:
        tokens, value = number(row.get("tokens")), number(row.get("value"))
        if tokens is not None and tokens > 0 and value is not None:
            points.append((tokens, 100 * value))
            spread.append((number(row.get("low")), number(row.get("high"))))
    known = [(100 * low, 100 * high) for low, high in spread if low is not None and high is not None]
    return Series(name, look, points, marked=True, spread=known if len(known) == len(points) else ())


def _bin(row: dict[str, Any]) -> ReliabilityBin:
    n = int(number(row.get("n")) or 0)
    return ReliabilityBin(
        _nan(row.get("low")),
        _nan(row.get("high")),
        n,
        _nan(row.get("confidence")),
        _nan(row.get("hit_share")),
    )


def _nan(value: object) -> float:
    found = number(value)
    return math.nan if found is None else found
