"""The probe of one configuration: its policy, its training questions, its rewards, before any training."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from vrft.config.run_config import RunConfig
from vrft.config.run_questions import run_questions
from vrft.data.splits.manifest import question_digest
from vrft.diagnostics.probe.advice import Advice, AdviceContext, TemperatureStats, advise
from vrft.diagnostics.probe.probe_summary import Probe, describe
from vrft.diagnostics.probe.thoughts import MOST, right_samples, thoughts_behind
from vrft.errors import ConfigError
from vrft.models.image_limits import image_limits
from vrft.models.load_policy import load_policy
from vrft.models.policy import Policy
from vrft.progress import NullReporter, ProgressReporter
from vrft.rollout.driver import roll_out
from vrft.rollout.sampler import load_sampler
from vrft.run_folder import hardware, versions, write_json
from vrft.tasks.registry import task_of
from vrft.tasks.scorer import Scorer, score_groups, scorers_of
from vrft.types import Example, Form, RolloutGroup, SampleSeed

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
            "task": ", ".join(dict.fromkeys(own.task.name for own in c.by_source.values())),
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
            f"--samples {count}: a group has {group_size} answers (rollout.group_size). "
            f"Set --samples {group_size} or more, or lower rollout.group_size."
        )
    if questions < 1 or any(t <= 0 for t in temperatures):
        raise ConfigError(
            "A probe needs at least 1 question (--questions) and temperatures above 0 (--temperatures)."
        )
    train = run_questions(config, reporter, refusal=image_limits(config.model).refusal).split.train
    scorers = scorers_of(train, config.rewards)
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
    probe = prober.probe(groups)
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
        sampler = load_sampler(rollout.sampler, self.policy, urls=rollout.url)
        groups: list[RolloutGroup] = []
        for start in range(0, len(examples), at_once):
            asked = examples[start : start + at_once]
            draw = SampleSeed.whole(len(asked), self.config.seed + start)
            drawn = roll_out(sampler, self.policy, asked, samples, params, draw)
            fresh = [RolloutGroup(example, rollouts) for example, rollouts in zip(asked, drawn, strict=True)]
            groups += score_groups(self.scorers, fresh)
            update(len(asked), "")
        return groups

    def probe(self, groups: Sequence[RolloutGroup]) -> Probe:
        """What groups show, of which images, and in the think form whether thoughts carry right answers."""
        digests = {group.example.id: question_digest(group.example) for group in groups}
        described = replace(self.describe(groups), digests=digests)
        if self.config.form is not Form.THINK:
            return described
        right = right_samples(groups)
        chosen, rollout = evenly_spaced(right, MOST), self.config.rollout
        longest = max((one.n_tokens for one in chosen), default=1)
        params = replace(rollout.params(), temperature=0.0, max_new_tokens=longest)
        sampler = load_sampler(rollout.sampler, self.policy, urls=rollout.url)
        found = thoughts_behind(sampler, self.policy, right, chosen, params, AT_ONCE)
        return replace(described, thoughts=found)

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
