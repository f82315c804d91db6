"""Line charts and interval plots as inline SVG, drawn with axes and hover titles and no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from markupsafe import Markup

from vrft.report.axes import Scale, log_scale, log_ticks, scale, ticks
from vrft.report.number_format import hundred, interval, plain
from vrft.report.svg import group, join, tag

Point = tuple[float, float]

WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 48, 18, 12, 34
LETTER = 7.2
"""About how wide a letter of a row's name is."""
DODGE = 4
"""Points with whiskers of different lines at one step stand so many units apart."""
MOST_POINTS = 240
"""A longer line is drawn through the means of equal stretches of steps: a page has no more pixels."""


@dataclass(frozen=True)
class Series:
    """One line.

    Args:
        name: its name in the legend.
        look: its CSS class, which gives the colour.
        points: (step, value), finite, ordered by step.
        marked: draw a dot at every point, for lines of few points.
        smooth: draw the line thin and a moving mean thick.
        spread: (low, high) of each point, drawn as whiskers; empty draws none.
    """

    name: str
    look: str
    points: Sequence[Point]
    marked: bool = False
    smooth: bool = False
    spread: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Whisker:
    """One value with its interval, as fractions; low and high may be missing."""

    name: str
    look: str
    value: float
    low: float | None
    high: float | None


def line_chart(
    series: Sequence[Series],
    label: str,
    y_range: tuple[float, float] | None = None,
    axis: str = "step",
    whole: bool = True,
    log: bool = False,
    marks: Sequence[float] = (),
) -> Markup:
    """Lines over training steps, or over something else.

    Args:
        series: at least one of them with a point; one without points is left out.
        label: what the chart shows, for readers who hear the page.
        y_range: the least range of the vertical axis; it grows where points lie outside.
        axis: what the horizontal axis counts.
        whole: mark integers only on it.
        log: equal ratios are equal lengths on it; all steps are then above zero.
        marks: what is marked on it; without any, round numbers are.

    Returns:
        An ``<svg>`` element; empty where there is nothing to draw.
    """
    drawn = [line for line in series if line.points]
    if not drawn:
        return Markup("")
    xs = [x for line in drawn for x, _ in line.points]
    ys = [y for line in drawn for y in (*(y for _, y in line.points), *chain(*line.spread))]
    ys += list(y_range or ())
    rounded = log_ticks(min(xs), max(xs), 6) if log else ticks(min(xs), max(xs), 6, whole=whole)
    x_ticks = list(marks) or rounded
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
        for x in x_ticks
    ]
    foot = tag("text", axis, x=WIDTH - RIGHT, y=HEIGHT - 4, class_="tick", text_anchor="end")
    shifts = _shifts(drawn)
    bands = [_spread(line, x_of, y_of, by) for line, by in zip(drawn, shifts, strict=True) if line.spread]
    lines = [
        _line(line, [(x_of(x) + by, y_of(y)) for x, y in shown], shown, axis)
        for (line, shown), by in zip(_thinned(drawn), shifts, strict=True)
    ]
    return _canvas(label, WIDTH, HEIGHT, *grid, *feet, foot, *bands, *lines)


def interval_plot(rows: Sequence[Whisker], label: str, zero: bool = False) -> Markup:
    """A dot and a whisker a row, on one axis times 100.

    Args:
        rows: from the top down; fractions.
        label: what the plot shows, for readers who hear the page.
        zero: mark zero, for differences.
    """
    if not rows:
        return Markup("")
    ends = [v for r in rows for v in (r.value, r.low, r.high) if v is not None] + ([0.0] if zero else [])
    marks = ticks(100 * min(ends), 100 * max(ends), 6, around=True)
    left, step = 24 + max(60, *(round(LETTER * len(row.name)) for row in rows), 0), 40
    height = TOP + step * len(rows) + BOTTOM - 6
    x_of = scale(marks[0], marks[-1], left, WIDTH - RIGHT)
    foot = height - BOTTOM + 6
    grid = [
        group(
            tag(
                "line", x1=x_of(m), x2=x_of(m), y1=TOP, y2=foot, class_="zero" if zero and m == 0 else "grid"
            ),
            tag("text", plain(m), x=x_of(m), y=foot + 17, class_="tick", text_anchor="middle"),
        )
        for m in marks
    ]
    drawn = [_whisker(row, TOP + step * (i + 0.5), x_of, left, zero) for i, row in enumerate(rows)]
    return _canvas(label, WIDTH, height, *grid, *drawn)


