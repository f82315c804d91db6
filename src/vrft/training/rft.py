"""One step of Visual-RFT: sample, score, advantages, loss. Axes: P prompts, G answers a prompt, A tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from vrft.config import RunConfig
from vrft.engine.asking import prompts_for
from vrft.engine.logprobs import AnswerScorer, Path
from vrft.engine.sampling import Sampled, Sampling, sample
from vrft.policies.policy import Policy, Prompt
from vrft.runs.folder import RunFolder
from vrft.scoring import Score, Scorer
from vrft.tasks.base import Task
from vrft.training.advantages import ADVANTAGES
from vrft.training.batches import examples_of_step
from vrft.training.controls import permuted
from vrft.training.kl import ESTIMATORS
from vrft.training.loop import Row
from vrft.training.losses import AGGREGATIONS, clipped_surrogate
from vrft.training.reference import Reference
from vrft.types import Example, Rollout

GROUPS_LOGGED = 2
"""Groups written to rollouts.jsonl a step."""


@dataclass(frozen=True)
class Group:
    """One example, its prompt, and G scored rollouts."""

    example: Example
    prompt: Prompt
    rollouts: tuple[Rollout, ...]


class RftStep:
    """The step function of RFT (Visual-RFT section 3; GRPO with one update a sample)."""

    def __init__(
        self,
        policy: Policy,
        task: Task,
        examples: Sequence[Example],
        config: RunConfig,
        folder: RunFolder,
        reference: Reference,
        path: Path,
    ) -> None:
        self.policy, self.task, self.examples = policy, task, examples
        self.config, self.folder, self.reference, self.path = config, folder, reference, path
        self.scorer = Scorer(task, config.reward, config.prompt.form)
        self.answer_scorer = AnswerScorer(policy)

    def __call__(self, step: int) -> Row:
        """Sample, score, and leave the gradient of the step's loss on the weights."""
        groups = self.rollouts(step)
        self._log_groups(step, groups)
        row = {**self._describe(groups), **self._backward(groups)}
        return row

    def rollouts(self, step: int) -> list[Group]:
        """Sampled and scored groups of one step."""
        config = self.config
        chosen = examples_of_step(self.examples, step, config.optim.prompts_per_step, config.seed)
        prompts = prompts_for(self.policy, self.task, chosen, config.prompt.form)
        r = config.rollout
        sampling = Sampling(r.temperature, r.top_p, r.top_k, r.max_new_tokens)
        seed = int(np.random.SeedSequence([config.seed, step]).generate_state(1)[0])
        sampled = sample(self.policy, prompts, r.group_size, sampling, seed)
        scored = self._scored(step, chosen, prompts, sampled)
        return self._groups(chosen, prompts, sampled, scored, seed)

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
        rewards = [[score.reward for score in group] for group in scored]
        if self.config.reward.permute:
            rewards = permuted(rewards, seed)
        advantages = ADVANTAGES[self.config.grpo.advantage](
            torch.tensor(rewards, dtype=torch.float64)
        ).tolist()
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
                        reward,
                        advantage,
                        len(score.failures),
                        score.clipped,
                    )
                    for s, score, reward, advantage in zip(*columns, strict=True)
                ),
            )
            for example, prompt, *columns in zip(
                chosen, prompts, sampled, scored, rewards, advantages, strict=True
            )
        ]

    def _backward(self, groups: list[Group]) -> Row:
        """Accumulate the exact gradient of the step's loss over micro-batches of prompts."""
        config = self.config
        size = config.optim.micro_prompts or len(groups)
        rows = sum(len(g.rollouts) for g in groups)
        tokens = sum(len(r.token_ids) for g in groups for r in g.rollouts)
        total = {"loss": 0.0, "kl": 0.0}
        for begin in range(0, len(groups), size):
            part = groups[begin : begin + size]
            prompts = [g.prompt for g in part]
            answers = [r.token_ids for g in part for r in g.rollouts]
            arguments = (prompts, answers, config.rollout.group_size, config.rollout.temperature, self.path)
            logprobs_RA, mask_RA = self.answer_scorer(*arguments)
            advantages_R = torch.tensor(
                [r.advantage for g in part for r in g.rollouts],
                dtype=logprobs_RA.dtype,
                device=logprobs_RA.device,
            )
            each = clipped_surrogate(logprobs_RA, logprobs_RA.detach(), advantages_R, config.grpo.clip)
            aggregate = AGGREGATIONS[config.grpo.aggregation]
            if config.grpo.beta:
                kl = ESTIMATORS[config.grpo.kl](logprobs_RA, self.reference.logprobs(*arguments))
                each = each + config.grpo.beta * kl
                total["kl"] += float((kl.detach() * mask_RA).sum()) / tokens
            loss = aggregate(each, mask_RA, rows, tokens)
            loss.backward()
            total["loss"] += loss.item()
        return total

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
