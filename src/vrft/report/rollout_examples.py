"""What the policy wrote while it learned: one question's sampled answers, early and late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vrft.report.number_format import clip, number, plain
from vrft.report.run_reader import ReadRun, SampledGroup, mapping


@dataclass(frozen=True)
class RolloutView:
    """One sampled answer; the advantage also as the share of the group's largest, for a bar."""

    text: str
    reward: str
    advantage: str
    bar: int
    look: str
    terms: list[tuple[str, str]]


@dataclass(frozen=True)
class GroupView:
    """One group, best reward first."""

    step: str
    example_id: str
    rollouts: list[RolloutView]


def group_views(run: ReadRun) -> list[GroupView]:
    """The groups of a run that the page shows: one question's first and last, where it was asked twice."""
    return [_group(group) for group in run.groups]


def _group(group: SampledGroup) -> GroupView:
    advantages = [abs(number(rollout.get("advantage")) or 0.0) for rollout in group.rollouts]
    largest = max(advantages) or 1.0
    ordered = sorted(group.rollouts, key=lambda rollout: -(number(rollout.get("reward")) or 0.0))
    return GroupView(plain(group.step), group.example_id, [_rollout(one, largest) for one in ordered])


def _rollout(rollout: dict[str, Any], largest: float) -> RolloutView:
    advantage = number(rollout.get("advantage")) or 0.0
    return RolloutView(
        text=clip(str(rollout.get("text", "")), 1200),
        reward=plain(rollout.get("reward")),
        advantage=plain(rollout.get("advantage")),
        bar=round(100 * abs(advantage) / largest),
        look="up" if advantage > 0 else "down" if advantage < 0 else "level",
        terms=[(name, plain(value)) for name, value in mapping(rollout.get("terms")).items()],
    )
