"""Groups of answers of the base policy, scored as training would score them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from vrft.config.run_config import RunConfig
from vrft.diagnostics.probe.probe_summary import Probe, describe
from vrft.models.policy import Policy
from vrft.rollout.driver import roll_out
from vrft.rollout.samplers import load_sampler
from vrft.tasks.scorer import Scorer, score_groups
from vrft.types import Example, RolloutGroup, SampleSeed

AT_ONCE = 12
"""Questions that are answered together: what fits into memory."""
T = TypeVar("T")


@dataclass(frozen=True)
class Prober:
    """Samples from a policy as the training of a configuration would, and describes what came."""

    policy: Policy
    config: RunConfig
    scorers: Mapping[str, Scorer]

    def groups(
        self,
        examples: Sequence[Example],
        samples: int,
        *,
        temperature: float | None = None,
        at_once: int = AT_ONCE,
        update: Callable[[int, str], None] = lambda count, note: None,
    ) -> list[RolloutGroup]:
        """So many answers to each question; the configured temperature where none is given."""
        rollout = self.config.rollout
        params = rollout.params()
        if temperature is not None:
            params = replace(params, temperature=temperature)
        sampler = load_sampler(rollout.sampler, self.policy)
        groups: list[RolloutGroup] = []
        for start in range(0, len(examples), at_once):
            asked = examples[start : start + at_once]
            draw = SampleSeed.whole(len(asked), self.config.seed + start)
            drawn = roll_out(sampler, self.policy, asked, samples, params, draw)
            fresh = [RolloutGroup(example, rollouts) for example, rollouts in zip(asked, drawn, strict=True)]
            groups += score_groups(self.scorers, fresh)
            update(len(asked), "")
        return groups

    def describe(self, groups: Sequence[RolloutGroup]) -> Probe:
        weights = {
            name: weight for scorer in self.scorers.values() for name, weight in scorer.weights.items()
        }
        rollout = self.config.rollout
        return describe(
            groups,
            form=self.config.form,
            group_size=rollout.group_size,
            weights=weights,
            limit=rollout.max_new_tokens,
        )


def evenly_spaced(items: Sequence[T], count: int) -> list[T]:
    """At most ``count`` of some items, evenly spaced, first and last included.

    Example:
        >>> evenly_spaced("abcdefg", 3)
        ['a', 'd', 'g']
    """
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[i] for i in places]
