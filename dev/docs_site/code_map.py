"""Draws docs/code_map.svg: the entries of src/vrft by layer, and who imports whom.

``python dev/docs_site/code_map.py`` writes the file. Arrows that follow from others are left out: where a
imports b and b imports c, an arrow from a to c would say nothing new to a reader.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path
from statistics import fmean

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "vrft"
PAGE = ROOT / "docs" / "architecture.md"
TARGET = ROOT / "docs" / "code_map.svg"

Arrow = tuple[str, str]
"""Who imports, and what."""

BANDS = (
    ("Python, the command line, and what both do", 14, "#e8eef9"),
    ("configuration and examination", 12, "#e6f3f1"),
    ("training and evaluation", 10, "#eaf4e4"),
    ("models and sampling", 8, "#fbf4dd"),
    ("tasks, rewards and data", 4, "#fbeadd"),
    ("nouns and geometry", 1, "#f5e6ee"),
)
"""What layers are about, from the top: a title, the lowest layer, and a color."""

BOX_W, BOX_H, LANE_W, GAP, ROW_H, TITLE_H, MARGIN = 104, 30, 10, 14, 52, 28, 12
SWEEPS = 40


@dataclass(frozen=True)
class Stop:
    """A box, or where an arrow passes a layer between its ends."""

    name: str
    layer: int
    arrow: Arrow | None = None

    @property
    def width(self) -> int:
        return BOX_W if self.arrow is None else LANE_W


def layers(page: str) -> dict[str, int]:
    """Each entry's layer, as the table of the architecture page says."""
    rows = re.findall(r"^\| (\d+) \| `([\w.]+)` \|", page, flags=re.M)
    return {entry.removesuffix(".py"): int(number) for number, entry in rows}


def imported(source: Path) -> set[Arrow]:
    """Which entry imports which, inside functions too, but not for type checkers alone."""
    found: set[Arrow] = set()
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        if parts == ("__init__",):
            continue
        for name in _names(ast.parse(path.read_text("utf-8"))):
            top, _, inner = name.partition(".")
            if top == "vrft" and inner and inner.split(".")[0] != parts[0]:
                found.add((parts[0], inner.split(".")[0]))
    return found


def _names(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module == "vrft":
        yield from (f"vrft.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield node.module or ""
    hidden = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    for child in node.orelse if hidden and isinstance(node, ast.If) else ast.iter_child_nodes(node):
        yield from _names(child)


def needed(arrows: set[Arrow]) -> list[Arrow]:
    """The arrows that do not follow from others."""
    after: dict[str, set[str]] = {}
    for start, end in arrows:
        after.setdefault(start, set()).add(end)

    def reached(start: str) -> set[str]:
        return after.get(start, set()).union(*(reached(end) for end in after.get(start, ())))

    return sorted((a, b) for a, b in arrows if not any(b in reached(c) for c in after[a] - {b}))


def draw(layer: Mapping[str, int], arrows: Sequence[Arrow]) -> str:
    """The drawing, as an SVG of its own.

    Args:
        layer: each entry's layer; higher ones stand above.
        arrows: from an entry to one below it.
    """
    rows, ways = _rows(layer, arrows)
    x = _placed(rows, ways)
    left = min(x[stop] - stop.width / 2 for row in rows for stop in row) - MARGIN
    right = max(x[stop] + stop.width / 2 for row in rows for stop in row) + MARGIN
    y, bands, titles, height = _heights(len(rows), left, right)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.0f} 0 {right - left:.0f} {height:.0f}" '
        'font-family="system-ui, sans-serif" role="img">',
        "<title>The entries of src/vrft by layer, with arrows from what imports to what is imported</title>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0.8 8 4 0 7.2z" fill="#5b6675"/></marker></defs>',
        *bands,
    ]
    for (start, end), way in sorted(ways.items()):
        points = [(x[stop], y[stop.layer]) for stop in way]
        parts.append(
            f'<path data-from="{start}" data-to="{end}" d="{_curve(points)}" fill="none" stroke="#5b6675" '
            'stroke-width="1.3" marker-end="url(#head)"/>'
        )
    parts += titles
    for stop in (stop for row in rows for stop in row if stop.arrow is None):
        top, middle = y[stop.layer] - BOX_H / 2, x[stop]
        parts.append(
            f'<rect x="{middle - BOX_W / 2:.1f}" y="{top:.1f}" width="{BOX_W}" height="{BOX_H}" rx="6" '
            'fill="#ffffff" stroke="#46505e"/>'
            f'<text x="{middle:.1f}" y="{top + 20:.1f}" font-size="14" fill="#1d2530" text-anchor="middle">'
            f"{escape(stop.name)}</text>"
        )
    return "\n".join([*parts, "</svg>\n"])


