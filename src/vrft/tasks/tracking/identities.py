"""Identities of tracks, counted as py-motmetrics 1.4.0 counts them: IDF1, switches, and what MOTA is made of.

Image after image, a thing keeps the track that it was last matched to where their IoU allows it; the others
are matched for the least sum of distances (Bernardin and Stiefelhagen 2008, CLEAR MOT). IDF1 matches whole
tracks once, for the most images (Ristani et al. 2016, arXiv 1609.01775). Counts of several sequences are
added before anything is divided.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from functools import reduce

import numpy as np
from scipy.optimize import linear_sum_assignment

from vrft.geometry.boxes import as_array, iou_matrix
from vrft.types import BoxXYXY, Tracks

MAX_DISTANCE = 0.5
"""Of 1 - IoU: boxes further apart are never the same thing."""
Images = Mapping[int, Mapping[str, BoxXYXY]]
"""The boxes of each image by name."""


@dataclass(frozen=True)
class Identities:
    """Counts of boxes; those of several sequences add up."""

    gold: int = 0
    said: int = 0
    true: int = 0
    """IDTP: boxes of things under the one track that stands for each in the whole sequence."""
    switches: int = 0
    """Times that a thing goes on under another track than the one it had last."""
    misses: int = 0
    false: int = 0
    """Boxes that are of no thing."""

    def __add__(self, other: Identities) -> Identities:
        return Identities(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def idf1(self) -> float:
        """2 IDTP / (gold + said), in [0, 1]; NaN of nothing."""
        return _share(2 * self.true, self.gold + self.said)

    @property
    def idp(self) -> float:
        """Share of the boxes that were said; NaN of none."""
        return _share(self.true, self.said)

    @property
    def idr(self) -> float:
        """Share of the labelled boxes; NaN of none."""
        return _share(self.true, self.gold)

    @property
    def mota(self) -> float:
        """1 - (misses + switches + false) / gold, at most 1 and without a lower bound; NaN of nothing."""
        return 1 - _share(self.misses + self.switches + self.false, self.gold)


def identities(gold: Images, said: Images, max_distance: float = MAX_DISTANCE) -> Identities:
    """Count one sequence.

    Args:
        gold: labelled boxes by image and name.
        said: those of an answer; its names need not be those of the labels.
        max_distance: greatest 1 - IoU of a thing and its track.

    Example:
        >>> box = (0.0, 0.0, 9.0, 9.0)
        >>> gold = {number: {"cup": box} for number in (1, 2, 3, 4)}
        >>> said = {number: {"a" if number < 3 else "b": box} for number in (1, 2, 3, 4)}
        >>> found = identities(gold, said)
        >>> found.switches, found.idf1, found.mota
        (1, 0.5, 0.75)
    """
    last: dict[str, str] = {}
    together: Counter[tuple[str, str]] = Counter()
    switches = matched = 0
    for number in sorted({*gold, *said}):
        things, tracks = gold.get(number, {}), said.get(number, {})
        distances = _distances(things, tracks, max_distance)
        together.update(distances.keys())
        kept: dict[str, str] = {}
        for thing in things:
            track = last.get(thing)
            if track is not None and (thing, track) in distances and track not in kept.values():
                kept[thing] = track
        fresh = _matched(
            [thing for thing in things if thing not in kept],
            [track for track in tracks if track not in kept.values()],
            distances,
        )
        switches += sum(last.get(thing, track) != track for thing, track in fresh.items())
        matched += len(kept) + len(fresh)
        last |= fresh
    n_gold, n_said = (sum(map(len, images.values())) for images in (gold, said))
    counts = _matrix(together)
    true = int(counts[linear_sum_assignment(counts, maximize=True)].sum())
    return Identities(n_gold, n_said, true, switches, n_gold - matched, n_said - matched)


def total(each: Iterable[Identities]) -> Identities:
    """All counts together."""
    return reduce(Identities.__add__, each, Identities())


def identities_of(said: Tracks | None, gold: Tracks) -> Identities:
    """Of an answer, which says nothing where it could not be read."""
    return identities(gold.by_image, {} if said is None else said.by_image)


def _distances(
    things: Mapping[str, BoxXYXY], tracks: Mapping[str, BoxXYXY], most: float
) -> dict[tuple[str, str], float]:
    """1 - IoU of every pair that may be the same."""
    far = 1 - iou_matrix(as_array([*things.values()]), as_array([*tracks.values()]))
    return {
        (thing, track): float(far[i, j])
        for i, thing in enumerate(things)
        for j, track in enumerate(tracks)
        if far[i, j] <= most
    }


def _matched(
    things: list[str], tracks: list[str], distances: Mapping[tuple[str, str], float]
) -> dict[str, str]:
    """As many pairs as can be, at the least sum of distances."""
    apart = 2.0 * min(len(things), len(tracks)) + 1
    costs = np.array([[distances.get((a, b), apart) for b in tracks] for a in things])
    if not costs.size:
        return {}
    pairs = ((things[i], tracks[j]) for i, j in zip(*linear_sum_assignment(costs), strict=True))
    return {thing: track for thing, track in pairs if (thing, track) in distances}


def _matrix(together: Mapping[tuple[str, str], int]) -> np.ndarray:
    """How many images each thing and each track share."""
    things = {name: i for i, name in enumerate(dict.fromkeys(thing for thing, _ in together))}
    tracks = {name: i for i, name in enumerate(dict.fromkeys(track for _, track in together))}
    counts = np.zeros((len(things), len(tracks)), dtype=int)
    for (thing, track), count in together.items():
        counts[things[thing], tracks[track]] = count
    return counts


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.inf if part else math.nan
