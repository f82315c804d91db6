"""A few lines of SVG, always escaped, and axes: where a value is drawn, and which round values are marked."""

from __future__ import annotations

import math
from collections.abc import Callable

from markupsafe import Markup, escape

Attribute = str | float | int | None
SMALLEST = 1e-9
"""A range below this is drawn as none: ticks have twelve decimals."""
Scale = Callable[[float], float]
"""From a value to where it is drawn."""


def tag(name: str, *children: Markup | str, **attributes: Attribute) -> Markup:
    """One element; a plain string among its children is escaped.

    Of attributes, ``_`` becomes ``-`` and a trailing ``_`` is dropped (``class_``); None leaves one out.

    Example:
        >>> print(tag("text", "a < b", x=1.5, class_="axis"))
        <text x="1.5" class="axis">a &lt; b</text>
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_write(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(escape(child) for child in children)
    return Markup(f"<{name}{written}>{inside}</{name}>")


def group(*children: Markup | str, **attributes: Attribute) -> Markup:
    """Elements held together."""
    return tag("g", *children, **attributes)


def _write(value: str | float | int) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def scale(low: float, high: float, start: float, end: float) -> Scale:
    """From a range of values to a range of the drawing; a range of no width lies at its beginning."""
    span = (high - low) or 1.0
    return lambda value: float(start) + (float(end) - float(start)) * (value - low) / span


def log_scale(low: float, high: float, start: float, end: float) -> Scale:
    """The same by ratios, of values above zero."""
    straight = scale(math.log(low), math.log(high), start, end)
    return lambda value: straight(math.log(value))


def ticks(low: float, high: float, most: int, whole: bool = False, around: bool = False) -> list[float]:
    """About ``most`` round numbers for an axis: inside the range, or with ``around`` enclosing it."""
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
    """Round numbers for an axis of ratios: 1, 2, 5, 10, 20, ..., or evenly spaced ones in a narrow range."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside = [one for power in powers for m in (1, 2, 5) if low <= (one := float(m * 10**power)) <= high]
    return inside[:: -(-len(inside) // most)] if len(inside) >= 3 else ticks(low, high, most)
