"""How sure a score is: bootstrap over pictures, for one system and for the difference of two.

Questions about one picture are not independent, so pictures are drawn, with all their questions (the cluster
bootstrap; Davison and Hinkley 1997, Bootstrap Methods and their Application, chapter 3). Systems are compared
on the same draws of the same pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.evaluation.pairing import same_questions
from vrft.tasks.metrics.metric import Metric

RESAMPLES = 1000
"""Default number of draws."""
_NOISE_DECIMALS = 12
"""Differences below this are rounding of sums, not differences."""


@dataclass(frozen=True)
class Interval:
    """A value and its 95 per cent interval."""

    value: float | None
    """None where it cannot be measured."""
    low: float | None
    """2.5th percentile of the draws; None with fewer than two pictures."""
    high: float | None
    """97.5th percentile of the draws."""


@dataclass(frozen=True)
class Difference(Interval):
    """The difference of two systems."""

    p: float | None
    """Two-sided share of draws on the other side of zero, never below 2 / (draws + 1)."""


def picture_draws(record_ids: Sequence[str], resamples: int = RESAMPLES, seed: int = 0) -> list[np.ndarray]:
    """Draw as many pictures as there are, with replacement, many times.

    Args:
        record_ids: the picture of each question.
        resamples: number of draws, at least 1.
        seed: the same seed gives the same draws of pictures, in whatever order the questions come.

    Returns:
        For each draw the indices of all questions of the drawn pictures; none with fewer than two pictures,
        which say nothing about how pictures differ.

    Raises:
        InputError: fewer than one draw.

    Example:
        >>> [sorted(draw.tolist()) for draw in picture_draws(["a", "a", "b"], resamples=2, seed=1)]
        [[0, 1, 2], [2, 2]]
    """
    if resamples < 1:
        raise InputError(
            f"{resamples} bootstrap draws are too few. Ask for at least 1; {RESAMPLES} is usual."
        )
    questions: dict[str, list[int]] = {}
    for index, record_id in enumerate(record_ids):
        questions.setdefault(record_id, []).append(index)
    pictures = [np.array(questions[record_id]) for record_id in sorted(questions)]
    if len(pictures) < 2:
        return []
    draws = np.random.default_rng(seed).integers(len(pictures), size=(resamples, len(pictures)))
    return [np.concatenate([pictures[picture] for picture in draw]) for draw in draws]


def drawn_values(
    judged: Sequence[Judged], metric: Metric, draws: Sequence[np.ndarray], parsed_only: bool = False
) -> tuple[float, np.ndarray]:
    """A metric on all answers and on every draw.

    Args:
        judged: answers of one system.
        metric: what to measure.
        draws: as ``picture_draws`` gives them for these answers.
        parsed_only: leave out the answers that could not be read, after drawing.

    Returns:
        The value, and (draws,) values; NaN where a draw holds nothing to measure.
    """
    value = metric.resampler(judged)
    kept = np.array([j.answer.parsed or not parsed_only for j in judged], dtype=bool)
    return value(np.flatnonzero(kept)), np.array([value(draw[kept[draw]]) for draw in draws], dtype=float)


def interval(value: float, values: np.ndarray) -> Interval:
    """The percentile interval of a value, widened where it does not hold the value itself.

    Average precision of few pictures is too high on average, and its draws, which repeat pictures, are so
    once more: read its interval beside those of other systems on the same pictures. In a difference most of
    this cancels.

    Args:
        value: the metric on all answers.
        values: (draws,) the metric on the draws; NaN ones are left out.

    Returns:
        The interval, with None for what cannot be known.
    """
    known = values[~np.isnan(values)]
    if math.isnan(value) or not len(known):
        return Interval(number(value), None, None)
    low, high = np.percentile(known, [2.5, 97.5])
    return Interval(value, min(float(low), value), max(float(high), value))


def difference(first: tuple[float, np.ndarray], second: tuple[float, np.ndarray]) -> Difference:
    """First minus second, with its interval and p.

    p is twice the smaller share of draws at or beyond zero, with one draw added on that side and to the total
    (Phipson and Smyth 2010): it is never 0, and 1 where two systems do exactly the same.

    Args:
        first: value and (draws,) values, as ``drawn_values`` gives them.
        second: the same of the other system, on the same draws.

    Returns:
        The difference, with None for what cannot be known.

    Example:
        >>> difference((0.5, np.array([0.4, 0.6, 0.5])), (0.5, np.array([0.4, 0.6, 0.5])))
        Difference(value=0.0, low=0.0, high=0.0, p=1.0)
    """
    value = round(first[0] - second[0], _NOISE_DECIMALS)
    values = np.round(first[1] - second[1], _NOISE_DECIMALS)
    seen = interval(value, values)
    if seen.low is None:
        return Difference(seen.value, None, None, None)
    known = values[~np.isnan(values)]
    beyond = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return Difference(seen.value, seen.low, seen.high, min(1.0, 2 * (beyond + 1) / (len(known) + 1)))


def bootstrap(
    judged: Sequence[Judged], metric: Metric, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """A metric with its 95 per cent interval.

    Args:
        judged: answers of one system; no question twice.
        metric: what to measure.
        resamples: number of draws.
        seed: of the draws.

    Returns:
        The value in [0, 1] and its percentile interval.

    Raises:
        InputError: a question occurs twice, or the metric does not fit the targets.
    """
    (judged,) = same_questions({"system": judged}).values()
    draws = picture_draws([j.example.record_id for j in judged], resamples, seed)
    return interval(*drawn_values(judged, metric, draws))


def paired_bootstrap(
    first: Sequence[Judged],
    second: Sequence[Judged],
    metric: Metric,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Difference:
    """First system minus second on the same questions, both on the same draws of pictures.

    Args:
        first: answers of one system.
        second: answers of the other, in any order.
        metric: what to measure.
        resamples: number of draws.
        seed: of the draws.

    Returns:
        The difference in [-1, 1], its percentile interval and p.

    Raises:
        InputError: the systems answered different questions, or one occurs twice.
    """
    first, second = same_questions({"first": first, "second": second}).values()
    draws = picture_draws([j.example.record_id for j in first], resamples, seed)
    return difference(drawn_values(first, metric, draws), drawn_values(second, metric, draws))


def needed_pictures(diff: float, low: float, high: float, n: int) -> int | None:
    """How many pictures would make the interval exclude zero, if the difference stayed as it is.

    An interval narrows with the square root of the pictures, so the answer is n (half width / difference)^2;
    of a lopsided interval the half on the side of zero counts.

    Args:
        diff: the difference seen, in [-1, 1].
        low: lower end of its interval.
        high: upper end.
        n: pictures seen, at least 1.

    Returns:
        Pictures in all; None where no number would do, because the difference is zero.

    Example:
        >>> needed_pictures(0.1, -0.1, 0.3, 20)
        80
    """
    if diff == 0:
        return None
    half_width = diff - low if diff > 0 else high - diff
    return max(1, math.ceil(n * (half_width / abs(diff)) ** 2 - 1e-6))


def number(value: float) -> float | None:
    """A number as JSON has it: None for NaN."""
    return None if math.isnan(value) else value