def _rows(
    layer: Mapping[str, int], arrows: Sequence[Arrow]
) -> tuple[list[list[Stop]], dict[Arrow, list[Stop]]]:
    """Stops by layer from the lowest, and the way of each arrow from its start down to its end."""
    rows: list[list[Stop]] = [[] for _ in range(max(layer.values()) + 1)]
    box = {name: Stop(name, place) for name, place in layer.items()}
    for stop in box.values():
        rows[stop.layer].append(stop)
    ways = {}
    for start, end in arrows:
        between = [Stop("", place, (start, end)) for place in range(layer[start] - 1, layer[end], -1)]
        for stop in between:
            rows[stop.layer].append(stop)
        ways[start, end] = [box[start], *between, box[end]]
    return rows, ways


def _placed(rows: list[list[Stop]], ways: Mapping[Arrow, Sequence[Stop]]) -> dict[Stop, float]:
    """Where each stop's middle is: near the middle of its neighbors, in an order that crosses few arrows."""
    beside: dict[Stop, list[Stop]] = {stop: [] for row in rows for stop in row}
    for way in ways.values():
        for one, other in pairwise(way):
            beside[one].append(other)
            beside[other].append(one)
    x = {stop: 0.0 for stop in beside}
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 else rows[::-1]:
            wanted = {stop: _wanted(stop, beside[stop], x) for stop in row}
            row.sort(key=lambda stop: wanted[stop])
            _spread(row, wanted, x)
    return x


def _wanted(stop: Stop, beside: Sequence[Stop], x: Mapping[Stop, float]) -> float:
    """The weighted middle of the neighbors; long arrows are straight before anything else."""
    weights = [4.0 if stop.arrow is not None and other.arrow is not None else 1.0 for other in beside]
    return fmean([x[other] for other in beside], weights) if beside else x[stop]


def _spread(row: Sequence[Stop], wanted: Mapping[Stop, float], x: dict[Stop, float]) -> None:
    """Keep the order and the distances, as near to the wanted places as the least squares are."""
    blocks: list[tuple[list[Stop], list[float], float]] = []
    for stop in row:
        stops, offsets, width = [stop], [0.0], wanted[stop]
        while blocks:
            before, their, middle = blocks[-1]
            step = their[-1] + (before[-1].width + stops[0].width) / 2 + GAP
            if width >= middle + step:
                break
            blocks.pop()
            stops, offsets = before + stops, their + [step + offset for offset in offsets]
            width = fmean(wanted[one] - offset for one, offset in zip(stops, offsets, strict=True))
        blocks.append((stops, offsets, width))
    for stops, offsets, start in blocks:
        for one, offset in zip(stops, offsets, strict=True):
            x[one] = start + offset


def _heights(count: int, left: float, right: float) -> tuple[dict[int, float], list[str], list[str], float]:
    """Where each layer's middle is, the colored bands behind, their titles, and the height of all."""
    y: dict[int, float] = {}
    parts: list[str] = []
    titles: list[str] = []
    top, above = 0.0, count - 1
    for title, lowest, color in BANDS:
        inside = range(above, lowest - 1, -1)
        height = TITLE_H + ROW_H * (len(inside) - 1) + BOX_H + MARGIN
        parts.append(
            f'<rect x="{left:.0f}" y="{top:.0f}" width="{right - left:.0f}" height="{height:.0f}" '
            f'fill="{color}"/>'
        )
        titles.append(
            f'<text x="{left + 8:.0f}" y="{top + 15:.0f}" font-size="12" fill="#46505e" '
            f'stroke="{color}" stroke-width="5" paint-order="stroke">{escape(title)}</text>'
        )
        y |= {layer: top + TITLE_H + BOX_H / 2 + ROW_H * row for row, layer in enumerate(inside)}
        top, above = top + height, lowest - 1
    return y, parts, titles, top


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """From below the first box to above the last one, smoothly through the lanes between."""
    ends = (points[0][0], points[0][1] + BOX_H / 2), (points[-1][0], points[-1][1] - BOX_H / 2)
    way = [ends[0], *points[1:-1], ends[1]]
    slope = [(c[0] - a[0]) / (c[1] - a[1]) for a, c in zip(way, way[2:], strict=False)]
    path = [f"M{way[0][0]:.1f} {way[0][1]:.1f}"]
    for ((x, y), (x_to, y_to)), out, into in zip(pairwise(way), [0.0, *slope], [*slope, 0.0], strict=True):
        third = (y_to - y) * (0.5 if len(way) == 2 else 0.4)
        path.append(
            f"C{x + out * third:.1f} {y + third:.1f} {x_to - into * third:.1f} {y_to - third:.1f} "
            f"{x_to:.1f} {y_to:.1f}"
        )
    return " ".join(path)


def code_map() -> str:
    """The drawing of the code as it is."""
    return draw(layers(PAGE.read_text("utf-8")), needed(imported(SOURCE)))


if __name__ == "__main__":
    TARGET.write_text(code_map(), "utf-8")
