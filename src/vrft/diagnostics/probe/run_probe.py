"""The probe of one configuration: its policy, its training questions, its rewards, before any training."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vrft.config.run_config import RunConfig
from vrft.diagnostics.probe.advice import Advice, Seen, Warmth, advise
from vrft.diagnostics.probe.probe_summary import Draw, Probe, describe
from vrft.diagnostics.probe.sampled_groups import Draws, evenly_spaced
from vrft.diagnostics.probe.success import hit_of
from vrft.errors import ConfigError
from vrft.models.policy import Policy
from vrft.progress import Narrator, Silence
from vrft.run_folder import hardware, versions, write_json
from vrft.tasks.scorer import Scorer
from vrft.tasks.task import Task, load_task
from vrft.training.run_questions import questions_of
from vrft.training.train import policy_of
from vrft.types import Example

SAMPLES = 32
QUESTIONS = 16
TEMPERATURES = (0.7, 1.0, 1.3)
WARMTH_QUESTIONS = 8
"""Questions asked again at each temperature."""


@dataclass(frozen=True)
class Probed:
    """What a probe found, and where it stands on disk."""

    path: Path
    config: RunConfig
    probe: Probe
    warmths: tuple[Warmth, ...]
    advice: tuple[Advice, ...]
    seconds: float

    def row(self) -> dict[str, Any]:
        """As plain JSON values."""
        c = self.config
        return {
            "kind": "probe",
            "task": load_task(c.task).name,
            "model": c.model.path,
            "seed": c.seed,
            "temperature": c.rollout.temperature,
            "success": hit_of(load_task(c.task).name).told,
            "probe": self.probe.row(),
            "temperatures": [asdict(w) for w in self.warmths],
            "advice": [asdict(a) for a in self.advice],
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
    narrator: Narrator | None = None,
) -> Probed:
    """Sample from the configuration's policy on its training questions and say what to change.

    Args:
        config: of an RFT run.
        folder: where ``probe.json`` goes; an older one is replaced.
        samples: N answers to each question, at least the group size; None takes 32, or the group size.
        questions: at most so many, evenly spaced over the training questions.
        temperatures: at which eight of the questions are asked again, each above 0; empty leaves that out.
        narrator: where progress goes.

    Returns:
        The description and the advice.

    Raises:
        ConfigError: too few samples, or an unknown reward setting.
        InputError: the data or the model cannot be used.
    """
    began = time.monotonic()
    voice, group_size = narrator or Silence(), config.rollout.group_size
    count = samples if samples is not None else max(SAMPLES, group_size)
    if count < group_size:
        raise ConfigError(
            f"{count} samples say nothing about groups of {group_size}: "
            f"take --samples {group_size} or more, or lower rollout.group_size."
        )
    if questions < 1 or any(t <= 0 for t in temperatures):
        raise ConfigError("A probe needs at least 1 question, and temperatures above 0.")
    asked = questions_of(config, voice)
    weights = Scorer(asked.task, config.reward, config.prompt.form).weights
    chosen = evenly_spaced(asked.split.train, questions)
    draws = _draws(policy_of(config), asked.task, config, count)
    with voice.stage(f"{count} answers to each question", len(chosen)) as advance:
        groups = draws.groups(chosen, count, lambda done: advance(done, ""))
    probe = describe(groups, config.prompt.form, group_size, weights, config.rollout.max_new_tokens)
    few = evenly_spaced(range(len(chosen)), WARMTH_QUESTIONS)
    known = {config.rollout.temperature: [groups[i] for i in few]} if temperatures else {}
    with voice.stage("At other temperatures", len(temperatures)) as advance:
        for warmth in temperatures:
            if warmth not in known:
                known[warmth] = _at(draws, warmth, [chosen[i] for i in few], group_size)
            advance(1, "")
    warmths = tuple(
        _warmth(t, describe(g, probe.form, group_size, weights, probe.lengths.limit))
        for t, g in sorted(known.items())
    )
    advice = tuple(advise(Seen(probe, warmths, config)))
    path = folder / "probe.json"
    probed = Probed(path, config, probe, warmths, advice, time.monotonic() - began)
    write_json(path, probed.row())
    return probed


def _draws(policy: Policy, task: Task, config: RunConfig, count: int) -> Draws:
    # As many answers together as a training step has.
    at_once = max(1, config.optim.prompts_per_step * config.rollout.group_size // count)
    return Draws(policy, task, config.prompt.form, config.reward, config.rollout, config.seed, at_once)


def _at(draws: Draws, temperature: float, examples: Sequence[Example], samples: int) -> list[list[Draw]]:
    rollout = draws.rollout.model_copy(update={"temperature": temperature})
    return replace(draws, rollout=rollout).groups(examples, samples)


def _warmth(temperature: float, probe: Probe) -> Warmth:
    return Warmth(
        temperature=temperature,
        groups=probe.groups,
        samples=probe.samples,
        reward=probe.reward,
        hits=probe.hits,
        formatted=probe.formatted,
        truncated=probe.truncated,
        signal=probe.signal,
    )
