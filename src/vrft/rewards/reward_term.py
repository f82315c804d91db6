"""What a reward term is: a function of one answer and its target, or of all groups of a step at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from vrft.types import Answer, Clock, RolloutGroup, Value

Outcome = float | Exception | None
"""A number; a failure, which counts 0 and is logged; or an abstention, counting what the term declares."""
AnswerReward = Callable[..., float]
"""The simple way to write one: ``(answer, target, **options)`` in [0, 1], pure.

A reward with an argument ``progress`` is given how much of the training is done, from 0 to 1; one with an
argument ``example`` the whole question.
"""


@runtime_checkable
class GroupReward(Protocol):
    """A reward that sees all groups of a step: batched, remote, contrastive, or by majority."""

    def score_groups(self, groups: Sequence[RolloutGroup], now: Clock) -> Sequence[Sequence[Outcome]]:
        """One outcome for each rollout of each group.

        Args:
            groups: all of the step, in an order that does not depend on processes.
            now: where the run is.
        """
        ...


@dataclass(frozen=True)
class RewardTerm:
    """A reward with the range that it declares.

    Args:
        reward: of one answer, or of all groups.
        low: values below are brought here, and counted as clipped.
        high: values above are brought here, and counted as clipped.
        silent: what an abstention counts: declared, so that no answer gains by making a verifier give up.
        unsafe: a rule of released code with its holes: outside its range, or 1 for nothing. Training
            refuses it unless ``reward.allow_unsafe_reward`` is true.
    """

    reward: AnswerReward | GroupReward
    low: float = 0.0
    high: float = 1.0
    silent: float = 0.0
    unsafe: bool = False

    def __call__(self, answer: Answer, target: Value | None, **options: Any) -> float:
        """The raw value of one answer: any float, NaN included.

        Raises:
            TypeError: it is a reward of groups.
        """
        if isinstance(self.reward, GroupReward):
            raise TypeError(
                "This reward is for the groups of a step, not for one answer. Call its reward.score_groups."
            )
        return self.reward(answer, target, **options)


def as_term(reward: RewardTerm | AnswerReward | GroupReward) -> RewardTerm:
    """A reward as a term; a plain function has the range [0, 1]."""
    return reward if isinstance(reward, RewardTerm) else RewardTerm(reward)
