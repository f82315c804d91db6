"""What there is to run, what is there, and whether it fits into the budget."""

from __future__ import annotations

from statistics import fmean

from mini.cell import main_table
from mini.effort import FULL
from mini.files import CellFiles
from mini.settings import SETTINGS
from mini.systems import CONTROLS

BUDGET_CORE_HOURS = 24


def core_hours(found: CellFiles) -> tuple[float, float | None]:
    """Core-hours of the cells that are there, and those that the missing ones will take.

    A missing cell is taken for as dear as the mean of its setting's finished cells, or of all where there is
    none; nothing can be said before the first.
    """
    spent = sum(c["core_seconds"] for c in found.values()) / 3600
    if not found:
        return spent, None
    overall = fmean(c["core_seconds"] for c in found.values())
    left = 0.0
    for cell in main_table():
        if cell.name not in found:
            alike = [c["core_seconds"] for c in found.values() if c["setting"] == cell.setting]
            left += fmean(alike) if alike else overall
    return spent, left / 3600


def plan_text(found: CellFiles) -> str:
    """The plan as lines of text."""
    cells = main_table()
    lines = []
    for setting in SETTINGS.values():
        for shots, seeds in setting.seeds.items():
            own = [c for c in cells if c.setting == setting.name and c.shots == shots]
            done = [found[c.name] for c in own if c.name in found]
            cost = f", {fmean(d['core_seconds'] for d in done) / 60:.1f} core-minutes each" if done else ""
            lines.append(f"{setting.name:24} {shots:3} shots  {seeds} seeds, {len(done)} done{cost}")
    trials = 3 * len(FULL.sft_rates), len(FULL.rft_rates), len(FULL.both_rates)
    further = sum(c.has_further_controls for c in cells)
    spent, left = core_hours(found)
    rest = (
        f"{left:.1f} for the others at that cost, {spent + left:.1f} in all"
        if left is not None
        else "the others are not known before the first is done"
    )
    return "\n".join(
        [
            *lines,
            f"{len(cells)} cells, {len(found)} done. In each: {trials[0]} trials of SFT, {trials[1]} of RFT, "
            f"{trials[2]} of SFT then RFT, 1 with shuffled rewards, 2 of SFT at equal steps and tokens;",
            f"in {further} of them {len(CONTROLS)} more of RFT.",
            f"Budget {BUDGET_CORE_HOURS} core-hours, {BUDGET_CORE_HOURS * 60 / len(cells):.0f} core-minutes "
            f"a cell. Spent: {spent:.2f} core-hours; {rest}.",
        ]
    )
