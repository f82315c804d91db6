"""What the table says, in a few plain sentences made of its numbers."""

from __future__ import annotations

from collections.abc import Mapping

from mini.claims import above, complete_families
from mini.files import Groups
from mini.pooled import family_difference
from mini.settings import FAMILIES, PAPER
from mini.systems import BASE, RFT, TWIN
from vrft.evaluation.statistics import Difference
from vrft.tasks.number_format import hundred

PLACES = ("above", "not distinguishable from", "below")


def plain_statement(groups: Groups) -> str:
    """Sentences about the settings of which every seed is there; empty where there is none."""
    whole = complete_families(groups)
    if not whole:
        return ""
    gains = {f: _seen(groups, f, BASE) for f in whole}
    against = {f: _seen(groups, f, TWIN) for f in whole}
    counted = f"{len(whole)} of the {len(FAMILIES)} settings are complete at their reference number of shots."
    return " ".join(
        [
            counted if len(whole) < len(FAMILIES) else "",
            f"RFT is above the base policy in {sum(map(above, gains.values()))} of {len(whole)} settings: "
            f"{_range(gains)}.",
            f"Compared with its twin, SFT that was tuned on the same images with three times the trials, "
            f"RFT is {_places(against)}; the differences are {_range(against)}.",
            f"The paper has {_paper(whole)} there, against an SFT that it does not say was tuned; the "
            f"interval here reaches the paper's figure in {_as_large(against)}.",
        ]
    ).strip()


def _seen(groups: Groups, family: str, other: str) -> Difference:
    seen = family_difference(groups, family, RFT, other)
    assert seen is not None, f"{family} is complete"
    return seen


def _places(against: Mapping[str, Difference]) -> str:
    listed = []
    for place in PLACES:
        names = [family for family, seen in against.items() if _place(seen) == place]
        if names:
            listed.append(f"{place} it in {len(names)} ({', '.join(names)})")
    return ", ".join(listed)


def _place(seen: Difference) -> str:
    if above(seen):
        return PLACES[0]
    return PLACES[2] if seen.high is not None and seen.high < 0 else PLACES[1]


def _range(seen: Mapping[str, Difference]) -> str:
    values = [one.value for one in seen.values() if one.value is not None]
    low, high = (hundred(end, sign=True) for end in (min(values), max(values)))
    return low if len(values) == 1 else f"{low} to {high}"


def _paper(families: list[str]) -> str:
    gaps = sorted(PAPER[family][1] for family in families)
    return f"+{gaps[0]}" if len(gaps) == 1 else f"+{gaps[0]} to +{gaps[-1]}"


def _as_large(against: Mapping[str, Difference]) -> int:
    """In how many settings the interval reaches what the paper reports."""
    return sum(seen.high is not None and 100 * seen.high >= PAPER[f][1] for f, seen in against.items())
