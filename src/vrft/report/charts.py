"""Line charts, interval plots and matrices as inline SVG, with axes and hover titles and no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from markupsafe import Markup

from vrft.report.svg import Scale, group, log_scale, log_ticks, scale, tag, ticks
from vrft.tasks.number_format import hundred, interval, measured, plain
from vrft.tasks.section import LineChart, Matrix

Point = tuple[float, float]

WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 48, 18, 12, 34
LETTER = 7.2
"""About how wide a letter of a row's name is."""
DODGE = 4
"""So many units lie between the points with whiskers of different lines at one step."""
MOST_POINTS = 240
"""A longer line is drawn through the means of equal stretches of steps: a page has no more pixels."""
PALETTE = ("c0", "c1", "c2", "c3", "c4", "c5")
"""CSS classes for lines that belong to no system."""
_CELL, _NAME_LETTER, _MARGIN, _LONGEST = 26, 6.2, 10, 18
"""Of a matrix."""


@dataclass(frozen=True)
class Series:
    """One line."""

    name: str
    look: str
    """Its CSS class, which gives the color."""
    points: Sequence[Point]
    """(step, value), finite, ordered by step."""
    marked: bool = False
    """Draw a dot at every point, for lines of few points."""
    smooth: bool = False
    """Draw the line thin and a moving mean thick."""
    spread: Sequence[tuple[float, float]] = ()
    """(low, high) of each point, drawn as whiskers."""


@dataclass(frozen=True)
class Whisker:
    """One value with its interval; low and high may be missing."""

    name: str
    look: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Drawing:
    """One drawing with its heading, a line of explanation and its legend (name, CSS class)."""

    title: str
    note: str
    legend: list[tuple[str, str]]
    drawing: Markup
    broad: bool = False
    """It needs the whole width of the page."""


def draw_line_chart(chart: LineChart, look: str) -> tuple[Markup, list[tuple[str, str]]]:
    """A chart of a scorecard, and its legend (name, CSS class); several curves take the palette's colors."""
    curves = [curve for curve in chart.curves if not curve.ideal and curve.points]
    looks = [look] if len(curves) == 1 else [PALETTE[i % len(PALETTE)] for i in range(len(curves))]
    ideals = [Series(c.name, "gain dash1", c.points) for c in chart.curves if c.ideal and curves]
    lines = [
        Series(curve.name, hue, curve.points, marked=True, spread=curve.spread)
        for curve, hue in zip(curves, looks, strict=True)
    ]
    drawn = line_chart(
        [*ideals, *lines], chart.label, chart.y_range, axis=chart.axis, whole=False, log=chart.log
    )
    return drawn, [(line.name, line.look) for line in lines]


def line_chart(
    series: Sequence[Series],
    label: str,
    y_range: tuple[float, float] | None = None,
    axis: str = "step",
    whole: bool = True,
    log: bool = False,
    marks: Sequence[float] = (),
) -> Markup:
    """Lines over training steps, or over what ``axis`` counts; empty where there is nothing to draw.

    ``y_range`` is the least range of the vertical axis. The horizontal one marks ``marks`` or round numbers,
    integers only with ``whole``; with ``log`` equal ratios are equal lengths on it.
    """
    drawn = [line for line in series if line.points]
    if not drawn:
        return Markup("")
    xs = [x for line in drawn for x, _ in line.points]
    ys = [y for line in drawn for y in (*(y for _, y in line.points), *chain(*line.spread))]
    ys += list(y_range or ())
    rounded = log_ticks(min(xs), max(xs), 6) if log else ticks(min(xs), max(xs), 6, whole=whole)
    y_ticks = ticks(min(ys), max(ys), 5, around=True)
    room = DODGE * len(drawn) if any(line.spread for line in drawn) else 0
    x_of = (log_scale if log else scale)(min(xs), max(xs), LEFT + room, WIDTH - RIGHT - room)
    y_of = scale(y_ticks[0], y_ticks[-1], HEIGHT - BOTTOM, TOP)
    grid = [
        group(
            tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y_of(y), y2=y_of(y), class_="grid"),
            tag("text", plain(y), x=LEFT - 7, y=y_of(y) + 4, class_="tick", text_anchor="end"),
        )
        for y in y_ticks
    ]
    feet = [
        tag("text", plain(x), x=x_of(x), y=HEIGHT - BOTTOM + 16, class_="tick", text_anchor="middle")
        for x in marks or rounded
    ]
    foot = tag("text", axis, x=WIDTH - RIGHT, y=HEIGHT - 4, class_="tick", text_anchor="end")
    # Equal lines with whiskers are seen apart: each is drawn a little right of the one before.
    last = sum(bool(line.spread) for line in drawn) - 1
    places = iter(DODGE * (i - last / 2) for i in range(last + 1))
    bands, lines = [], []
    for line in drawn:
        shift = next(places) if line.spread else 0.0
        pairs = zip(line.points, line.spread, strict=True) if line.spread else ()
        ends = [(x_of(x) + shift, y_of(low), y_of(high)) for (x, _), (low, high) in pairs]
        stems = [tag("line", x1=x, x2=x, y1=low, y2=high, class_="spread") for x, low, high in ends]
        bands += [group(*stems, class_=line.look)] if stems else []
        shown = thin(line.points, MOST_POINTS)
        lines.append(_line(line, [(x_of(x) + shift, y_of(y)) for x, y in shown], shown, axis))
    return _canvas(label, WIDTH, HEIGHT, *grid, *feet, foot, *bands, *lines)


