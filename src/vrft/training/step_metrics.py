"""What a step's rollouts are measured by: of all together, and of each task and source by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from vrft.tasks.rollout_facts import work_row
from vrft.types import Example, RolloutGroup

BY_TASK, BY_SOURCE = "by_task", "by_source"
"""Keys of a row with the numbers of each task, and of each entry: there in runs with several alone."""


def step_row(groups: Sequence[RolloutGroup]) -> dict[str, Any]:
    """The numbers of a step's groups; a task or source without a group in it has none."""
    rollouts = [r for g in groups for r in g.rollouts]
    return {
        **_rewards(groups),
        "reward_failures": sum(len(r.failures) for r in rollouts),
        "reward_timeouts": sum(f.timed_out for r in rollouts for f in r.failures),
        "reward_clipped": sum(len(r.clipped) for r in rollouts),
        "truncated_share": float(np.mean([not r.finished for r in rollouts])),
        "answer_tokens": float(np.mean([r.n_tokens for r in rollouts])),
        "images": len(groups),
        # The mean of -log p over sampled tokens is an unbiased estimate of the mean entropy.
        "entropy": -float(np.mean([p for r in rollouts for t in r.turns for p in t.completion.logprobs])),
        **work_row(rollouts),
        **_each(BY_TASK, groups, lambda example: example.task),
        **_each(BY_SOURCE, groups, lambda example: example.source),
    }


def _each(key: str, groups: Sequence[RolloutGroup], name: Callable[[Example], str]) -> dict[str, Any]:
    if not any(group.example.source for group in groups):
        return {}
    parts: dict[str, list[RolloutGroup]] = {}
    for group in groups:
        parts.setdefault(name(group.example), []).append(group)
    return {key: {one: _of_part(own) for one, own in sorted(parts.items())}}


def _of_part(groups: Sequence[RolloutGroup]) -> Mapping[str, Any]:
    rollouts = [r for g in groups for r in g.rollouts]
    return {
        **_rewards(groups),
        "groups": len(groups),
        "signal_share": float(np.mean([group.has_signal for group in groups])),
        "truncated_share": float(np.mean([not r.finished for r in rollouts])),
        "answer_tokens": float(np.mean([r.n_tokens for r in rollouts])),
    }


def _rewards(groups: Sequence[RolloutGroup]) -> dict[str, Any]:
    rollouts = [r for g in groups for r in g.rollouts]
    terms: dict[str, list[float]] = {}
    for rollout in rollouts:
        for name, value in rollout.terms.items():
            terms.setdefault(name, []).append(0.0 if value is None else value)
    return {
        "reward": float(np.mean([r.reward for r in rollouts])),
        "reward_std": float(np.mean([np.std([r.reward for r in g.rollouts]) for g in groups])),
        "terms": {name: float(np.mean(values)) for name, values in terms.items()},
    }
