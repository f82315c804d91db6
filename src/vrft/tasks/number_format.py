"""Numbers and words as tables and pages write them. Fractions are shown times 100, with one decimal."""

from __future__ import annotations

import math
from typing import Any

NOTHING = "–"
"""Where there is no number."""
_LONGEST_LINE = 60
_DRAWS = 1000
"""Of bootstrap results that do not say how many there were."""


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


def p_value(value: Any, least: float = 0.0, decimals: int | None = None) -> str:
    """A probability.

    Args:
        value: the probability.
        least: that its draws can give; a probability there may be any smaller one.
        decimals: None takes as many as help.

    Example:
        >>> p_value(0.0412), p_value(2 / 1001, least=2 / 1001)
        ('0.041', '<= 0.002')
    """
    given = number(value)
    if given is None:
        return NOTHING
    if given <= least * (1 + 1e-9):
        digits = max(3, -math.floor(math.log10(given)))
        above = f"{math.ceil(given * 10**digits - 1e-9) / 10**digits:.{digits}f}"
        return f"<= {above.rstrip('0')}"
    if given < 0.001:
        return "< 0.001"
    return f"{given:.{decimals or (3 if given < 0.1 else 2)}f}"


def p_said(value: Any, least: float = 0.0, decimals: int | None = None) -> str:
    """The same for a sentence: 'p = 0.041' or 'p <= 0.002'."""
    found = p_value(value, least, decimals)
    return f"p {found}" if found.startswith("<") else f"p = {found}"


def p_of(difference: Any) -> str:
    """The p of a bootstrap difference, as JSON has it, for a table."""
    return p_value(mapping(difference).get("p"), _least(difference))


def p_sentence(difference: Any, decimals: int | None = None) -> str:
    """The same for a sentence."""
    return p_said(mapping(difference).get("p"), _least(difference), decimals)


def _least(difference: Any) -> float:
    return 2 / ((number(mapping(difference).get("draws")) or _DRAWS) + 1)


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
