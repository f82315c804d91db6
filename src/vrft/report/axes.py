"""Axes: where a value is drawn, and which round values are marked."""

from __future__ import annotations

import math
from collections.abc import Callable

SMALLEST = 1e-9
"""A range below this is drawn as none: ticks have twelve decimals."""

Scale = Callable[[float], float]
"""From a value to a place."""


def scale(low: float, high: float, start: float, end: float) -> Scale:
    """From a range of values to a range of places; a range of no width lies at its beginning.

    Example:
        >>> scale(0, 10, 100, 200)(5)
        150.0
    """
    span = (high - low) or 1.0
    return lambda value: float(start) + (float(end) - float(start)) * (value - low) / span


def log_scale(low: float, high: float, start: float, end: float) -> Scale:
    """The same by ratios.

    Args:
        low: above zero.
        high: at least ``low``.
        start: place of ``low``.
        end: place of ``high``.

    Example:
        >>> round(log_scale(1, 100, 0, 200)(10), 6)
        100.0
    """
    straight = scale(math.log(low), math.log(high), start, end)
    return lambda value: straight(math.log(value))


def ticks(low: float, high: float, most: int, whole: bool = False, around: bool = False) -> list[float]:
    """Round numbers for an axis, about as many as asked for.

    Args:
        low: the range's beginning.
        high: its end.
        most: about how many.
        whole: integers only.
        around: the first and last enclose the range; otherwise all lie inside or at it.

    Example:
        >>> ticks(0, 97, 6)
        [0.0, 20.0, 40.0, 60.0, 80.0]
    """
    span = high - low or abs(high)
    if span < SMALLEST:
        span = 1.0
    rough = span / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * (1 - 1e-9))
    step = max(1.0, math.ceil(step)) if whole else step
    if around:
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        last = max(last, first + 1)
    else:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) + 0.0 for i in range(first, last + 1)] or [low]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers for an axis of ratios: 1, 2, 5, 10, 20, ..., or evenly spaced ones in a narrow range.

    Args:
        low: above zero.
        high: at least ``low``.
        most: about how many.

    Example:
        >>> log_ticks(80, 700, 6), log_ticks(1500, 2400, 4)
        ([100.0, 200.0, 500.0], [1500.0, 2000.0])
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    listed = [float(m * 10**power) for power in powers for m in (1, 2, 5)]
    inside = [value for value in listed if low <= value <= high]
    if len(inside) < 3:
        return ticks(low, high, most)
    step = -(-len(inside) // most)
    return inside[::step]
