"""What there is to run, what is there, and what the others will take."""

from __future__ import annotations

from statistics import fmean

from reasoning.cell import TABLES, VARIANTS
from reasoning.files import CellFiles

BUDGET_CORE_HOURS = 10
"""Of all cells; the bases take about two more."""
FORECAST = {"main": 27.0, "chains": 16.0, "questions": 15.0, "threshold": 7.0}
"""Core-minutes of a cell by table, before any of it has run."""


def core_hours(found: CellFiles) -> tuple[float, float]:
    """Core-hours of the cells that are there, and those that the others will take.

    A missing cell is taken for as dear as the mean of its table's finished cells, or for the forecast.
    """
    spent = sum(content["core_seconds"] for content in found.values()) / 3600
    left = 0.0
    for table, cells in TABLES.items():
        done = [found[cell]["core_seconds"] / 60 for cell in cells if cell in found]
        left += (len(cells) - len(done)) * (fmean(done) if done else FORECAST[table]) / 60
    return spent, left


def plan_text(found: CellFiles) -> str:
    """The plan as lines of text."""
    lines = []
    for table, cells in TABLES.items():
        lines.append(f"--table {table}")
        for row in dict.fromkeys(cell.row for cell in cells):
            own = [cell for cell in cells if cell.row == row]
            done = [found[cell]["core_seconds"] for cell in own if cell in found]
            cost = f", {fmean(done) / 60:.1f} core-minutes each" if done else ""
            question, share, variant = row
            title = f"{question:5} {share:4.0%} chains, {VARIANTS[variant].title}"
            lines.append(f"  {title:94} {len(own)} seeds, {len(done)} done{cost}")
        lines.append(f"  arms: {', '.join(next(iter(cells.values())))}")
    spent, left = core_hours(found)
    count = sum(map(len, TABLES.values()))
    lines.append(
        f"{count} cells, {len(found)} done. Budget {BUDGET_CORE_HOURS} core-hours; spent {spent:.2f}, "
        f"{left:.1f} for the others."
    )
    return "\n".join(lines)
