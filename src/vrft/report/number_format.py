"""Numbers as the page writes them. Fractions are shown times 100, with one decimal."""

from __future__ import annotations

import math
from typing import Any

NOTHING = "–"
"""What stands where there is no number."""

SYSTEMS = {
    "base": "Base",
    "sft": "SFT",
    "rft": "RFT",
    "rft_from_sft": "RFT from SFT",
    "answer": "Answer",
    "plain": "Plain",
    "fused": "Fused",
}
"""How the page names the systems it knows; any other keeps its own name."""


def number(value: Any) -> float | None:
    """A finite number, or None for anything else.

    Example:
        >>> number("0.5"), number(float("nan")), number(True), number(2)
        (None, None, None, 2.0)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def hundred(value: Any, sign: bool = False) -> str:
    """A fraction times 100.

    Args:
        value: a fraction, or anything else where there is none.
        sign: write a plus before what is above zero.

    Example:
        >>> hundred(0.4126), hundred(0.05, sign=True), hundred(-0.05), hundred(None)
        ('41.3', '+5.0', '−5.0', '–')
    """
    given = number(value)
    if given is None:
        return NOTHING
    text = f"{100 * given:+.1f}" if sign else f"{100 * given:.1f}"
    if text.lstrip("+-") == "0.0":
        return "0.0"
    return text.replace("-", "−")


def interval(low: Any, high: Any, sign: bool = False) -> str:
    """A 95% interval of fractions, times 100.

    Example:
        >>> interval(0.1, 0.25)
        '10.0 to 25.0'
    """
    if number(low) is None or number(high) is None:
        return NOTHING
    return f"{hundred(low, sign)} to {hundred(high, sign)}"


def p_value(value: Any) -> str:
    """A probability, with as many digits as help.

    Example:
        >>> p_value(0.0004), p_value(0.032), p_value(0.5)
        ('< 0.001', '0.032', '0.50')
    """
    given = number(value)
    if given is None:
        return NOTHING
    if given < 0.001:
        return "< 0.001"
    return f"{given:.3f}" if given < 0.1 else f"{given:.2f}"


def plain(value: Any) -> str:
    """A number with three or four meaningful digits.

    Example:
        >>> plain(0.00003), plain(1.23456), plain(120)
        ('3e-05', '1.235', '120')
    """
    given = number(value)
    return NOTHING if given is None else f"{given:.4g}".replace("-", "−" if given < 0 else "-")


def duration(seconds: Any) -> str:
    """A length of time.

    Example:
        >>> duration(42), duration(760), duration(7300)
        ('42 s', '12.7 min', '2.0 h')
    """
    given = number(seconds)
    if given is None:
        return NOTHING
    if given < 90:
        return f"{given:.0f} s"
    return f"{given / 60:.1f} min" if given < 5400 else f"{given / 3600:.1f} h"


def system_name(system: str) -> str:
    """How the page names a system.

    Example:
        >>> system_name("rft"), system_name("distilled")
        ('RFT', 'distilled')
    """
    return SYSTEMS.get(system, system)


def clip(text: str, most: int = 2000) -> str:
    """A text that is not longer than a reader wants, and says how much is left out.

    Example:
        >>> clip("abcdef", 4)
        'abcd … (2 more characters)'
    """
    return text if len(text) <= most else f"{text[:most]} … ({len(text) - most} more characters)"


def upper_first(text: str) -> str:
    """A sentence's beginning.

    Example:
        >>> upper_first("mean IoU")
        'Mean IoU'
    """
    return text[:1].upper() + text[1:]
