"""Rollouts of one step: sample, score, advantages. Axes: P prompts, G answers a prompt."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vrft.config import RunConfig
from vrft.engine.asking import prompts_for
from vrft.engine.fitting import check_length
from vrft.engine.prefill import Encoded, prefill
from vrft.engine.sampling import Sampled, Sampling, sample
from vrft.policies.policy import Policy, Prompt
from vrft.runs.folder import RunFolder
from vrft.scoring import Score, Scorer
from vrft.tasks.base import Task
from vrft.training.advantages import ADVANTAGES, Rewards
from vrft.training.batches import examples_of_step
from vrft.training.controls import permuted
from vrft.training.loop import Row
from vrft.types import Example, Rollout

GROUPS_LOGGED = 2
"""Groups written to rollouts.jsonl a step."""


@dataclass(frozen=True)
class Group:
    """One example, its prompt, and G scored rollouts."""

    example: Example
    prompt: Prompt
    rollouts: tuple[Rollout, ...]


class RolloutMaker:
    """Samples and scores the groups of each step."""

    def __init__(
        self, policy: Policy, task: Task, examples: Sequence[Example], config: RunConfig, folder: RunFolder
    ) -> None:
        self.policy, self.task, self.examples = policy, task, examples
        self.config, self.folder = config, folder
        self.scorer = Scorer(task, config.reward, config.prompt.form)

    def __call__(self, step: int, encode: bool = False) -> tuple[list[Group], Row, Encoded | None]:
        """Groups of one step, and what to log of them: rewards, lengths, seconds by phase.

        Args:
            step: from 0.
            encode: encode the prompts with gradient and give them back, for the pass that trains: its
                weights are those that sample, so nothing need be encoded twice.
        """
        config = self.config
        began = time.perf_counter()
        chosen = examples_of_step(self.examples, step, config.optim.prompts_per_step, config.seed)
        prompts = prompts_for(self.policy, self.task, chosen, config.prompt.form)
        r = config.rollout
        sampling = Sampling(r.temperature, r.top_p, r.top_k, r.max_new_tokens, r.min_new_tokens)
        seed = int(np.random.SeedSequence([config.seed, step]).generate_state(1)[0])
        check_length(self.policy, prompts, r.max_new_tokens)
        encoded = prefill(self.policy, prompts) if encode else None
        sampled = sample(self.policy, prompts, r.group_size, sampling, seed, encoded)
        seconds_sampling = time.perf_counter() - began
        scored = self._scored(step, chosen, prompts, sampled)
        groups = self._groups(chosen, prompts, sampled, scored, seed)
        self._log_groups(step, groups)
        seconds_scoring = time.perf_counter() - began - seconds_sampling
        row = self._describe(groups)
        row |= {"seconds_sampling": seconds_sampling, "seconds_scoring": seconds_scoring}
        row["sampled_tokens_a_second"] = row["sampled_tokens"] / seconds_sampling
        return groups, row, encoded

    def _scored(
        self, step: int, chosen: list[Example], prompts: list[Prompt], sampled: list[list[Sampled]]
    ) -> list[list[Score]]:
        progress = step / self.config.optim.steps
        scored = [
            [
                self.scorer.score(
                    self.policy.decode(s.token_ids),
                    example,
                    prompt.picture.view,
                    n_tokens=len(s.token_ids),
                    progress=progress,
                )
                for s in group
            ]
            for example, prompt, group in zip(chosen, prompts, sampled, strict=True)
        ]
        self._log_failures(step, chosen, scored)
        return scored

    def _groups(
        self,
        chosen: list[Example],
        prompts: list[Prompt],
        sampled: list[list[Sampled]],
        scored: list[list[Score]],
        seed: int,
    ) -> list[Group]:
        paid = self._paid(scored, seed)
        advantages = self._advantages(paid)
        return [
            Group(
                example,
                prompt,
                tuple(
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
                    for s, score, pay, advantage in zip(*columns, strict=True)
                ),
            )
            for example, prompt, *columns in zip(
                chosen, prompts, sampled, scored, paid, advantages, strict=True
            )
        ]

    def _paid(self, scored: list[list[Score]], seed: int) -> list[list[Score]]:
        """What each answer is paid for: its own score, or in the control one of its group's, at random."""
        if not self.config.reward.permute:
            return scored
        orders = permuted([list(range(len(group))) for group in scored], seed)
        return [[group[int(i)] for i in order] for group, order in zip(scored, orders, strict=True)]

    def _advantages(self, paid: list[list[Score]]) -> list[list[float]]:
        grpo, names = self.config.grpo, list(self.scorer.terms)
        rewards = Rewards(
            torch.tensor([[s.reward for s in group] for group in paid], dtype=torch.float64),
            torch.tensor([[[s.terms[n] for n in names] for s in g] for g in paid], dtype=torch.float64),
            torch.tensor([self.scorer.weights[n] for n in names], dtype=torch.float64),
        )
        advantages: list[list[float]] = ADVANTAGES[grpo.advantage](rewards, grpo.std_floor).tolist()
        return advantages

    def _describe(self, groups: list[Group]) -> Row:
        rollouts = [r for g in groups for r in g.rollouts]
        rewards = np.array([[r.reward for r in g.rollouts] for g in groups])
        return {
            "reward": float(rewards.mean()),
            "reward_std": float(rewards.std(1).mean()),
            "terms": {name: float(np.mean([r.terms[name] for r in rollouts])) for name in self.scorer.terms},
            "signal_share": float(np.mean(np.ptp(rewards, axis=1) > 0)),
            "reward_failures": sum(r.reward_failures for r in rollouts),
            "reward_clipped": sum(r.reward_clipped for r in rollouts),
            "truncated_share": float(np.mean([not r.finished for r in rollouts])),
            "answer_tokens": float(np.mean([len(r.token_ids) for r in rollouts])),
            "pictures": len(groups),
            "sampled_tokens": sum(len(r.token_ids) for r in rollouts),
            # The mean of -log p over sampled tokens is an unbiased estimate of the mean entropy.
            "entropy": -float(np.mean([p for r in rollouts for p in r.logprobs])),
        }

    def _log_failures(self, step: int, chosen: list[Example], scored: list[list[Score]]) -> None:
        for example, group in zip(chosen, scored, strict=True):
            for score in group:
                for failure in score.failures:
                    what = {"term": failure.term, "problem": failure.message, "text": score.answer.text}
                    row = {"step": step + 1, "example_id": example.id, **what}
                    self.folder.append("reward_failures.jsonl", row)

    def _log_groups(self, step: int, groups: list[Group]) -> None:
        for group in groups[:GROUPS_LOGGED]:
            answers = [
                {"text": r.text, "reward": r.reward, "terms": r.terms, "advantage": r.advantage}
                for r in group.rollouts
            ]
            self.folder.append(
                "rollouts.jsonl", {"step": step + 1, "example_id": group.example.id, "group": answers}
            )
