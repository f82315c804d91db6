"""Charts of the report as SVG files that need no style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from vrft.report.svg import group, tag

# Hues go by `color`: programs other than browsers know no custom properties, and would leave the lines out.
_STYLE = """
text { font-family: system-ui, sans-serif; font-size: 12px; fill: #1c2128; }
.tick { fill: #5b6572; font-size: 11px; } .row { font-size: 13px; } .value { font-weight: 600; }
.head { font-size: 13px; font-weight: 600; }
.base { color: #8a63d2; } .sft { color: #d9730d; } .rft { color: #1f6feb; } .extra { color: #0f8b8d; }
.gain { color: #1c2128; } .truth { color: #12a150; } .c3 { color: #b8459c; }
.grid { stroke: #dfe3e8; stroke-width: 1; }
.zero { stroke: #5b6572; stroke-width: 1.5; stroke-dasharray: 3 3; }
.curve { fill: none; stroke: currentColor; stroke-width: 2.2; stroke-linejoin: round; }
.whisker { stroke: currentColor; stroke-width: 2.5; }
.dot { fill: currentColor; stroke: #ffffff; stroke-width: 1.2; }
.spread { stroke: currentColor; stroke-width: 1.4; opacity: 0.55; }
.hover { opacity: 0; } .bar { fill: currentColor; }
"""
_LEGEND_HEIGHT, _TITLE_HEIGHT = 24, 22
_SCALE = 2
"""Screen pixels per unit: drawings are made for half a page."""


@dataclass(frozen=True)
class Panel:
    """One chart, with a title above it where it has one."""

    chart: Markup
    """An ``<svg>`` element."""
    width: int
    height: int
    title: str = ""


def standalone(
    panels: Sequence[Panel], legend: Sequence[tuple[str, str]] = (), columns: int = 1, scale: int = _SCALE
) -> str:
    """Charts on a white ground, with their style inside, as the text of an SVG file.

    Args:
        panels: at least one; all take the place of the largest.
        legend: name and CSS class of each line, above all.
        columns: panels next to each other.
        scale: screen pixels per unit.
    """
    head = _TITLE_HEIGHT if any(panel.title for panel in panels) else 0
    wide, high = max(p.width for p in panels), max(p.height for p in panels) + head
    rows = -(-len(panels) // columns)
    width = wide * min(columns, len(panels))
    keys, top = _keys(legend, width)
    height = high * rows + top
    placed = []
    for number, panel in enumerate(panels):
        x, y = wide * (number % columns), top + high * (number // columns)
        if panel.title:
            placed.append(tag("text", panel.title, x=x + 14, y=y + 15, class_="head"))
        placed.append(tag("svg", panel.chart, x=x, y=y + head, width=panel.width, height=panel.height))
    whole = tag(
        "svg",
        tag("style", Markup(_STYLE)),
        tag("rect", width=width, height=height, fill="#ffffff"),
        *keys,
        *placed,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=scale * width,
        height=scale * height,
    )
    return str(whole) + "\n"


def _keys(legend: Sequence[tuple[str, str]], width: int) -> tuple[list[Markup], int]:
    """The legend in as many lines as the width needs, and their height."""
    keys, x, y = [], 14, 0
    for name, look in legend:
        if x > 14 and x + 23 + 7 * len(name) > width:
            x, y = 14, y + _LEGEND_HEIGHT
        line = tag("line", x1=x, x2=x + 18, y1=y + 13, y2=y + 13, class_="curve")
        keys.append(group(line, tag("text", name, x=x + 23, y=y + 17), class_=look))
        x += 38 + 7 * len(name)
    return keys, y + _LEGEND_HEIGHT if legend else 0
