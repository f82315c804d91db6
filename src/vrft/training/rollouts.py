"""Rollouts of one step: sample, score, advantages. Axes: P prompts, G answers a prompt."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from vrft.config import RunConfig
from vrft.engine.asking import prompts_for
from vrft.engine.fitting import check_length
from vrft.engine.prefill import Encoded, prefill
from vrft.engine.sampling import Sampled, Sampling, sample
from vrft.policies.policy import Policy, Prompt
from vrft.runs.folder import RunFolder
from vrft.scoring import Score, Scorer
from vrft.tasks.base import Task
from vrft.training.batches import examples_of_step, further_examples, with_changes
from vrft.training.groups import Drawn, Group, described, groups_of
from vrft.training.loop import Row
from vrft.types import Example

GROUPS_LOGGED = 2
"""Groups written to rollouts.jsonl a step."""


class RolloutMaker:
    """Samples and scores the groups of each step."""

    def __init__(
        self, policy: Policy, task: Task, examples: Sequence[Example], config: RunConfig, folder: RunFolder
    ) -> None:
        self.policy, self.task, self.examples = policy, task, examples
        self.config, self.folder = config, folder
        self.scorer = Scorer(task, config.reward, config.prompt.form)
        self._seconds_scoring = 0.0

    def __call__(self, step: int, encode: bool = False) -> tuple[list[Group], Row, Encoded | None]:
        """Groups of one step, and what to log of them: rewards, lengths, seconds by phase.

        Where the configuration allows it, questions whose answers all earn the same give way to others.

        Args:
            step: from 0.
            encode: encode the prompts with gradient and give them back, for the pass that trains: its
                weights are those that sample, so nothing need be encoded twice.
        """
        config, r = self.config, self.config.rollout
        began = time.perf_counter()
        count = config.optim.prompts_per_step
        chosen = with_changes(examples_of_step(self.examples, step, count, config.seed), config, step)
        prompts = prompts_for(self.policy, self.task, chosen, config.prompt.form)
        check_length(self.policy, prompts, r.max_new_tokens)
        encoded = prefill(self.policy, prompts) if encode else None
        self._seconds_scoring = 0.0
        first = self._drawn(step, 0, chosen, prompts, encoded)
        drawn = list(first)
        for again in range(1, r.resample + 1):
            missing = count - sum(d.has_signal for d in drawn)
            if missing <= 0:
                break
            asked = {d.example.id for d in drawn}
            others = further_examples(self.examples, step, again, missing, config.seed, asked)
            others = with_changes(others, config, step, again)
            drawn += self._drawn(
                step, again, others, prompts_for(self.policy, self.task, others, config.prompt.form)
            )
        # Groups with signal go first; the sort is stable, so that without resampling nothing moves.
        kept = sorted(drawn, key=lambda d: not d.has_signal)[:count] if len(drawn) > count else drawn
        groups = groups_of(kept, self.scorer, config, self._seed(step))
        self._log_groups(step, groups)
        row = described(groups, list(self.scorer.terms))
        row["signal_share"] = float(np.mean([d.has_signal for d in first]))
        row["groups_drawn"] = len(drawn)
        row["seconds_scoring"] = self._seconds_scoring
        row["seconds_sampling"] = time.perf_counter() - began - self._seconds_scoring
        row["sampled_tokens"] = sum(len(s.token_ids) for d in drawn for s in d.sampled)
        row["sampled_tokens_a_second"] = row["sampled_tokens"] / row["seconds_sampling"]
        return groups, row, encoded if kept is drawn else None

    def _seed(self, step: int, again: int = 0) -> int:
        entropy = [self.config.seed, step, again] if again else [self.config.seed, step]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])

    def _drawn(
        self,
        step: int,
        again: int,
        chosen: list[Example],
        prompts: list[Prompt],
        encoded: Encoded | None = None,
    ) -> list[Drawn]:
        """Answers to some questions, scored."""
        r = self.config.rollout
        sampling = Sampling(r.temperature, r.top_p, r.top_k, r.max_new_tokens, r.min_new_tokens)
        # Drawn to the bit as where the pass that trains encodes the prompts: each by itself.
        seed = self._seed(step, again)
        sampled = sample(self.policy, prompts, r.group_size, sampling, seed, encoded, together=False)
        began = time.perf_counter()
        scored = self._scored(step, chosen, prompts, sampled)
        self._seconds_scoring += time.perf_counter() - began
        return list(map(Drawn, chosen, prompts, sampled, scored))

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
