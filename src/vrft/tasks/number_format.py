"""Numbers and words as tables and pages write them. Fractions are shown times 100, with one decimal."""

from __future__ import annotations

import math
from typing import Any

NOTHING = "–"
"""Where there is no number."""
_LONGEST_LINE = 60


def number(value: Any) -> float | None:
    """A finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def mapping(value: Any) -> dict[str, Any]:
    """A JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """A JSON array, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def hundred(value: Any, sign: bool = False) -> str:
    """A fraction times 100; with ``sign``, a plus before what is above zero."""
    given = number(value)
    if given is None:
        return NOTHING
    text = f"{100 * given:+.1f}" if sign else f"{100 * given:.1f}"
    if text.lstrip("+-") == "0.0":
        return "0.0"
    return text.replace("-", "−")


def measured(value: Any, sign: bool = False, unit: str = "%") -> str:
    """A metric's value: a fraction times 100, or in any other unit the plain number, without the unit."""
    return hundred(value, sign) if unit == "%" else plain(value, sign)


def interval(low: Any, high: Any, sign: bool = False, unit: str = "%") -> str:
    """A 95% interval as ``measured`` writes both ends."""
    if number(low) is None or number(high) is None:
        return NOTHING
    return f"{measured(low, sign, unit)} to {measured(high, sign, unit)}"


def p_value(value: Any) -> str:
    """A probability, with as many digits as help."""
    given = number(value)
    if given is None:
        return NOTHING
    if given < 0.001:
        return "< 0.001"
    return f"{given:.3f}" if given < 0.1 else f"{given:.2f}"


def plain(value: Any, sign: bool = False) -> str:
    """A number with three or four meaningful digits."""
    given = number(value)
    if given is None:
        return NOTHING
    text = f"{given:.4g}".replace("-", "−" if given < 0 else "-")
    return f"+{text}" if sign and given > 0 else text


def duration(seconds: Any) -> str:
    """A length of time."""
    given = number(seconds)
    if given is None:
        return NOTHING
    if given < 90:
        return f"{given:.0f} s"
    return f"{given / 60:.1f} min" if given < 5400 else f"{given / 3600:.1f} h"


def clip(text: str, most: int = 2000) -> str:
    """A text that is not longer than a reader wants, and says how much is left out."""
    return text if len(text) <= most else f"{text[:most]} … ({len(text) - most} more characters)"


def one_line(text: object, nothing: str = "") -> str:
    """A name or a model's words in one short line that cannot move a terminal's cursor."""
    if text is None:
        return nothing
    line = "".join(c if c.isprintable() else " " for c in str(text))
    return clip(" ".join(line.split()), _LONGEST_LINE)


def upper_first(text: str) -> str:
    """A sentence's beginning."""
    return text[:1].upper() + text[1:]
