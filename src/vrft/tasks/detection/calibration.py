"""Is a box of confidence 0.7 right seven times in ten? Calibration of the boxes that a detector gives.

It says nothing about objects that no box was given for: read it beside recall or AP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.geometry.boxes import iou_rows
from vrft.geometry.matching import TAU, greedy_ious
from vrft.types import BoxesTarget

BINS = 10
"""Default number of bins."""


@dataclass(frozen=True)
class ReliabilityBin:
    """The boxes whose confidence lies in (low, high], in the first bin also those of confidence 0."""

    low: float
    high: float
    n: int
    confidence: float
    """Mean confidence of its boxes, in [0, 1]; NaN where there is none."""
    hit_share: float
    """Share of its boxes that hit a label, in [0, 1]; NaN where there is none."""


@dataclass(frozen=True)
class Calibration:
    """How well confidences tell the share of hits; NaN without boxes."""

    n: int
    """Boxes."""
    ece: float
    """Expected calibration error: the mean of |hit share - confidence| over bins, weighted by their boxes
    (Guo et al., arXiv 1706.04599)."""
    brier: float
    """Mean of (confidence - hit)^2 over boxes."""
    bins: tuple[ReliabilityBin, ...]
    """Of equal width, from 0 to 1; empty ones are kept."""


def confidences_and_hits(judged: Sequence[Judged], tau: float = TAU) -> tuple[np.ndarray, np.ndarray]:
    """The confidence of every box and whether it hits a label.

    Boxes take the labels of their question one to one, the most confident first, above an IoU of ``tau``.

    Args:
        judged: answers to detection questions; one that could not be parsed has no boxes.
        tau: threshold in [0, 1).

    Returns:
        (n,) confidences in [0, 1], 1.0 where the model gave none; (n,) of bool.

    Raises:
        InputError: an example's target is not boxes.
    """
    confidences: list[float] = []
    hits: list[bool] = []
    for one in judged:
        target, answer = one.example.target, one.answer
        if not isinstance(target, BoxesTarget):
            raise InputError(f"Example '{one.example.id}' asks for no boxes. Give answers to detection.")
        if answer.parsed:
            ious = iou_rows(answer.boxes_xyxy_px, target.boxes_xyxy_px)
            confidences += answer.confidences
            hits += [iou > 0 for iou in greedy_ious(ious, answer.confidences, tau)]
    return np.array(confidences, dtype=float), np.array(hits, dtype=bool)


def calibration(confidences: np.ndarray, hits: np.ndarray, bins: int = BINS) -> Calibration:
    """Expected calibration error, Brier score and the table of a reliability diagram.

    Args:
        confidences: (n,) in [0, 1].
        hits: (n,) of truth values.
        bins: number of bins of equal width, at least 1.

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
            ReliabilityBin(low, high, int(inside.sum()), _mean(confidences[inside]), _mean(hits[inside]))
        )
    return Calibration(len(hits), _ece(table), _mean((confidences - hits) ** 2), tuple(table))


def together(parts: Sequence[Calibration]) -> Calibration:
    """The calibration of several sets of boxes as one set.

    Args:
        parts: with the same bins, at least one.

    Raises:
        InputError: there is none, or their bins differ.

    Example:
        >>> parts = [calibration(np.array([0.75]), np.array([hit]), bins=2) for hit in (1, 0)]
        >>> whole = together(parts)
        >>> whole.n, whole.ece, whole.brier
        (2, 0.25, 0.3125)
    """
    edges = {tuple((b.low, b.high) for b in part.bins) for part in parts}
    if len(edges) != 1:
        raise InputError("Calibrations of the same bins are needed, at least one.")
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


def _ece(bins: Sequence[ReliabilityBin]) -> float:
    return _weighted([(b.n, abs(b.hit_share - b.confidence)) for b in bins])


def _weighted(parts: Sequence[tuple[int, float]]) -> float:
    """The mean of values that stand for so many boxes each; NaN without boxes."""
    boxes = sum(n for n, _ in parts)
    return sum(n * value for n, value in parts if n) / boxes if boxes else float("nan")


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
