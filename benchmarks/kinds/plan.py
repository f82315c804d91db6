"""What there is to run, what is there, and what the others will take."""

from __future__ import annotations

from statistics import fmean

from mini.files import CellFiles

from kinds.cell import CELLS, DEVELOPMENT, DEVELOPMENTS, SEEDS, TABLES, Cell
from kinds.effort import RATES

BUDGET_CORE_HOURS = 9.6
"""Of all cells, the development seed included."""


def core_hours(found: CellFiles, developed: CellFiles) -> tuple[float, float]:
    """Core-hours of the cells that are there, and those that the others will take.

    A missing cell is taken for as dear as the mean of its row's finished cells, or for the forecast; on the
    development seed it tries all rates, and neither asks what is held out nor trains a control.
    """
    there = {**found, **developed}
    spent = sum(content["core_seconds"] for content in there.values()) / 3600
    left = sum(
        _minutes(cell, found) for cell in (*CELLS.values(), *DEVELOPMENTS.values()) if cell.name not in there
    )
    return spent, left / 60


def _minutes(cell: Cell, found: CellFiles) -> float:
    if cell.seed == DEVELOPMENT:
        arms = cell.row.arms
        tried = sum(not arm.control for arm in arms) / len(arms)
        return len(RATES) * 0.85 * tried * cell.row.core_minutes
    alike = [content["core_seconds"] / 60 for content in found.values() if content["row"] == cell.row.name]
    return fmean(alike) if alike else cell.row.core_minutes


def plan_text(found: CellFiles, developed: CellFiles) -> str:
    """The plan as lines of text."""
    lines = []
    for table, rows in TABLES.items():
        lines.append(f"--table {table}")
        for row in rows:
            done = [content["core_seconds"] for content in found.values() if content["row"] == row.name]
            cost = f", {fmean(done) / 60:.1f} core-minutes each" if done else ""
            rates = "rates set" if f"{row.name}-{DEVELOPMENT}" in developed else "rates open"
            arms = ", ".join(arm.name for arm in row.arms)
            lines.append(f"  {row.name:22} {rates}, {len(SEEDS)} seeds, {len(done)} done{cost}; arms: {arms}")
    spent, left = core_hours(found, developed)
    lines.append(
        f"{len(CELLS)} cells, {len(found)} done; {len(DEVELOPMENTS)} cells set rates, {len(developed)} done. "
        f"Budget {BUDGET_CORE_HOURS} core-hours; spent {spent:.2f}, {left:.1f} for the others."
    )
    return "\n".join(lines)
