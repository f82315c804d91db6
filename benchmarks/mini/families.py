"""The five settings at their reference number of shots, next to the paper's figures."""

from __future__ import annotations

from mini.files import Groups
from mini.pooled import family_difference
from mini.settings import FAMILIES, PAPER, SETTINGS
from mini.systems import BASE, RFT, SHUFFLED, TWIN
from mini.tables import table, with_interval

PAIRS = {
    "RFT - base": (RFT, BASE, False),
    "RFT - base, given parsed": (RFT, BASE, True),
    "RFT - SFT": (RFT, TWIN, False),
    "shuffled - base": (SHUFFLED, BASE, False),
}
"""Differences by title: first, second, whether of the answers that can be read."""


def families_table(groups: Groups) -> str:
    """Differences at the reference number of shots, as far as every domain of a setting is there."""
    rows = []
    for family in FAMILIES:
        found = [family_difference(groups, family, *pair) for pair in PAIRS.values()]
        printed = [f"+{gain}" for gain in PAPER[family]]
        own = [with_interval(seen, sign=True) for seen in found]
        rows.append([family, seeds_there(groups, family), *own, *printed])
    return table(["setting", "seeds", *PAIRS, "paper: RFT - base", "paper: RFT - SFT"], rows)


def seeds_there(groups: Groups, family: str) -> str:
    """How many seeds of a setting are there, in all its domains."""
    own = [s for s in SETTINGS.values() if s.family == family]
    there = sum(len(groups.get((s.name, s.reference), ())) for s in own)
    return f"{there} of {sum(s.seeds[s.reference] for s in own)}"
