"""Which training pictures are neither too easy nor too hard for the base policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from mini.effort import Effort
from vrft.config.run_config import Reward, Rollout
from vrft.diagnostics.probe.probe_summary import Probe, better_form, describe
from vrft.diagnostics.probe.sampled_groups import Draws, evenly_spaced
from vrft.models.policy import Policy
from vrft.tasks.scorer import Scorer
from vrft.tasks.task import Task
from vrft.types import Example, Form


def success_shares(
    policy: Policy, task: Task, examples: Sequence[Example], form: Form, effort: Effort, seed: int
) -> dict[str, float]:
    """Of each question, the share of the base policy's sampled answers that are right.

    Right is what ``vrft.diagnostics.probe.success`` says: the class name, or boxes with an IoU of at
    least 0.5.
    """
    groups = _draws(policy, task, form, effort, seed).groups(examples, effort.difficulty_samples)
    return {e.id: sum(d.hit for d in g) / len(g) for e, g in zip(examples, groups, strict=True)}


def middling(shares: Mapping[str, float]) -> list[str]:
    """The questions that were answered right sometimes and not always; at least half of all.

    Where fewer than half are such, those nearest to one half are taken.

    Example:
        >>> middling({"a": 0.0, "b": 0.5, "c": 0.25, "d": 1.0, "e": 0.75})
        ['b', 'c', 'e']
    """
    by_nearness = sorted(shares, key=lambda name: abs(shares[name] - 0.5))
    between = sum(0 < share < 1 for share in shares.values())
    kept = set(by_nearness[: max(between, ceil(len(shares) / 2))])
    return [name for name in shares if name in kept]


def thirds(shares: Mapping[str, float]) -> dict[str, list[str]]:
    """Three parts of the questions alike in number, by how often they were answered right.

    Example:
        >>> thirds({"a": 0.5, "b": 0.0, "c": 1.0})
        {'hard': ['b'], 'middle': ['a'], 'easy': ['c']}
    """
    ordered = sorted(shares, key=lambda name: shares[name])
    size = len(ordered) // 3
    middle = (len(ordered) - size) // 2
    return {
        "hard": ordered[:size],
        "middle": ordered[middle : middle + size],
        "easy": ordered[len(ordered) - size :],
    }


def probe_forms(
    policy: Policy, task: Task, examples: Sequence[Example], effort: Effort, seed: int
) -> tuple[Form, list[Probe]]:
    """The form in which the base policy shows more skill on training pictures, as ``vrft fit`` chooses it."""
    probes = []
    for form in Form:
        draws = _draws(policy, task, form, effort, seed)
        groups = draws.groups(evenly_spaced(examples, draws.questions_at_once), effort.group)
        weights = Scorer(task, draws.reward, form).weights
        probes.append(describe(groups, form, effort.group, weights, effort.max_new_tokens))
    return better_form(probes).form, probes


def _draws(policy: Policy, task: Task, form: Form, effort: Effort, seed: int) -> Draws:
    rollout = Rollout(group_size=effort.group, max_new_tokens=effort.max_new_tokens)
    return Draws(policy, task, form, Reward(setting=effort.reward), rollout, seed)
