"""How long, measured on rehearsed steps of each kind, and how much memory, before the first real step."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from vrft.config.run_config import RunConfig
from vrft.distributed import ALONE, Share
from vrft.models.layer_sizes import sizes_of
from vrft.models.policy import Policy
from vrft.rollout.hidden_states import Path as Form
from vrft.rollout.prompting import prompts_for
from vrft.run_folder import RunFolder
from vrft.tasks.task import Task
from vrft.training.loop import StepFunction
from vrft.training.memory import Load, forecast_memory, resident_gib
from vrft.training.reference import Reference
from vrft.training.rft import RftStep
from vrft.training.rollouts import RolloutMaker
from vrft.training.sft import SftStep
from vrft.types import Example

LOOKED_AT = 64
"""Training questions whose lengths the forecast of memory goes by."""


def rehearse(
    policy: Policy,
    task: Task,
    train: Sequence[Example],
    configs: dict[str, RunConfig],
    share: Share = ALONE,
) -> dict[str, float]:
    """Seconds of one step of each kind; the weights are not changed.

    Args:
        policy: as the trials load it.
        task: the task.
        train: training questions.
        configs: one trial's configuration a kind.
        share: which process this is.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path: Form = "shared"
        rft = configs["rft"]
        rollouts = RolloutMaker(policy, task, train, rft, RunFolder(Path(scratch)), share)
        steps: dict[str, StepFunction] = {
            "rft": RftStep(rollouts, Reference(policy, rft.grpo.beta), path),
            "sft": SftStep(policy, task, train, configs["sft"], path, share),
        }
        return {kind: _timed(policy, steps[kind]) for kind in configs}


def _timed(policy: Policy, step: StepFunction, repeats: int = 2) -> float:
    step(0)  # the first call also warms caches
    began = time.monotonic()
    for number in range(1, repeats + 1):
        step(number)
    policy.model.zero_grad(set_to_none=True)
    return (time.monotonic() - began) / repeats


def minutes_left(
    seconds_a_step: dict[str, float],
    seconds_a_question: float,
    trials: dict[str, tuple[int, int, int]],
    val: int,
    heldout: int,
) -> float:
    """Minutes of the rest of a fit.

    Args:
        seconds_a_step: from ``rehearse``.
        seconds_a_question: of greedy answers, measured on the base policy.
        trials: for each kind: trials, steps each, validations each.
        val: validation questions.
        heldout: held-out questions.
    """
    seconds = 0.0
    for kind, (count, steps, validations) in trials.items():
        seconds += count * (steps * seconds_a_step[kind] + validations * val * seconds_a_question)
    return (seconds + len(trials) * heldout * seconds_a_question) / 60


def memory_needed(
    policy: Policy,
    task: Task,
    train: Sequence[Example],
    configs: dict[str, RunConfig],
    share: Share = ALONE,
) -> float:
    """GiB that each process of the trials takes at most, the program and its libraries left out.

    Args:
        policy: as the trials load it.
        task: the task.
        train: training questions; the largest of the first of them count.
        configs: one trial's configuration a kind.
        share: among how many processes a step's questions are divided.
    """
    form = next(iter(configs.values())).prompt.form
    load = Load.of(policy, prompts_for(policy, task, train[:LOOKED_AT], form))
    sizes = sizes_of(policy)
    parts = [_part_of(config, share) for config in configs.values()]
    needed = [(forecast_memory(sizes, config, load), config) for config in parts]
    return max(resident_gib(forecast, config, policy.device) for forecast, config in needed)


def _part_of(config: RunConfig, share: Share) -> RunConfig:
    """With the prompts of the process that has most."""
    most = math.ceil(config.optim.prompts_per_step / share.count)
    return config.model_copy(update={"optim": config.optim.model_copy(update={"prompts_per_step": most})})


def timed(work: Callable[[], object]) -> float:
    """Seconds that a piece of work takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began
