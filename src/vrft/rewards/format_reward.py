"""The format reward, the same for every task."""

from __future__ import annotations

from vrft.types import Answer, Target


def format_reward(answer: Answer, target: Target) -> float:
    """Pay for the demanded tags around a readable answer.

    R_format = 1 if the text has exactly the demanded form, else 0 (Visual-RFT, section 3.2.1; the paper
    leaves the value open, its released code pays 1 or 0). Stricter than the release: each tag once, a
    thought that is more than dots, and content without a fault.

    Args:
        answer: the parsed answer.
        target: not looked at.

    Returns:
        0 or 1.

    Example:
        >>> from vrft.types import ClassTarget
        >>> format_reward(Answer(parsed=True, formatted=True, label="rose"), ClassTarget("tulip"))
        1.0
    """
    return float(answer.formatted)
