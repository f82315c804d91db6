"""What a reward term is: a function of one answer and its target, or of all groups of a step at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

from vrft.types import Answer, Clock, Example, Image, Rollout, RolloutGroup, Value, frames_of

Outcome = float | Exception | SystemExit | None
"""A number; a failure, which counts 0 and is logged; or an abstention, counting what the term declares."""
AnswerReward = Callable[..., float]
"""The simple way to write one: ``(answer, target, **options)`` in [0, 1], pure; it may ask for ``GIVEN``."""


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
        weight: what it counts in a sum where a configuration gives no weight.
    """

    reward: AnswerReward | GroupReward
    low: float = 0.0
    high: float = 1.0
    silent: float = 0.0
    unsafe: bool = False
    weight: float = 1.0

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


PROGRESS = "progress"


def arguments_of(reward: AnswerReward | GroupReward) -> Mapping[str, inspect.Parameter]:
    """The arguments of a reward by name; of a reward of groups, and of some built-in functions, none."""
    if isinstance(reward, GroupReward):
        return {}
    try:
        return inspect.signature(reward).parameters
    except ValueError:
        return {}


def image_path_of(example: Example) -> Path | None:
    """The file of the first image that a question shows; None where it shows none."""
    return next((medium.path for medium in example.media if isinstance(medium, Image)), None)


GIVEN: Mapping[str, Callable[[Rollout, Clock], Any]] = MappingProxyType(
    {
        "example": lambda rollout, now: rollout.example,
        "id": lambda rollout, now: rollout.example.id,
        "question": lambda rollout, now: rollout.example.question,
        "frame": lambda rollout, now: next(iter(frames_of(rollout.turns)), None),
        "image_path": lambda rollout, now: image_path_of(rollout.example),
        PROGRESS: lambda rollout, now: now.progress,
    }
)
"""What a reward is given besides answer and target, where it has an argument of that name: the whole
question, its id, its text, how places in its first medium are written, the file of its image, and how much of
the training is done, from 0 to 1."""


def by_group(outcomes: Iterable[Outcome], groups: Sequence[RolloutGroup]) -> list[list[Outcome]]:
    """Outcomes of all rollouts in a row, group by group; ValueError where they are not as many."""
    found, count = list(outcomes), sum(len(group.rollouts) for group in groups)
    if len(found) != count:
        raise ValueError(f"it returned {len(found)} values for {count} answers")
    left = iter(found)
    return [[next(left) for _ in group.rollouts] for group in groups]
