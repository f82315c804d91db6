"""What a sampled rollout shows: whether it is right, and whether its thought works the answer out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vrft.tasks.registry import task_of
from vrft.types import Form, Rollout

SHOWS_WORK, RIGHT_SHOWS_WORK = "shows_work", "right_shows_work"
"""Keys of ``work_row``."""


def is_success(rollout: Rollout) -> bool:
    """Whether a sample is right, by its task's rule."""
    target = rollout.example.target
    return target is not None and task_of(rollout.example).success(rollout.answer, target)


def outcome(rollout: Rollout) -> tuple[bool, float]:
    """Whether a sample is right, and its task's score in [0, 1]; a score that is no number is 0."""
    target = rollout.example.target
    score = task_of(rollout.example).score(rollout.answer, target) if target is not None else 0.0
    return is_success(rollout), 0.0 if math.isnan(score) else float(score)


def share_with_work(rollouts: Sequence[Rollout]) -> float | None:
    """Share of the answers in the think form whose thought works them out; None where no task of theirs has
    such a notion, or there is none."""
    found = [
        task_of(rollout.example).shows_work(rollout.answer.thinking)
        for rollout in rollouts
        if rollout.example.form is Form.THINK
    ]
    known = [shows for shows in found if shows is not None]
    return sum(known) / len(known) if known else None


def work_row(rollouts: Sequence[Rollout]) -> dict[str, float]:
    """What a step's row says of thoughts: the share that works the answer out, among all and among right
    ones; a share of none is left out."""
    every = share_with_work(rollouts)
    right = share_with_work([one for one in rollouts if is_success(one)]) if every is not None else None
    shares = {SHOWS_WORK: every, RIGHT_SHOWS_WORK: right}
    return {key: share for key, share in shares.items() if share is not None}
