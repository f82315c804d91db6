"""What the benchmark was to show, written down before any result, and what the files say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mini.files import Groups
from mini.pooled import family_difference, pooled
from mini.settings import FAMILIES, SETTINGS
from mini.systems import BASE, RFT, SHUFFLED, TWIN
from vrft.evaluation.statistics import Difference

MOST_OF_FIVE = 3


@dataclass(frozen=True)
class Claim:
    """One claim and its state."""

    text: str
    seen: str
    """What the files say."""
    holds: bool | None
    """None where cells are missing that could decide it."""


def claims(groups: Groups) -> list[Claim]:
    """All claims."""
    rows = [(s.name, shots) for s in SETTINGS.values() for shots in s.seeds]
    complete = all(len(groups.get(row, ())) == SETTINGS[row[0]].seeds[row[1]] for row in rows)
    whole = complete_families(groups)
    against = {f: family_difference(groups, f, RFT, TWIN) for f in whole}
    reading = {f: family_difference(groups, f, RFT, BASE, parsed=True) for f in whole}
    return [
        _every(groups, complete),
        _most("RFT is above its SFT twin at equal images in at least three of the five settings", against),
        _most(
            "The value of the answers that can be read rises from base to RFT in at least three settings",
            reading,
        ),
        _control(groups, complete),
    ]


def complete_families(groups: Groups) -> list[str]:
    """Settings of which every seed is there, in every domain, at the reference number of shots."""
    rows = {(s.name, s.reference): s.family for s in SETTINGS.values()}
    lacking = {f for row, f in rows.items() if len(groups.get(row, ())) < SETTINGS[row[0]].seeds[row[1]]}
    return [family for family in FAMILIES if family not in lacking]


def differences(groups: Groups, first: str, second: str) -> dict[tuple[str, int], Difference]:
    """First minus second in every setting and number of shots that is there."""
    found = {}
    for row, cells in groups.items():
        one, other = pooled(cells, first), pooled(cells, second)
        if one is not None and other is not None:
            found[row] = one.minus(other)
    return found


def above(seen: Difference | None) -> bool:
    """Whether an interval lies above zero."""
    return seen is not None and seen.low is not None and seen.low > 0


def _every(groups: Groups, complete: bool) -> Claim:
    seen = differences(groups, RFT, BASE)
    failing = [f"{name} at {shots}" for (name, shots), d in seen.items() if not above(d)]
    said = f"{len(seen) - len(failing)} of {len(seen)} rows" + (
        f"; not in {', '.join(failing)}" if failing else ""
    )
    return Claim(
        "RFT is above base in every setting and number of shots, with intervals that exclude zero",
        said,
        False if failing else (True if complete else None),
    )


def _most(text: str, seen: Mapping[str, Difference | None]) -> Claim:
    won = [family for family, d in seen.items() if above(d)]
    undecided = len(FAMILIES) - len(seen)
    said = f"{len(won)} of {len(seen)} complete settings" + (f": {', '.join(won)}" if won else "")
    leaning = [
        f for f, d in seen.items() if f not in won and d is not None and d.value is not None and d.value > 0
    ]
    said += f"; by its mean alone also {', '.join(leaning)}" if leaning else ""
    holds: bool | None = len(won) >= MOST_OF_FIVE
    if not holds and len(won) + undecided >= MOST_OF_FIVE:
        holds = None
    return Claim(text, said, holds)


def _control(groups: Groups, complete: bool) -> Claim:
    seen = differences(groups, SHUFFLED, BASE)
    exceeding = [f"{name} at {shots}" for (name, shots), d in seen.items() if above(d)]
    said = f"{len(seen) - len(exceeding)} of {len(seen)} rows"
    said += f"; it does in {', '.join(exceeding)} (other seeds: `--study control`)" if exceeding else ""
    return Claim(
        "RFT on rewards shuffled inside the groups never exceeds base by more than its interval",
        said,
        False if exceeding else (True if complete else None),
    )
