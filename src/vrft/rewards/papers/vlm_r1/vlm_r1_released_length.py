"""VLM-R1's cosine of the length as its code gives it (``grpo_jsonl.py``), with its holes: it takes every
answer for right, and rises again beyond its end, so that an answer of twice that length has as much as an
empty one. ``vrft.rewards.text_rewards`` has it without.
"""

from __future__ import annotations

import math

from vrft.rewards.text_rewards import RIGHT_LONG, RIGHT_SHORT, length_of
from vrft.types import Answer, Value

LONGEST = 1024


def cosine_of(length: float, longest: int = LONGEST) -> float:
    """0.75 + 0.25 cos(pi L / L_max), in [0.5, 1], for a right answer and for a wrong one.

    Example:
        >>> cosine_of(0), cosine_of(512), cosine_of(1024), cosine_of(2048)
        (1.0, 0.75, 0.5, 1.0)
    """
    return RIGHT_LONG + (RIGHT_SHORT - RIGHT_LONG) * (1 + math.cos(math.pi * length / longest)) / 2


def cosine_term(answer: Answer, target: Value | None, longest: int = LONGEST) -> float:
    """VLM-R1's cosine of the length, whatever the answer says."""
    return cosine_of(length_of(answer), longest)
