"""Groups of a step: what was drawn, what it is paid, and what is logged. P prompts, G answers a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vrft.config.run_config import RunConfig
from vrft.models.policy import Prompt
from vrft.rollout.shared_prompt.sampling import Sampled
from vrft.tasks.scorer import Score, Scorer
from vrft.training.advantages import ADVANTAGES, Rewards
from vrft.training.controls import permuted
from vrft.training.loop import Row
from vrft.types import Example, Rollout


@dataclass(frozen=True)
class Drawn:
    """One example, its prompt, and G answers with their scores."""

    example: Example
    prompt: Prompt | None
    """None where another process drew it."""
    sampled: list[Sampled]
    scores: list[Score]

    @property
    def has_signal(self) -> bool:
        """Whether some answer earns more than another."""
        return len({s.reward for s in self.scores}) > 1


@dataclass(frozen=True)
class Group:
    """One example, its prompt, and G scored rollouts."""

    example: Example
    prompt: Prompt | None
    """None where another process trains on it."""
    rollouts: tuple[Rollout, ...]

    @property
    def has_signal(self) -> bool:
        """Whether some answer is paid more than another."""
        return len({r.reward for r in self.rollouts}) > 1


def groups_of(drawn: Sequence[Drawn], scorer: Scorer, config: RunConfig, seed: int) -> list[Group]:
    """Pay the answers of a step and compare each with its group.

    Args:
        drawn: all groups of the step, since some advantages look at all of them.
        scorer: for the names and weights of its terms.
        config: advantage and reward settings.
        seed: of the control's permutation.
    """
    paid = paid_scores([d.scores for d in drawn], config.reward.permute, seed)
    advantages = _advantages(paid, scorer, config)
    return [
        Group(d.example, d.prompt, _rollouts(d, pay, values))
        for d, pay, values in zip(drawn, paid, advantages, strict=True)
    ]


def _rollouts(drawn: Drawn, paid: list[Score], advantages: list[float]) -> tuple[Rollout, ...]:
    return tuple(
        Rollout(
            s.token_ids,
            s.logprobs,
            score.answer.text,
            s.finished,
            score.terms,
            pay.reward,
            advantage,
            len(score.failures),
            score.clipped,
        )
        for s, score, pay, advantage in zip(drawn.sampled, drawn.scores, paid, advantages, strict=True)
    )


def paid_scores(scored: list[list[Score]], permute: bool, seed: int) -> list[list[Score]]:
    """What each answer is paid for: its own score, or in the control one of its group's, at random.

    Args:
        scored: G scores a group.
        permute: the control.
        seed: of its order.
    """
    if not permute:
        return scored
    orders = permuted([list(range(len(group))) for group in scored], seed)
    return [[group[int(i)] for i in order] for group, order in zip(scored, orders, strict=True)]


def _advantages(paid: list[list[Score]], scorer: Scorer, config: RunConfig) -> list[list[float]]:
    grpo, names = config.grpo, list(scorer.terms)
    rewards = Rewards(
        torch.tensor([[s.reward for s in group] for group in paid], dtype=torch.float64),
        torch.tensor([[[s.terms[n] for n in names] for s in g] for g in paid], dtype=torch.float64),
        torch.tensor([scorer.weights[n] for n in names], dtype=torch.float64),
    )
    advantages: list[list[float]] = ADVANTAGES[grpo.advantage](rewards, grpo.std_floor).tolist()
    return advantages


def described(groups: Sequence[Group], terms: Sequence[str]) -> Row:
    """What to log of a step's groups.

    Args:
        groups: those that were kept.
        terms: names of the reward terms.
    """
    rollouts = [r for g in groups for r in g.rollouts]
    rewards = np.array([[r.reward for r in g.rollouts] for g in groups])
    return {
        "reward": float(rewards.mean()),
        "reward_std": float(rewards.std(1).mean()),
        "terms": {name: float(np.mean([r.terms[name] for r in rollouts])) for name in terms},
        "reward_failures": sum(r.reward_failures for r in rollouts),
        "reward_clipped": sum(r.reward_clipped for r in rollouts),
        "truncated_share": float(np.mean([not r.finished for r in rollouts])),
        "answer_tokens": float(np.mean([len(r.token_ids) for r in rollouts])),
        "pictures": len(groups),
        # The mean of -log p over sampled tokens is an unbiased estimate of the mean entropy.
        "entropy": -float(np.mean([p for r in rollouts for p in r.logprobs])),
    }
