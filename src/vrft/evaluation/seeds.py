"""Several seeds of one training put together, and a permutation test of two systems.

Runs that differ in their seed answer the same held-out images, so two things vary: the seed and the
image. Images alone (``statistics``) say how sure the score of one model is; seeds and images together
say how sure the score of its recipe is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, product

import numpy as np

from vrft.errors import InputError
from vrft.evaluation.statistics import (
    RESAMPLES,
    Difference,
    Interval,
    Json,
    Resampled,
    difference,
    drawn_values,
    header,
    image_draws,
    interval,
    number,
    only_task,
    plain_json,
    record_ids_of,
    same_questions,
)
from vrft.tasks.metrics.metric import Metric
from vrft.types import Prediction

PERMUTATIONS = 10_000
"""Default number of permutations."""
CARD_PERMUTATIONS = 1000
"""The same of ``combine``; average precision is too slow for the tens of thousands that a mean allows."""
_NOISE = 1e-12
"""Differences this much apart are alike but for the rounding of sums."""
Runs = Sequence[Sequence[Prediction]]
"""The answers of one system after each of its trainings."""


def seed_interval(values: Sequence[float]) -> Interval:
    """The mean of a metric over seeds with Student's 95 per cent interval.

    mean ± t(0.975, n - 1) s / sqrt(n), s with n - 1: right where the values of seeds are about normal. It
    takes the images as given, and with two or three seeds it is wide, as it should be. With fewer than two
    seeds there is no interval.

    Example:
        >>> found = seed_interval([0.4, 0.5, 0.6])
        >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
        (0.5, 0.252, 0.748)
    """
    from scipy import stats  # slow to import, and seldom needed

    mean = float(np.mean(values)) if len(values) else float("nan")
    if np.isnan(mean) or len(values) < 2:
        return Interval(number(mean), None, None)
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half)


def seeds_bootstrap(runs: Runs, metric: Metric, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """The mean of a metric over seeds with its interval, seeds and images both drawn anew.

    Each draw takes as many seeds as there are, with replacement, and one draw of images for all of them:
    seeds share their images, and images drawn for each seed alone would make the interval too narrow
    (Owen 2007, The pigeonhole bootstrap). With one seed it is ``bootstrap``; with two or three the spread
    of seeds is itself hardly known, so look at ``seed_interval`` too.
    """
    (ordered,) = _same([runs])
    return interval(*_drawn(ordered, metric, resamples, seed, 0))


def seeds_difference(
    first: Runs, second: Runs, metric: Metric, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """First system minus second, each the mean of its seeds, on the same draws of images.

    The seeds of the two are drawn each by itself; a system without training has one run.
    """
    one, other = _same([first, second])
    return difference(_drawn(one, metric, resamples, seed, 0), _drawn(other, metric, resamples, seed, 1))


def permutation_p(
    first: Sequence[Prediction],
    second: Sequence[Prediction],
    metric: Metric,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> float | None:
    """Two-sided p of a paired permutation test over images.

    Were the systems alike, either could have given either's answers: all answers of an image are swapped or
    not, and p is the share of such datasets whose difference is at least as great as the one seen. For a
    mean over images these are the sign flips of its differences. All 2^images are counted where they are
    no more than asked for; else random ones, with the one seen added (Phipson and Smyth 2010). None where the
    difference cannot be measured.
    """
    if permutations < 1:
        raise InputError(
            f"{permutations} permutations are too few. Ask for at least 1; {PERMUTATIONS} is usual."
        )
    first, second = same_questions({"first": first, "second": second}).values()
    names, image_Q = np.unique(record_ids_of(first), return_inverse=True)
    value, here = metric.prepare([*first, *second]), np.arange(len(first))
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
        shift = np.where(swap[image_Q], len(first), 0)
        swapped = value(here + shift) - value(here + len(first) - shift)
        beyond += bool(abs(swapped) >= abs(seen) - _NOISE)
    return beyond / len(swaps) if exact else (beyond + 1) / (permutations + 1)


def combine(
    runs: Sequence[Sequence[Prediction]],
    against: Sequence[Sequence[Prediction]] | None = None,
    *,
    resamples: int = RESAMPLES,
    permutations: int = CARD_PERMUTATIONS,
    seed: int = 0,
) -> Json:
    """Put the answers of several seeds together, and compare with another system.

    Args:
        runs: the answers of one system after each of its trainings, to the same questions of one task, whose
            headline metric is measured.
        against: the same of another system; None compares with nothing.
        resamples: bootstrap draws.
        permutations: swaps tried for ``permutation_p``.
        seed: of all draws.

    Returns:
        ``task``, ``metric`` with its ``title``, ``unit`` and ``higher_is_better``, ``n`` (questions),
        ``images``; ``seeds``, the value of each run; ``value``, ``low``, ``high``, their mean with the
        interval over seeds and images; ``over_seeds``, the same with Student's interval, images taken as
        given. With a second system, its ``against`` likewise, and ``difference`` with ``value``, ``low``,
        ``high``, ``p``, and ``permutation_p``: None where a system has several runs, since swapping images
        says nothing of seeds.

    Raises:
        InputError: a system has no runs or no answers, or they answered different questions.

    Example:
        >>> from vrft.types import Answer, Example, Label
        >>> asked = [Example(i, i, "classification", (), "pet", Label("cat")) for i in "ab"]
        >>> runs = [[Prediction(e, Answer(Label(name))) for e in asked] for name in ("cat", "dog")]
        >>> found = combine(runs, resamples=50)
        >>> found["seeds"], found["value"]
        ([1.0, 0.0], 0.5)
    """
    if not runs or not all(len(run) for run in (*runs, *(against or ()))):
        raise InputError("A system has no answers. Give at least one answers file that holds some.")
    task = only_task(runs[0])
    metric = task.metrics[0]
    found: Json = {"task": task.name, **header(metric, runs[0]), **_system(runs, metric, resamples, seed)}
    if against is not None:
        single = len(runs) == 1 and len(against) == 1
        p = permutation_p(runs[0], against[0], metric, permutations, seed) if single else None
        found["against"] = _system(against, metric, resamples, seed)
        found["difference"] = seeds_difference(runs, against, metric, resamples, seed)
        found["permutation_p"] = p
    whole: Json = plain_json(found)
    return whole


def _system(runs: Runs, metric: Metric, resamples: int, seed: int) -> Json:
    values = [metric.value(run) for run in runs]
    return {
        "seeds": values,
        **plain_json(seeds_bootstrap(runs, metric, resamples, seed)),
        "over_seeds": seed_interval(values),
    }


def _same(systems: Sequence[Runs]) -> list[list[list[Prediction]]]:
    """The runs of every system in one order of questions."""
    if not all(len(runs) for runs in systems):
        raise InputError("A system has no runs. Give the answers of at least one training.")
    names = [[f"system {s}, run {r}" for r, _ in enumerate(runs, 1)] for s, runs in enumerate(systems, 1)]
    ordered = same_questions(dict(zip(chain(*names), chain(*systems), strict=True)))
    return [[ordered[name] for name in listed] for listed in names]


def _drawn(runs: Runs, metric: Metric, resamples: int, seed: int, side: int) -> Resampled:
    """The mean over seeds, and (draws,) means over drawn seeds on drawn images."""
    draws = image_draws(record_ids_of(runs[0]), resamples, seed)
    found = [drawn_values(predictions, metric, draws) for predictions in runs]
    values_SB = np.stack([values for _, values in found])
    # Another stream than that of the images, and one for each system.
    chosen_BS = np.random.default_rng([seed, 1 + side]).integers(len(runs), size=(len(draws), len(runs)))
    means_B: np.ndarray = values_SB.T[np.arange(len(draws))[:, None], chosen_BS].mean(axis=1)
    return float(np.mean([value for value, _ in found])), means_B
