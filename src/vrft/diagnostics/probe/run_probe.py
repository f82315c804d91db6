"""The probe of one configuration: its policy, its training questions, its rewards, before any training."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vrft.config.questions import questions_of
from vrft.config.run_config import RunConfig
from vrft.diagnostics.probe.advice import Advice, AdviceContext, TemperatureStats, advise
from vrft.diagnostics.probe.probe_summary import Probe
from vrft.diagnostics.probe.sampled_groups import Prober, evenly_spaced
from vrft.errors import ConfigError
from vrft.models.load_policy import load_policy
from vrft.progress import NullReporter, ProgressReporter
from vrft.run_folder import hardware, versions, write_json
from vrft.tasks.registry import task_of
from vrft.tasks.scorer import scorers_of

SAMPLES = 32
QUESTIONS = 16
TEMPERATURES = (0.7, 1.0, 1.3)
TEMPERATURE_QUESTIONS = 8
"""Questions asked again at each temperature."""


@dataclass(frozen=True)
class ProbeResult:
    """What a probe found, and its file."""

    path: Path
    config: RunConfig
    success: str
    """What counts as a success, in words."""
    probe: Probe
    by_temperature: tuple[TemperatureStats, ...]
    advice: tuple[Advice, ...]
    seconds: float

    def row(self) -> dict[str, Any]:
        c = self.config
        return {
            "kind": "probe",
            "task": c.task.name,
            "model": c.model.path,
            "seed": c.seed,
            "temperature": c.rollout.temperature,
            "success": self.success,
            "probe": self.probe.row(),
            "temperatures": [asdict(one) for one in self.by_temperature],
            "advice": [asdict(one) for one in self.advice],
            "seconds": self.seconds,
            "versions": versions(),
            "hardware": hardware(),
        }


def probe_run(
    config: RunConfig,
    folder: Path,
    *,
    samples: int | None = None,
    questions: int = QUESTIONS,
    temperatures: Sequence[float] = TEMPERATURES,
    reporter: ProgressReporter | None = None,
) -> ProbeResult:
    """Sample from the configuration's policy on its training questions and say what to change.

    Args:
        config: of an RFT run.
        folder: where ``probe.json`` goes; an older one is replaced.
        samples: N answers to each question, at least the group size; None takes 32, or the group size.
        questions: at most so many, evenly spaced over the training questions.
        temperatures: at which eight of the questions are asked again, each above 0; empty leaves that out.
        reporter: where progress goes.

    Raises:
        ConfigError: too few samples, or an unknown reward setting.
        InputError: the data or the model cannot be used.
    """
    began = time.monotonic()
    reporter, group_size = reporter or NullReporter(), config.rollout.group_size
    count = samples if samples is not None else max(SAMPLES, group_size)
    if count < group_size:
        raise ConfigError(
            f"{count} samples say nothing about groups of {group_size}: "
            f"take --samples {group_size} or more, or lower rollout.group_size."
        )
    if questions < 1 or any(t <= 0 for t in temperatures):
        raise ConfigError("A probe needs at least 1 question, and temperatures above 0.")
    train = questions_of(config, reporter).split.train
    scorers = scorers_of(train, config.reward)
    chosen = evenly_spaced(train, questions)
    prober = Prober(load_policy(config.model), config, scorers)
    # As many answers together as a training step has.
    at_once = max(1, config.optim.prompts_per_step * group_size // count)
    with reporter.task(f"{count} answers to each question", len(chosen)) as update:
        groups = prober.groups(chosen, count, at_once=at_once, update=update)
    few = evenly_spaced(range(len(chosen)), TEMPERATURE_QUESTIONS)
    at = {config.rollout.temperature: [groups[i] for i in few]} if temperatures else {}
    with reporter.task("At other temperatures", len(temperatures)) as update:
        for temperature in temperatures:
            if temperature not in at:
                asked = [chosen[i] for i in few]
                at[temperature] = prober.groups(asked, group_size, temperature=temperature, at_once=at_once)
            update(1, "")
    probe = prober.describe(groups)
    by_temperature = tuple(_temperature_stats(t, prober.describe(own)) for t, own in sorted(at.items()))
    result = ProbeResult(
        path=folder / "probe.json",
        config=config,
        success="; ".join(dict.fromkeys(task_of(example).success_rule for example in chosen)),
        probe=probe,
        by_temperature=by_temperature,
        advice=tuple(advise(AdviceContext(probe, by_temperature, config))),
        seconds=time.monotonic() - began,
    )
    write_json(result.path, result.row())
    return result


def _temperature_stats(temperature: float, probe: Probe) -> TemperatureStats:
    return TemperatureStats(
        temperature=temperature,
        groups=probe.groups,
        samples=probe.samples,
        reward=probe.reward,
        hits=probe.hits,
        formatted=probe.formatted,
        truncated=probe.truncated,
        signal=probe.signal,
    )
