"""Will it learn? Samples from the base policy before any training: rewards, spread, faults, and advice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vrft.config import Reward, Rollout
from vrft.engine.asking import prompts_for
from vrft.engine.sampling import Sampling, sample
from vrft.policies.policy import Policy
from vrft.scoring import Scorer
from vrft.tasks.base import Task
from vrft.types import Example, Form

PROMPTS = 12
NO_SIGNAL = 0.9
"""Share of groups without reward spread above which RFT cannot start from the base."""


@dataclass(frozen=True)
class Probe:
    """What the base policy's samples look like under one form of asking."""

    form: Form
    groups: int
    reward: float
    """Mean reward of a sample."""
    skill: float
    """Mean reward without the format term."""
    formatted: float
    """Share of samples in the demanded form."""
    parsed: float
    signal: float
    """Share of groups whose rewards differ."""
    faults: dict[str, int]
    tokens: float
    """Mean answer length."""

    def row(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def probe(
    policy: Policy,
    task: Task,
    examples: Sequence[Example],
    form: Form,
    reward: Reward,
    rollout: Rollout,
    seed: int,
) -> Probe:
    """Sample groups and describe them.

    Args:
        policy: the base policy.
        task: the task.
        examples: training questions; twelve, evenly spaced, are asked.
        form: how the answer is asked for.
        reward: setting and weights.
        rollout: group size and sampling.
        seed: of the samples.
    """
    places = np.linspace(0, len(examples) - 1, min(PROMPTS, len(examples))).round().astype(int)
    chosen = [examples[i] for i in places]
    prompts = prompts_for(policy, task, chosen, form)
    sampling = Sampling(rollout.temperature, rollout.top_p, rollout.top_k, rollout.max_new_tokens)
    groups = sample(policy, prompts, rollout.group_size, sampling, seed)
    scorer = Scorer(task, reward, form)
    rewards, formats, answers, lengths = [], [], [], []
    for example, prompt, group in zip(chosen, prompts, groups, strict=True):
        for sampled in group:
            text, length = policy.decode(sampled.token_ids), len(sampled.token_ids)
            score = scorer.score(text, example, prompt.picture.view, n_tokens=length)
            rewards.append(score.reward)
            formats.append(score.terms.get("format", 0.0) * scorer.weights.get("format", 0.0))
            answers.append(score.answer)
            lengths.append(len(sampled.token_ids))
    spread = np.ptp(np.array(rewards).reshape(len(groups), -1), axis=1) > 0
    return Probe(
        form=form,
        groups=len(groups),
        reward=float(np.mean(rewards)),
        skill=float(np.mean(rewards) - np.mean(formats)),
        formatted=float(np.mean([a.formatted for a in answers])),
        parsed=float(np.mean([a.parsed for a in answers])),
        signal=float(spread.mean()),
        faults=dict(Counter(str(f) for a in answers for f in a.faults)),
        tokens=float(np.mean(lengths)),
    )


def better_form(probes: Sequence[Probe]) -> Probe:
    """The form in which the base policy shows more skill; of near equals the shorter answer.

    Args:
        probes: one a form, at least one.
    """
    best = max(p.skill for p in probes)
    return min((p for p in probes if p.skill >= best - 0.05), key=lambda p: p.tokens)
