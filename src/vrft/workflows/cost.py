"""How long, measured on a few steps of each kind, and how much memory, before the first real step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vrft.config.run_config import RunConfig
from vrft.data.data_options import DataOptions
from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.models.layer_sizes import sizes_of
from vrft.models.policy import Policy
from vrft.rollout.driver import prompts_for
from vrft.run_folder import read_json, write_json
from vrft.training.memory import Load, device_memory_gib, forecast_memory, resident_gib
from vrft.training.sharding import copies, scorer_of
from vrft.types import Clock, Example
from vrft.workflows.configured import policy_of, train_step_of

FORECAST = "forecast.json"
REPEATS = 2
SAMPLING = "sampling"
QUESTIONS = 64
"""Training questions whose lengths the forecast of memory goes by."""


@dataclass(frozen=True)
class CostEstimate:
    """What the rest of a fit takes."""

    minutes: float
    """At most: a trial may stop early."""
    memory_gib: float
    """That each process of the trials holds at most, the program and its libraries left out."""
    seconds_per_step: dict[str, float]
    """By method; ``sampling`` is the part of an RFT step that draws answers."""


@dataclass(frozen=True)
class Trials:
    """All trials of one system: how many, and the configuration of each."""

    count: int
    config: RunConfig
    samples_first: bool = False
    """As many answers as in all steps of one RFT trial are drawn before, once for all trials."""


@dataclass(frozen=True)
class Answering:
    """How long an answer takes, and how many questions each validation and the held-out part have."""

    seconds_per_question: float
    val: int
    heldout: int


def kept_forecast(
    folder: Path,
    train: Sequence[Example],
    systems: Mapping[str, Trials],
    answering: Answering,
    note: Callable[[str], None],
    context: DistributedContext = SINGLE_PROCESS,
) -> dict[str, Any]:
    """The estimate of a fit's trials as a row, measured once and kept in the fit's folder."""
    saved = folder / FORECAST
    if not context.broadcast_object(saved.exists()):
        learner = policy_of(systems["rft"].config, context=context, learns=True)
        found = estimate_cost(learner, train, systems, answering, context)
        there = device_memory_gib(learner.device)
        if there is not None and found.memory_gib > there:
            note(
                f"Training may hold {found.memory_gib:.1f} GiB, and this device has {there:.1f}: "
                "take a smaller model or, where --full was given, leave it out."
            )
        if context.is_first:
            write_json(saved, asdict(found))
        context.wait_for_everyone()
    kept: dict[str, Any] = read_json(saved)
    return kept


def estimate_cost(
    policy: Policy,
    train: Sequence[Example],
    systems: Mapping[str, Trials],
    answering: Answering,
    context: DistributedContext,
) -> CostEstimate:
    """Measure a step of each kind, and forecast time and memory of all trials."""
    memory = memory_needed(policy, train, [trials.config for trials in systems.values()], context)
    # A control does what RFT does, so its steps take as long.
    measured = {trials.config.method: trials.config for trials in reversed(list(systems.values()))}
    seconds = benchmark_steps(policy, train, dict(reversed(measured.items())), context)
    minutes = minutes_left(
        systems, seconds, answering.seconds_per_question, answering.val, answering.heldout, len(train)
    )
    return CostEstimate(minutes, memory, seconds)


def benchmark_steps(
    policy: Policy,
    train: Sequence[Example],
    configs: Mapping[str, RunConfig],
    context: DistributedContext = SINGLE_PROCESS,
) -> dict[str, float]:
    """Seconds of one step of each configuration, and of its sampling; the weights are not changed."""
    found = {}
    shard = next(iter(configs.values())).optim.shard if configs else False
    scorer = scorer_of(policy, context, shard)  # once: what is divided stays so
    for name, config in configs.items():
        step = train_step_of(_without_selection(config), policy, train, "shared", context, scorer=scorer)
        first, *others = (Clock(number, REPEATS + 1, config.seed) for number in range(REPEATS + 1))
        step(first)  # which also warms caches
        began = time.monotonic()
        rows = [step(clock) for clock in others]
        found[name] = (time.monotonic() - began) / REPEATS
        if config.samples:
            found[SAMPLING] = sum(row["seconds_sampling"] for row in rows) / REPEATS
        policy.model.zero_grad(set_to_none=True)
        del step  # and the reference model that it may hold
    return found


def minutes_left(
    systems: Mapping[str, Trials],
    seconds_per_step: Mapping[str, float],
    seconds_per_question: float,
    val: int,
    heldout: int,
    train: int = 0,
) -> float:
    """Minutes of all trials with their validations, and of the held-out answers of each system."""
    seconds = len(systems) * heldout * seconds_per_question
    for trials in systems.values():
        optim, every = trials.config.optim, trials.config.checks.validate_every
        validations = optim.steps // every + 1 if every else 0
        each = optim.steps * seconds_per_step[trials.config.method] + validations * val * seconds_per_question
        rules = [own.data.select for own in trials.config.by_source.values()]
        if samples := max((rule.samples for rule in rules if rule is not None), default=0):
            answers = train * samples
            steps = answers / (optim.prompts_per_step * trials.config.rollout.group_size)
            each += steps * seconds_per_step[SAMPLING]
        seconds += trials.count * each
        if trials.samples_first:
            seconds += optim.steps * seconds_per_step[SAMPLING]
    return seconds / 60


def time_in_words(minutes: float) -> str:
    """How long a fit takes, at most.

    Example:
        >>> time_in_words(0.04)
        'less than a minute'
        >>> time_in_words(12.34)
        'at most 12.3 minutes (fewer if a trial stops early)'
    """
    return (
        "less than a minute"
        if minutes < 1
        else f"at most {minutes:.1f} minutes (fewer if a trial stops early)"
    )


def memory_needed(
    policy: Policy,
    train: Sequence[Example],
    configs: Sequence[RunConfig],
    context: DistributedContext = SINGLE_PROCESS,
) -> float:
    """GiB that each process of the trials takes at most, the program and its libraries left out."""
    load, sizes = Load.of(policy, prompts_for(policy, train[:QUESTIONS])), sizes_of(policy)
    plans = [_of_one_process(config, context).memory_plan for config in configs]
    shards = context.count // copies(context, configs[0].optim.shard)
    forecasts = [forecast_memory(sizes, plan, load, shards) for plan in plans]
    return max(resident_gib(f, plan, policy.device) for f, plan in zip(forecasts, plans, strict=True))


def _without_selection(config: RunConfig) -> RunConfig:
    """The same, asking all questions alike: the first pass of a selection is no step."""

    def alike(data: DataOptions) -> DataOptions:
        return data.model_copy(update={"select": None})

    if not config.tasks:
        return config.model_copy(update={"data": alike(config.data)})
    entries = tuple(entry.model_copy(update={"data": alike(entry.data)}) for entry in config.tasks)
    return config.model_copy(update={"tasks": entries})


def _of_one_process(config: RunConfig, context: DistributedContext) -> RunConfig:
    most = math.ceil(config.optim.prompts_per_step / context.count)
    return config.model_copy(update={"optim": config.optim.model_copy(update={"prompts_per_step": most})})