def interval_plot(rows: Sequence[Whisker], label: str, zero: bool = False, unit: str = "%") -> Markup:
    """A dot and a whisker for each row, from the top down, on one axis; ``zero`` is marked on demand."""
    factor = 100 if unit == "%" else 1
    if not rows:
        return Markup("")
    ends = [v for r in rows for v in (r.value, r.low, r.high) if v is not None] + ([0.0] if zero else [])
    # Of equal values the axis begins at zero, lest it end beyond what can be reached.
    ends += [0.0] if len(set(ends)) == 1 else []
    marks = ticks(factor * min(ends), factor * max(ends), 6, around=True)
    left, step = 24 + max(60, *(round(LETTER * len(row.name)) for row in rows), 0), 40
    # Long names leave the axis its place.
    width = max(WIDTH, left + WIDTH // 2)
    height = TOP + step * len(rows) + BOTTOM - 6
    x_of = scale(marks[0], marks[-1], left, width - RIGHT)
    foot = height - BOTTOM + 6
    at_zero = {0.0: "zero"} if zero else {}
    grid = [
        group(
            tag("line", x1=x_of(m), x2=x_of(m), y1=TOP, y2=foot, class_=at_zero.get(m, "grid")),
            tag("text", plain(m), x=x_of(m), y=foot + 17, class_="tick", text_anchor="middle"),
        )
        for m in marks
    ]
    drawn = [
        _whisker(row, TOP + step * (i + 0.5), lambda value: x_of(factor * value), left, zero, unit)
        for i, row in enumerate(rows)
    ]
    return _canvas(label, width, height, *grid, *drawn)


def dot_strip(values: Sequence[tuple[str, str, float]], width: int = 160) -> Markup:
    """Dots (name, CSS class, fraction) on one short line from 0 to 100, for a table's cell."""
    x_of = scale(0.0, 1.0, 8, width - 8)
    dots = [
        tag("circle", tag("title", f"{name} {hundred(v)}"), cx=x_of(v), cy=9, r=5, class_=f"{look} dot")
        for name, look, v in values
    ]
    line = tag("line", x1=8, x2=width - 8, y1=9, y2=9, class_="grid")
    said = ", ".join(f"{name} {hundred(v)}" for name, _, v in values)
    return tag(
        "svg", line, *dots, viewBox=f"0 0 {width} 18", width=width, height=18, role="img", aria_label=said
    )


def moving_mean(points: Sequence[Point], window: int) -> list[Point]:
    """The mean of each point and ``window`` neighbors to either side, fewer of them at the ends."""
    around = [points[max(0, i - window) : i + window + 1] for i in range(len(points))]
    return [(x, sum(v for _, v in near) / len(near)) for (x, _), near in zip(points, around, strict=True)]


def thin(points: Sequence[Point], most: int) -> list[Point]:
    """At most so many points, each the mean of an equal stretch."""
    size = -(-len(points) // most) if points else 1
    if size == 1:
        return list(points)
    parts = [points[i : i + size] for i in range(0, len(points), size)]
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts]


def _line(line: Series, places: list[Point], shown: list[Point], axis: str) -> Markup:
    window = len(places) // 20
    smooth = line.smooth and window > 0
    parts = [tag("polyline", points=_path(places), class_="thin" if smooth else "curve")]
    if smooth:
        parts.append(tag("polyline", points=_path(moving_mean(places, window)), class_="curve"))
    parts += [
        tag(
            "circle",
            tag("title", f"{line.name}, {axis} {plain(x)}: {plain(y)}"),
            cx=px,
            cy=py,
            r=3.5 if line.marked else 4,
            class_="dot" if line.marked else "hover",
        )
        for (px, py), (x, y) in zip(places, shown, strict=True)
    ]
    return group(*parts, class_=line.look)


def _whisker(row: Whisker, y: float, x_of: Scale, left: int, zero: bool, unit: str) -> Markup:
    value = measured(row.value, zero, unit)
    said = f"{row.name} {value}, 95% interval {interval(row.low, row.high, zero, unit)}"
    parts = [tag("title", said), tag("text", row.name, x=left - 12, y=y + 4, class_="row", text_anchor="end")]
    if row.low is not None and row.high is not None:
        low, high = x_of(row.low), x_of(row.high)
        parts.append(tag("line", x1=low, x2=high, y1=y, y2=y, class_="whisker"))
        parts += [tag("line", x1=x, x2=x, y1=y - 5, y2=y + 5, class_="whisker") for x in (low, high)]
    x = x_of(row.value)
    parts.append(tag("circle", cx=x, cy=y, r=6, class_="dot"))
    parts.append(tag("text", value, x=x, y=y - 10, class_="value", text_anchor="middle"))
    return group(*parts, class_=row.look)


def _canvas(label: str, width: int, height: int, *children: Markup) -> Markup:
    return tag(
        "svg", *children, viewBox=f"0 0 {width} {height}", class_="chart", role="img", aria_label=label
    )


def _path(places: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def line_swatch(look: str) -> Markup:
    """A short piece of a line of a CSS class, for a legend."""
    line = tag("line", x1=1, x2=21, y1=5, y2=5, class_="curve")
    return tag("svg", group(line, class_=look), class_="swatch", viewBox="0 0 22 10", aria_hidden="true")


def draw_matrix(matrix: Matrix) -> Markup:
    """A cell for each pair of names, darker where the row was more often called the column's name."""
    if not matrix.rows:
        return Markup("")
    shown = {
        name: name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
        for name in (*matrix.columns, *matrix.rows)
    }
    left = top = _MARGIN + round(_NAME_LETTER * max(map(len, shown.values()))) + 8
    width = left + _CELL * len(matrix.columns) + _MARGIN
    height = top + _CELL * len(matrix.rows) + _MARGIN
    heads = [
        tag("text", shown[name], transform=f"translate({x:g} {top - 7}) rotate(-90)", class_="tick")
        for name, x in ((name, left + _CELL * (i + 0.5) + 4) for i, name in enumerate(matrix.columns))
    ]
    sides = [
        tag("text", shown[n], x=left - 7, y=top + _CELL * (i + 0.5) + 4, class_="tick", text_anchor="end")
        for i, n in enumerate(matrix.rows)
    ]
    cells = [
        _cell(left + _CELL * x, top + _CELL * y, row, column, counts[x], sum(counts))
        for y, (row, counts) in enumerate(zip(matrix.rows, matrix.counts, strict=True))
        for x, column in enumerate(matrix.columns)
    ]
    return tag(
        "svg",
        *heads,
        *sides,
        *cells,
        viewBox=f"0 0 {width} {height}",
        class_="chart matrix",
        role="img",
        aria_label=matrix.label,
        style=f"max-width:{round(1.25 * width)}px;min-width:{round(0.7 * width)}px",
    )


def _cell(x: float, y: float, row: str, column: str, count: int, total: int) -> Markup:
    share = count / total if total else 0.0
    place = {"x": x + 1, "y": y + 1, "width": _CELL - 2, "height": _CELL - 2}
    parts = [tag("title", f"{row} called {column}: {count} of {total}"), tag("rect", **place, class_="cell")]
    if count:
        parts.append(tag("rect", **place, class_="filled", fill_opacity=0.12 + 0.88 * share))
        look = "over" if share > 0.5 else "under"
        middle = {"x": x + _CELL / 2, "y": y + _CELL / 2 + 4}
        parts.append(tag("text", f"{100 * share:.0f}", **middle, class_=look, text_anchor="middle"))
    return group(*parts, class_="truth" if row == column else "wrong")
