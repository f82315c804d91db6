"""OneThinker's rewards of numbers: equal to two decimals, and mean relative accuracy in single precision."""

from __future__ import annotations

import numpy as np

from vrft.rewards.papers.onethinker.onethinker_reading import ACCURACY, answer_of, number_in
from vrft.types import Answer, Number, Value, expect

_EDGES = np.float32(1) - (0.5 + 0.05 * np.arange(10)).astype(np.float32)


def numerical_text(text: str, gold: str) -> float:
    """Whether two texts are the same number to two decimals, 0 or 1.

    Commas are dropped wherever they are, so that '1,5' is 15; infinity equals infinity; a number with a unit
    or in words is wrong.

    Example:
        >>> [numerical_text(f"<answer>{x}</answer>", "3") for x in ("3.004", "3.01", "three")]
        [1.0, 0.0, 0.0]
    """
    said, right = number_in(answer_of(text)), number_in(gold)
    if said is None or right is None:
        return 0.0
    return float(round(said, 2) == round(right, 2))


def regression_text(text: str, gold: str) -> float:
    """Mean relative accuracy over ten thresholds, strictly below each, in single precision.

    Rounding decides on the edges: of 10, both 9.5 and 10.5 have 1.0, and 9 has 0.9, but 8 has 0.6.

    Example:
        >>> [round(regression_text(f"<answer>{x}</answer>", "10"), 4) for x in (10, 9, 8, 5)]
        [1.0, 0.9, 0.6, 0.0]
    """
    said, right = number_in(answer_of(text)), number_in(gold)
    if said is None or right is None:
        return 0.0
    with np.errstate(all="ignore"):
        size = np.abs(np.float32(right)) + np.float32(1e-8)
        error = np.abs(np.float32(said) - np.float32(right)) / size
        return float((error < _EDGES).astype(np.float32).mean(dtype=np.float32))


def numerical_term(answer: Answer, target: Value) -> float:
    """OneThinker's accuracy of a number to two decimals, 0 or 0.9."""
    return ACCURACY * numerical_text(answer.text, _gold_text(target))


def regression_term(answer: Answer, target: Value) -> float:
    """OneThinker's mean relative accuracy, at most 0.9."""
    return ACCURACY * regression_text(answer.text, _gold_text(target))


def _gold_text(target: Value) -> str:
    return repr(expect(target, Number).number)
