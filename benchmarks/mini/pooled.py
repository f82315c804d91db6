"""Seeds put together, and systems compared, from the draws that cells keep.

Cells of one setting and number of shots have the same held-out questions and the same draws of images. A
draw of the pooled value takes as many seeds as there are, with replacement, on one draw of images (Owen
2007, The pigeonhole bootstrap). The same seeds are drawn for every system, because a seed's systems learn
from the same shots. With one seed the interval is over images alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mini.scores import unpacked
from mini.settings import SETTINGS
from vrft.evaluation.statistics import Difference, Interval, difference, interval

CellFile = Mapping[str, Any]


@dataclass(frozen=True)
class SeedMean:
    """A mean over seeds with its (draws,) values."""

    value: float
    values: np.ndarray

    @property
    def interval(self) -> Interval:
        """With its 95 per cent interval."""
        return interval(self.value, self.values)

    def minus(self, other: SeedMean) -> Difference:
        """The difference, paired by image and by seed."""
        return difference((self.value, self.values), (other.value, other.values))

    def lead(self, other: SeedMean) -> SeedMean:
        """The same with its draws, to be compared with another lead."""
        return SeedMean(self.value - other.value, self.values - other.values)


def pooled(
    cells: Sequence[CellFile], system: str, scope: str | None = None, parsed: bool = False
) -> SeedMean | None:
    """One system's value over the seeds of a setting and a number of shots.

    Args:
        cells: the seeds' files, at least one.
        system: its name.
        scope: None takes the setting's headline.
        parsed: the value of the answers that could be read.

    Returns:
        None where a cell has no such system.
    """
    rows = [c["scopes"][scope or c["headline"]]["systems"].get(system) for c in cells]
    if not all(rows):
        return None
    value, draws = ("value_given_parsed", "draws_given_parsed") if parsed else ("value", "draws")
    if any(row[value] is None or draws not in row for row in rows):
        return None
    values_SB = np.stack([unpacked(row[draws]) for row in rows])
    count = values_SB.shape[1]
    chosen_BS = np.random.default_rng(0).integers(len(rows), size=(count, len(rows)))
    means_B = values_SB.T[np.arange(count)[:, None], chosen_BS].mean(axis=1)
    return SeedMean(float(np.mean([row[value] for row in rows])), means_B)


def known_as(cell: CellFile, system: str, name: str) -> CellFile:
    """A cell in which one of its systems goes by another name as well."""
    scopes = {
        scope: part | {"systems": part["systems"] | {name: part["systems"][system]}}
        for scope, part in cell["scopes"].items()
    }
    return {**cell, "scopes": scopes, "systems": cell["systems"] | {name: cell["systems"][system]}}


def mean_rate(cells: Sequence[CellFile], system: str, rate: str = "parse_rate") -> float | None:
    """The mean over seeds of a rate in the headline scope."""
    rows = [c["scopes"][c["headline"]]["systems"].get(system) for c in cells]
    return float(np.mean([row[rate] for row in rows])) if all(rows) else None


def mean_of(drawn: Sequence[SeedMean | None]) -> SeedMean | None:
    """The mean of several settings of one family; None where one is missing."""
    known = [one for one in drawn if one is not None]
    if not known or len(known) < len(drawn):
        return None
    # Other images in every setting: draws of one go with draws of another at random.
    mixed = [np.random.default_rng([1, i]).permutation(one.values) for i, one in enumerate(known)]
    return SeedMean(float(np.mean([one.value for one in known])), np.mean(mixed, axis=0))


def lead(
    cells: Sequence[CellFile], first: str, second: str, scope: str | None = None, parsed: bool = False
) -> SeedMean | None:
    """First minus second over seeds; None where there are none, or a system is missing."""
    one, other = (pooled(cells, name, scope, parsed) if cells else None for name in (first, second))
    return one.lead(other) if one is not None and other is not None else None


def family_difference(
    groups: Mapping[tuple[str, int], Sequence[CellFile]],
    family: str,
    first: str,
    second: str,
    parsed: bool = False,
) -> Difference | None:
    """First minus second in a family, at the reference number of shots, as the mean over its settings."""
    own = [s for s in SETTINGS.values() if s.family == family]
    parts = [lead(groups.get((s.name, s.reference), ()), first, second, parsed=parsed) for s in own]
    mean = mean_of(parts)
    return None if mean is None else mean.minus(SeedMean(0.0, np.zeros_like(mean.values)))
