"""Is a box of confidence 0.7 right seven times in ten? Calibration of the boxes that a detector gives.

It says nothing about objects that no box was given for: read it next to recall or AP.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from vrft.errors import InputError
from vrft.geometry.boxes import iou_rows
from vrft.geometry.matching import TAU, greedy_ious
from vrft.tasks.metrics.metric import answer_boxes, answer_scores, mean, target_boxes
from vrft.tasks.number_format import hundred
from vrft.tasks.section import Curve, LineChart
from vrft.types import Prediction

BINS = 10
"""Default number of bins."""


@dataclass(frozen=True)
class ReliabilityBin:
    """The boxes whose confidence lies in (low, high], in the first bin also those of confidence 0: their
    number, mean confidence and share of hits, NaN where there is none."""

    low: float
    high: float
    n: int
    confidence: float
    hit_share: float


@dataclass(frozen=True)
class Calibration:
    """How well confidences match the share of hits; NaN without boxes.

    Args:
        n: boxes.
        ece: expected calibration error: the mean of |hit share - confidence| over bins, weighted by their
            boxes (Guo et al., arXiv 1706.04599).
        brier: mean of (confidence - hit)^2 over boxes.
        bins: of equal width, from 0 to 1; empty ones are kept.
    """

    n: int
    ece: float
    brier: float
    bins: tuple[ReliabilityBin, ...]


def confidences_and_hits(
    predictions: Sequence[Prediction], tau: float = TAU
) -> tuple[np.ndarray, np.ndarray]:
    """The confidence of every box and whether it hits a label.

    Boxes take the labels of their question one to one, the most confident first, above an IoU of ``tau``.

    Returns:
        (n,) confidences in [0, 1], 1.0 where the model gave none; (n,) of bool.

    Raises:
        InputError: an example's target is not boxes.
    """
    scores: list[float] = []
    hits: list[bool] = []
    for one in predictions:
        own = answer_scores(one.answer)
        ious = iou_rows(answer_boxes(one.answer), target_boxes(one.example).xyxy_px)
        scores += own
        hits += [iou > 0 for iou in greedy_ious(ious, own, tau)]
    return np.array(scores, dtype=float), np.array(hits, dtype=bool)


def calibration(confidences: np.ndarray, hits: np.ndarray, bins: int = BINS) -> Calibration:
    """Expected calibration error, Brier score and the table of a reliability diagram.

    Args:
        confidences: (n,) in [0, 1].
        hits: (n,) of truth values.
        bins: number of bins of equal width.

    Raises:
        InputError: the two differ in length, a confidence is not in [0, 1], or there are no bins.

    Example:
        >>> found = calibration(np.array([0.75, 0.75, 0.25, 0.25]), np.array([1, 1, 1, 0]), bins=2)
        >>> found.ece, found.brier, [(b.high, b.n, b.confidence, b.hit_share) for b in found.bins]
        (0.25, 0.1875, [(0.5, 2, 0.25, 0.5), (1.0, 2, 0.75, 1.0)])
    """
    if bins < 1 or len(confidences) != len(hits):
        raise InputError(
            f"{bins} bins, {len(confidences)} confidences, {len(hits)} hits: at least one bin and as "
            "many hits as confidences are needed."
        )
    if not np.all((confidences >= 0) & (confidences <= 1)):
        raise InputError("A confidence is not in [0, 1]. Divide percentages by 100, and leave out NaN.")
    edges = np.arange(bins + 1) / bins
    places = np.searchsorted(edges[1:-1], confidences, side="left")
    table = []
    for place, (low, high) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
        inside = places == place
        table.append(
            ReliabilityBin(low, high, int(inside.sum()), mean(confidences[inside]), mean(hits[inside]))
        )
    return Calibration(len(hits), _ece(table), mean((confidences - hits) ** 2), tuple(table))


def together(parts: Sequence[Calibration]) -> Calibration:
    """The calibration of several sets of boxes as one set.

    Raises:
        InputError: there is none, or their bins differ.
    """
    edges = {tuple((b.low, b.high) for b in part.bins) for part in parts}
    if len(edges) != 1:
        raise InputError(
            "There is no calibration, or their bins differ. Give at least one, all with the same bins."
        )
    table = [
        ReliabilityBin(
            same[0].low,
            same[0].high,
            sum(b.n for b in same),
            _weighted([(b.n, b.confidence) for b in same]),
            _weighted([(b.n, b.hit_share) for b in same]),
        )
        for same in zip(*(part.bins for part in parts), strict=True)
    ]
    brier = _weighted([(part.n, part.brier) for part in parts])
    return Calibration(sum(part.n for part in parts), _ece(table), brier, tuple(table))


def reliability_chart(found: Calibration, name: str = "measured") -> LineChart:
    """Share of hits over mean confidence, a dot for each bin that has boxes, next to where both are equal.

    Whiskers are 95 % intervals of the share (Wilson 1927): long where a bin has few boxes. Without boxes the
    chart has no curves.
    """
    filled = [b for b in found.bins if b.n]
    dots = tuple((b.confidence, b.hit_share) for b in filled)
    measured = Curve(name, dots, tuple(_wilson(b) for b in filled))
    return LineChart(
        title="Reliability of the confidence",
        label=f"Share of hits over confidence, {found.n} boxes, ECE {hundred(found.ece)}",
        curves=(Curve("perfect", ((0.0, 0.0), (1.0, 1.0)), ideal=True), measured) if dots else (),
        axis="confidence",
        note=(
            f"Share of hits at IoU 0.5 over the mean confidence of a bin, {found.n} boxes: "
            f"ECE {hundred(found.ece)}, Brier {hundred(found.brier)}. Dashed: as it should be."
        ),
        y_range=(0.0, 1.0),
    )


def _wilson(one: ReliabilityBin) -> tuple[float, float]:
    """The 95 % interval of Wilson 1927; a share of 0 or 1 is its own end."""
    n, hits, z = one.n, round(one.hit_share * one.n), NormalDist().inv_cdf(0.975)
    middle = (2 * hits + z**2) / (2 * (n + z**2))
    half = z * math.sqrt(z**2 + 4 * hits * (n - hits) / n) / (2 * (n + z**2))
    return (middle - half if hits else 0.0, middle + half if hits < n else 1.0)


def _ece(bins: Sequence[ReliabilityBin]) -> float:
    return _weighted([(b.n, abs(b.hit_share - b.confidence)) for b in bins])


def _weighted(parts: Sequence[tuple[int, float]]) -> float:
    """The mean of values that stand for so many boxes each; NaN without boxes."""
    boxes = sum(n for n, _ in parts)
    return sum(n * value for n, value in parts if n) / boxes if boxes else float("nan")
