"""Several seeds of one training put together, and a permutation test of two systems.

Runs that differ in their seed answer the same held-out pictures, so two things vary: the seed and the
picture. Pictures alone (``statistics``) say how sure the score of one model is; seeds and pictures together
say how sure the score of its recipe is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, product

import numpy as np
from scipy import stats

from vrft.errors import InputError
from vrft.evaluation.judged import Judged
from vrft.evaluation.pairing import same_questions
from vrft.evaluation.statistics import (
    RESAMPLES,
    Difference,
    Interval,
    difference,
    drawn_values,
    interval,
    number,
    picture_draws,
)
from vrft.tasks.metrics.metric import Metric

PERMUTATIONS = 10_000
"""Default number of permutations."""
_NOISE = 1e-12
"""Differences this much apart are alike but for the rounding of sums."""
Runs = Sequence[Sequence[Judged]]
"""The answers of one system after each of its trainings."""


def seed_interval(values: Sequence[float]) -> Interval:
    """The mean of a metric over seeds with Student's 95 per cent interval.

    mean ± t(0.975, n - 1) s / sqrt(n), s with n - 1: right where the values of seeds are about normal. It
    takes the pictures as given, and with two or three seeds it is wide, as it should be.

    Args:
        values: the metric of each seed's run; NaN makes the mean unknown.

    Returns:
        The mean; without an interval where there are fewer than two seeds.

    Example:
        >>> found = seed_interval([0.4, 0.5, 0.6])
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.5, 0.252, 0.748)
    """
    mean = float(np.mean(values)) if len(values) else float("nan")
    if np.isnan(mean) or len(values) < 2:
        return Interval(number(mean), None, None)
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half)


def seeds_bootstrap(runs: Runs, metric: Metric, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The mean of a metric over seeds with its interval, seeds and pictures both drawn anew.

    Each draw takes as many seeds as there are, with replacement, and one draw of pictures for all of them:
    seeds share their pictures, and pictures drawn for each seed alone would make the interval too narrow
    (Owen 2007, The pigeonhole bootstrap). With one seed it is ``bootstrap``; with two or three the spread
    of seeds is itself hardly known, so look at ``seed_interval`` too.

    Args:
        runs: the answers after each training, to the same questions.
        metric: what to measure.
        resamples: number of draws.
        seed: of the draws.

    Raises:
        InputError: there are no runs, or they answered different questions.
    """
    (ordered,) = _same([runs])
    return interval(*_drawn(ordered, metric, resamples, seed, 0))


def seeds_difference(
    first: Runs, second: Runs, metric: Metric, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """First system minus second, each the mean of its seeds, on the same draws of pictures.

    The seeds of the two are drawn each by itself; a system without training has one run.

    Args:
        first: answers of one system after each of its trainings.
        second: the same of the other; the number of runs may differ.
        metric: what to measure.
        resamples: number of draws.
        seed: of the draws.

    Raises:
        InputError: a system has no runs, or they answered different questions.
    """
    one, other = _same([first, second])
    return difference(_drawn(one, metric, resamples, seed, 0), _drawn(other, metric, resamples, seed, 1))


def permutation_p(
    first: Sequence[Judged],
    second: Sequence[Judged],
    metric: Metric,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> float | None:
    """Two-sided p of a paired permutation test over pictures.

    Were the systems alike, either could have given either's answers: all answers of a picture are swapped or
    not, and p is the share of such data sets whose difference is at least as great as the one seen. For a
    mean over pictures these are the sign flips of its differences. All 2^pictures are counted where they are
    no more than asked for; else random ones, with the one seen added (Phipson and Smyth 2010).

    Args:
        first: answers of one system.
        second: answers of the other, in any order.
        metric: what to measure.
        permutations: how many to try, at least 1.
        seed: of the swaps.

    Returns:
        In (0, 1]; None where the difference cannot be measured.

    Raises:
        InputError: no permutations are asked for, or the systems answered different questions.
    """
    if permutations < 1:
        raise InputError(
            f"{permutations} permutations are too few. Ask for at least 1; {PERMUTATIONS} is usual."
        )
    first, second = same_questions({"first": first, "second": second}).values()
    names, picture_Q = np.unique([j.example.record_id for j in first], return_inverse=True)
    value, here = metric.resampler([*first, *second]), np.arange(len(first))
    seen = value(here) - value(here + len(first))
    if np.isnan(seen):
        return None
    exact = 2.0 ** len(names) <= permutations
    swaps = (
        np.array(list(product([False, True], repeat=len(names))))
        if exact
        else np.random.default_rng(seed).random((permutations, len(names))) < 0.5
    )
    beyond = 0
    for swap in swaps:
        shift = np.where(swap[picture_Q], len(first), 0)
        swapped = value(here + shift) - value(here + len(first) - shift)
        beyond += bool(abs(swapped) >= abs(seen) - _NOISE)
    return beyond / len(swaps) if exact else (beyond + 1) / (permutations + 1)


def _same(systems: Sequence[Runs]) -> list[list[list[Judged]]]:
    """The runs of every system in one order of questions."""
    if not all(len(runs) for runs in systems):
        raise InputError("A system has no runs. Give the answers of at least one training.")
    names = [[f"system {s}, run {r}" for r, _ in enumerate(runs, 1)] for s, runs in enumerate(systems, 1)]
    ordered = same_questions(dict(zip(chain(*names), chain(*systems), strict=True)))
    return [[ordered[name] for name in listed] for listed in names]


def _drawn(runs: Runs, metric: Metric, resamples: int, seed: int, side: int) -> tuple[float, np.ndarray]:
    """The mean over seeds, and (draws,) means over drawn seeds on drawn pictures."""
    draws = picture_draws([j.example.record_id for j in runs[0]], resamples, seed)
    found = [drawn_values(judged, metric, draws) for judged in runs]
    values_SB = np.stack([values for _, values in found])
    # Another stream than that of the pictures, and one a system.
    chosen_BS = np.random.default_rng([seed, 1 + side]).integers(len(runs), size=(len(draws), len(runs)))
    means_B: np.ndarray = values_SB.T[np.arange(len(draws))[:, None], chosen_BS].mean(axis=1)
    return float(np.mean([value for value, _ in found])), means_B