def dot_strip(values: Sequence[tuple[str, str, float]], width: int = 160) -> Markup:
    """Dots on one short line from 0 to 100, for a table's cell.

    Args:
        values: (name, CSS class, fraction in [0, 1]).
        width: in CSS pixels.
    """
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
    """The mean of each point and its neighbours, fewer of them at the ends.

    Args:
        points: (step, value).
        window: neighbours to either side.

    Example:
        >>> moving_mean([(0, 0.0), (1, 3.0), (2, 6.0)], 1)
        [(0, 1.5), (1, 3.0), (2, 4.5)]
    """
    around = [points[max(0, i - window) : i + window + 1] for i in range(len(points))]
    return [(x, sum(v for _, v in near) / len(near)) for (x, _), near in zip(points, around, strict=True)]


def _thinned(series: Sequence[Series]) -> list[tuple[Series, list[Point]]]:
    return [(line, thin(line.points, MOST_POINTS)) for line in series]


def thin(points: Sequence[Point], most: int) -> list[Point]:
    """At most so many points, each the mean of an equal stretch.

    Example:
        >>> thin([(0, 0.0), (1, 2.0), (2, 4.0), (3, 6.0)], 2)
        [(0.5, 1.0), (2.5, 5.0)]
    """
    size = -(-len(points) // most) if points else 1
    if size == 1:
        return list(points)
    parts = [points[i : i + size] for i in range(0, len(points), size)]
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in parts]


def _shifts(drawn: Sequence[Series]) -> list[float]:
    """How far right of its steps each line is drawn: equal lines with whiskers are seen beside each other."""
    last = sum(bool(line.spread) for line in drawn) - 1
    places = iter(DODGE * (i - last / 2) for i in range(last + 1))
    return [next(places) if line.spread else 0.0 for line in drawn]


def _spread(line: Series, x_of: Scale, y_of: Scale, shift: float) -> Markup:
    ends = [
        (x_of(x) + shift, y_of(low), y_of(high))
        for (x, _), (low, high) in zip(line.points, line.spread, strict=True)
    ]
    parts = [tag("line", x1=x, x2=x, y1=low, y2=high, class_="spread") for x, low, high in ends]
    return group(*parts, class_=line.look)


def _line(line: Series, places: list[Point], shown: list[Point], axis: str) -> Markup:
    path = _path(places)
    window = len(places) // 20
    smooth = line.smooth and window > 0
    parts = [tag("polyline", points=path, class_="thin" if smooth else "curve")]
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


def _whisker(row: Whisker, y: float, x_of: Scale, left: int, zero: bool) -> Markup:
    said = f"{row.name} {hundred(row.value, zero)}, 95% interval {interval(row.low, row.high, zero)}"
    parts = [tag("title", said), tag("text", row.name, x=left - 12, y=y + 4, class_="row", text_anchor="end")]
    if row.low is not None and row.high is not None:
        low, high = x_of(100 * row.low), x_of(100 * row.high)
        parts.append(tag("line", x1=low, x2=high, y1=y, y2=y, class_="whisker"))
        parts += [tag("line", x1=x, x2=x, y1=y - 5, y2=y + 5, class_="whisker") for x in (low, high)]
    x = x_of(100 * row.value)
    parts.append(tag("circle", cx=x, cy=y, r=6, class_="dot"))
    parts.append(tag("text", hundred(row.value, zero), x=x, y=y - 10, class_="value", text_anchor="middle"))
    return group(*parts, class_=row.look)


def _canvas(label: str, width: int, height: int, *children: Markup) -> Markup:
    drawn = join(list(children))
    return tag("svg", drawn, viewBox=f"0 0 {width} {height}", class_="chart", role="img", aria_label=label)


def _path(places: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def line_swatch(look: str) -> Markup:
    """A short piece of a line, for a legend.

    Args:
        look: the line's CSS class.
    """
    line = tag("line", x1=1, x2=21, y1=5, y2=5, class_="curve")
    return tag("svg", group(line, class_=look), class_="swatch", viewBox="0 0 22 10", aria_hidden="true")
