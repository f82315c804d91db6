"""The curriculum of Puzzle Curriculum GRPO: groups of middle difficulty with different answers count most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from pydantic import Field

from vrft.tasks.registry import task_of
from vrft.tasks.rollout_facts import outcome
from vrft.types import RolloutGroup, Value
from vrft.types.options import Options


class DifficultyWeight(Options):
    """Multiplies a group's advantages by w = scale d (1 - d) D^gamma (arXiv 2512.14944).

    d is the mean score of the group's answers, by the task and in [0, 1], and D how far the answers differ:
    where a question has K answers to choose from, the entropy of what was chosen over its largest, log K;
    elsewhere (M - 1) / (G - 1) of M different answers among G. The paper's advantage is ``centered``, without
    a deviation and without a KL term. That gamma belongs to D alone is a reading of the text.
    """

    scale: float = Field(4.0, gt=0)
    """4 makes the weight 1 where half of the answers are right and all options were chosen equally often."""
    gamma: float = Field(0.5, ge=0)
    """0 leaves the difficulty alone."""

    def __call__(self, groups: Sequence[RolloutGroup]) -> list[RolloutGroup]:
        """The groups with weighted advantages."""
        return [self._weighted(group) for group in groups]

    def of(self, difficulty: float, dispersion: float) -> float:
        """The weight of a group.

        Example:
            >>> weight = DifficultyWeight()
            >>> weight.of(0.5, 1.0), weight.of(1 / 8, 1.0), weight.of(0.0, 1.0), weight.of(0.5, 0.0)
            (1.0, 0.4375, 0.0, 0.0)
        """
        return self.scale * difficulty * (1 - difficulty) * math.pow(dispersion, self.gamma)

    def _weighted(self, group: RolloutGroup) -> RolloutGroup:
        difficulty = fmean(outcome(rollout)[1] for rollout in group.rollouts)
        weight = self.of(difficulty, dispersion(group))
        rollouts = tuple(
            replace(r, advantages=tuple(tuple(weight * a for a in turn) for turn in r.advantages))
            for r in group.rollouts
        )
        return replace(group, rollouts=rollouts)


def dispersion(group: RolloutGroup) -> float:
    """How far a group's answers differ, in [0, 1]; an answer that cannot be read is none of them."""
    different: list[tuple[Value, int]] = []
    for value in (rollout.answer.value for rollout in group.rollouts):
        if value is not None:
            place = next((i for i, (other, _) in enumerate(different) if value.same_as(other)), None)
            if place is None:
                different.append((value, 1))
            else:
                different[place] = (value, different[place][1] + 1)
    counts, options = [count for _, count in different], task_of(group.example).n_choices(group.example)
    if options is None:
        return max(len(counts) - 1, 0) / max(len(group.rollouts) - 1, 1)
    entropy = -sum(count / sum(counts) * math.log(count / sum(counts)) for count in counts)
    return entropy / math.log(options) if options > 1 else 0.0
