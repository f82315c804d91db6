"""How long and how much memory: measured on one rehearsed step of each kind, before the first real one."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vrft.config import RunConfig
from vrft.engine.forms import Path as Form
from vrft.policies.policy import Policy
from vrft.runs.folder import RunFolder
from vrft.tasks.base import Task
from vrft.training.loop import StepFunction
from vrft.training.memory import peak_memory_gib
from vrft.training.reference import Reference
from vrft.training.rft import RftStep
from vrft.training.sft import SftStep
from vrft.types import Example


@dataclass(frozen=True)
class Forecast:
    """What is left to do after the base policy was scored."""

    minutes: float
    memory_gib: float


def rehearse(
    policy: Policy, task: Task, train: Sequence[Example], configs: dict[str, RunConfig]
) -> dict[str, float]:
    """Seconds of one step of each kind; the weights are not changed.

    Args:
        policy: the base policy.
        task: the task.
        train: training questions.
        configs: one trial's configuration a kind.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = RunFolder(Path(scratch))
        path: Form = "shared"
        steps: dict[str, StepFunction] = {
            "rft": RftStep(
                policy, task, train, configs["rft"], folder, Reference(policy, configs["rft"].grpo.beta), path
            ),
            "sft": SftStep(policy, task, train, configs["sft"], path),
        }
        return {kind: _timed(policy, steps[kind]) for kind in configs}


def _timed(policy: Policy, step: StepFunction, repeats: int = 2) -> float:
    step(0)  # the first call also warms caches
    began = time.monotonic()
    for number in range(1, repeats + 1):
        step(number)
    policy.model.zero_grad(set_to_none=True)
    return (time.monotonic() - began) / repeats


def forecast(
    seconds_a_step: dict[str, float],
    seconds_a_question: float,
    trials: dict[str, tuple[int, int, int]],
    val: int,
    heldout: int,
    policy: Policy,
) -> Forecast:
    """Minutes and memory of the rest of a fit.

    Args:
        seconds_a_step: from ``rehearse``.
        seconds_a_question: of greedy answers, measured on the base policy.
        trials: for each kind: trials, steps each, validations each.
        val: validation questions.
        heldout: held-out questions.
        policy: for its weights' size.
    """
    seconds = 0.0
    for kind, (count, steps, validations) in trials.items():
        seconds += count * (steps * seconds_a_step[kind] + validations * val * seconds_a_question)
    seconds += len(trials) * heldout * seconds_a_question
    learned = sum(p.numel() * p.element_size() for p in policy.model.parameters() if p.requires_grad)
    # Adam's two moments, the gradient, the best weights and a checkpoint on its way to the disk.
    return Forecast(seconds / 60, peak_memory_gib(policy.device) + 5 * learned / 2**30)


def timed(work: Callable[[], object]) -> float:
    """Seconds that a piece of work takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began
