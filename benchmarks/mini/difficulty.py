"""Which training images are neither too easy nor too hard for the base policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from mini.effort import Effort
from vrft.config.run_config import make_config
from vrft.diagnostics.probe.probe_summary import Probe, better_form
from vrft.diagnostics.probe.run_probe import AT_ONCE, Prober, evenly_spaced
from vrft.models.policy import Policy
from vrft.tasks.scorer import scorers_of
from vrft.tasks.task import Task
from vrft.types import Example, Form, Rollout
from vrft.workflows.trials import in_form


def success_shares(
    policy: Policy, task: Task, examples: Sequence[Example], form: Form, effort: Effort, seed: int
) -> dict[str, float]:
    """Of each question, the share of the base policy's sampled answers that are right.

    Right is what the task's own ``success`` says: the class name, or boxes with an IoU of at least 0.5.
    """

    def is_right(rollout: Rollout) -> bool:
        target = rollout.example.target
        return target is not None and task.success(rollout.answer, target)

    asked = in_form(examples, form)
    groups = _prober(policy, task, asked, effort, seed).groups(asked, effort.difficulty_samples)
    return {g.example.id: sum(map(is_right, g.rollouts)) / len(g.rollouts) for g in groups}


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
    """The form in which the base policy shows more skill on training images, as ``vrft fit`` chooses it."""
    probes = []
    for form in Form:
        asked = in_form(evenly_spaced(examples, AT_ONCE), form)
        prober = _prober(policy, task, asked, effort, seed)
        probes.append(prober.describe(prober.groups(asked, effort.group)))
    return better_form(probes).form, probes


def _prober(policy: Policy, task: Task, asked: Sequence[Example], effort: Effort, seed: int) -> Prober:
    """Samples as the trials sample; ``asked`` are questions in one form, at least one."""
    config = make_config(
        {
            "task": task.name,
            "form": asked[0].form,
            "seed": seed,
            "data": {"path": "unused"},
            "rollout": {"group_size": effort.group, "max_new_tokens": effort.max_new_tokens},
            "reward": {"setting": effort.reward},
        }
    )
    return Prober(policy, config, scorers_of(asked, config.rewards))
