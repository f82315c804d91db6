"""Rewards of a number: right or wrong, and how near.

An answer that could not be read has reward 0. A number in another unit is converted; one that cannot be is
wrong. Every term raises InputError for a target that is not a number.
"""

from __future__ import annotations

import math

from vrft.types import Answer, Number, Value, expect

PLACES = 9
"""Errors are rounded to so many decimals, so that exact tenths lie on the edges that they name."""
THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(1, 11))
"""Relative errors of mean relative accuracy: 1 - theta for theta .50, .55, ..., .95."""
K_MIN, K_MAX = 1.0, 15.0


def pair_of(answer: Answer, target: Value | None) -> tuple[float, float] | None:
    """The number said and the right one, in the target's unit; None where no number was said."""
    right, said = expect(target, Number), answer.as_(Number)
    if said is None:
        return None
    if said.unit == right.unit or not right.unit or not said.unit:
        return said.number, right.number
    same = said.in_unit(right.unit)
    return None if same is None else (same.number, right.number)


def relative_error(said: float, right: float, floor: float = 0.0) -> float:
    """|y' - y| / max(|y|, floor), rounded; of a y of 0 without a floor 0 where y' is 0, and else infinite."""
    size = max(abs(right), floor)
    if size == 0:
        return 0.0 if said == right else math.inf
    return round(abs(said - right) / size, PLACES)


def exact(answer: Answer, target: Value) -> float:
    """Whether the right number is given, 0 or 1.

    Example:
        >>> exact(Answer(Number(3.0)), Number(3.0)), exact(Answer(Number(320.0, "cm")), Number(3.2, "m"))
        (1.0, 1.0)
    """
    pair = pair_of(answer, target)
    return float(pair is not None and (pair[0] == pair[1] or relative_error(*pair) == 0))


def within(answer: Answer, target: Value, tolerance: float = 0.05, relative: bool = True) -> float:
    """Whether the number is at most a share of the right one off, 0 or 1; of 0 it must be 0.

    Args:
        answer: the parsed answer.
        target: the right number.
        tolerance: as a share of the right number; else in the target's unit.
        relative: which of both it is.

    Example:
        >>> [within(Answer(Number(n), True), Number(100.0)) for n in (95.0, 106.0)]
        [1.0, 0.0]
        >>> within(Answer(Number(0.0), True), Number(1.0), tolerance=1.0, relative=False)
        1.0
    """
    pair = pair_of(answer, target)
    if pair is None:
        return 0.0
    error = relative_error(*pair) if relative else round(abs(pair[0] - pair[1]), PLACES)
    return float(error <= tolerance)


def sharpness(progress: float, k_min: float = K_MIN, k_max: float = K_MAX) -> float:
    """k of SNRA as training goes on: k_min + (k_max - k_min) sigmoid(8 (progress - 0.6)).

    Example:
        >>> [round(sharpness(p), 3) for p in (0.0, 0.6, 1.0)]
        [1.114, 8.0, 14.452]
    """
    return k_min + (k_max - k_min) / (1 + math.exp(-8 * (progress - 0.6)))


def snra(
    answer: Answer,
    target: Value,
    progress: float = 0.0,
    k_min: float = K_MIN,
    k_max: float = K_MAX,
    relative: bool = True,
    scale: float = 1.0,
) -> float:
    """Smooth numerical reward: a mirrored sigmoid of the squared error, sharper as training goes on.

    r = 2 / (1 + exp(k e^2)) with k from ``sharpness`` (SNRA, arXiv 2601.07695; the form is that of code by
    others, since only the paper's first pages are to be had).

    Args:
        answer: the parsed answer.
        target: the right number.
        progress: how much of the training is done, from 0 to 1.
        k_min: sharpness at the beginning, 0 or more.
        k_max: sharpness at the end; equal to ``k_min`` it stays.
        relative: e = |y' - y| / max(|y|, scale); else e = |y' - y| / scale.
        scale: in the target's unit, above 0.

    Example:
        >>> near = Answer(Number(9.0), True)
        >>> round(snra(near, Number(10.0), k_min=15.0, k_max=15.0), 4)
        0.9251
        >>> round(snra(near, Number(10.0), k_min=1.0, k_max=1.0, relative=False), 4)
        0.5379
    """
    pair = pair_of(answer, target)
    if pair is None:
        return 0.0
    error = relative_error(*pair, floor=scale) if relative else abs(pair[0] - pair[1]) / scale
    power = sharpness(progress, k_min, k_max) * min(error, 1e6) ** 2
    return 2 / (1 + math.exp(power)) if power < 700 else 0.0


def snra_sharp(answer: Answer, target: Value) -> float:
    """SNRA of the relative error at its sharpest from the first step on: half at 27 % off, 0.05 at 50 %.

    r = 2 / (1 + exp(15 (|y' - y| / |y|)^2)). At k = 1, where the schedule
    begins, half of the right number still has 0.88.

    Example:
        >>> [round(snra_sharp(Answer(Number(n), True), Number(0.4)), 2) for n in (0.4, 0.3, 0.2)]
        [1.0, 0.56, 0.05]
    """
    return snra(answer, target, k_min=K_MAX, k_max=K_MAX, scale=1e-9)


def linear(answer: Answer, target: Value, width: float = 1.0, relative: bool = False) -> float:
    """Nearness that falls in a straight line: 1 - min(|y' - y| / width, 1).

    Args:
        answer: the parsed answer.
        target: the right number.
        width: error from which on the reward is 0, above 0; in the target's unit, or a share of it.
        relative: the error is divided by |y|.

    Example:
        >>> far = Answer(Number(9.5), True)
        >>> linear(far, Number(10.0)), linear(far, Number(10.0), width=0.2, relative=True)
        (0.5, 0.75)
    """
    pair = pair_of(answer, target)
    if pair is None:
        return 0.0
    error = relative_error(*pair) if relative else round(abs(pair[0] - pair[1]), PLACES)
    return 1 - min(error / width, 1.0)


def mean_relative_accuracy(said: float, right: float, inclusive: bool = False) -> float:
    """The share of ten thresholds under which a relative error stays.

    The mean over theta in {.50, .55, ..., .95} of 1[|y' - y| / |y| < 1 - theta] (VSI-Bench, arXiv 2412.14171,
    whose code has <= instead: ``inclusive``). Errors are rounded to 1e-9 first; of y = 0 only 0 counts.

    Example:
        >>> [mean_relative_accuracy(n, 10) for n in (10, 9, 7.2, 5)], mean_relative_accuracy(9, 10, True)
        ([1.0, 0.8, 0.5, 0.0], 0.9)
    """
    error = relative_error(said, right)
    met = sum(error <= edge if inclusive else error < edge for edge in THRESHOLDS)
    return met / len(THRESHOLDS)


def mra(answer: Answer, target: Value, inclusive: bool = False) -> float:
    """Mean relative accuracy: the share of ten thresholds, 50 to 5 %, under which the error stays.

    As ``mean_relative_accuracy``.

    Example:
        >>> mra(Answer(Number(2.5, "m"), True), Number(2.0, "m"))
        0.5
    """
    pair = pair_of(answer, target)
    return 0.0 if pair is None else mean_relative_accuracy(*pair, inclusive=inclusive)
