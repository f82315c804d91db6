"""What a reward term is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vrft.types import Answer, Target

RewardTerm = Callable[..., float]
"""A pure function ``(answer, target, **options)`` in [0, 1], called with a parsed answer and its target.

A term with an option ``progress`` is told how much of the training is done, from 0 to 1.
"""


@dataclass(frozen=True)
class UnsafeTerm:
    """A rule of released code with its holes: outside [0, 1], or paid in full for nothing.

    The audit and the tests call it as it is. Training refuses it unless ``reward.allow_unsafe_reward`` is
    true, and then clips its values and counts what it clipped.
    """

    function: RewardTerm
    high: float = 1.0
    """Largest value of an honest answer; training clips to [0, high]."""

    def __call__(self, answer: Answer, target: Target) -> float:
        """The raw value: any float, NaN included."""
        return self.function(answer, target)
