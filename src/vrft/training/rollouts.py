"""Rollouts of one step: sample, score, advantages. Axes: P prompts, G answers a prompt."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from vrft.config.run_config import RunConfig
from vrft.distributed import ALONE, Share
from vrft.models.policy import Policy, Prompt
from vrft.rollout.length_check import check_length
from vrft.rollout.prompting import prompts_for
from vrft.rollout.shared_prompt.prefill import Encoded, prefill
from vrft.rollout.shared_prompt.sampling import Among, Sampled, Sampling, sample
from vrft.run_folder import RunFolder
from vrft.tasks.scorer import Score, Scorer
from vrft.tasks.task import Task
from vrft.training.batches import examples_of_step, further_examples, with_changes
from vrft.training.groups import Drawn, Group, described, groups_of
from vrft.training.loop import Row
from vrft.types import Example

GROUPS_LOGGED = 2
"""Groups written to rollouts.jsonl a step."""


class RolloutMaker:
    """Samples and scores the groups of each step; each process those of its part."""

    def __init__(
        self,
        policy: Policy,
        task: Task,
        examples: Sequence[Example],
        config: RunConfig,
        folder: RunFolder,
        share: Share = ALONE,
    ) -> None:
        self.policy, self.task, self.examples = policy, task, examples
        self.config, self.folder, self.share = config, folder, share
        self.scorer = Scorer(task, config.reward, config.prompt.form)
        self._seconds_scoring = 0.0

    def __call__(self, step: int, encode: bool = False) -> tuple[list[Group], Row, Encoded | None]:
        """Groups of one step, and what to log of them: rewards, lengths, seconds by phase.

        Where the configuration allows it, questions whose answers all earn the same give way to others.

        Args:
            step: from 0.
            encode: encode this process's prompts with gradient and give them back, for the pass that
                trains: its weights are those that sample, so nothing need be encoded twice.
        """
        config, r = self.config, self.config.rollout
        began = time.perf_counter()
        count = config.optim.prompts_per_step
        chosen = with_changes(examples_of_step(self.examples, step, count, config.seed), config, step)
        prompts = self._prompts(chosen)
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
            drawn += self._drawn(step, again, others, self._prompts(others))
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

    def _prompts(self, chosen: list[Example]) -> list[Prompt]:
        """Those of this process's part."""
        own = chosen[self.share.part(len(chosen))]
        return prompts_for(self.policy, self.task, own, self.config.prompt.form)

    def _drawn(
        self,
        step: int,
        again: int,
        chosen: list[Example],
        prompts: list[Prompt],
        encoded: Encoded | None = None,
    ) -> list[Drawn]:
        """Answers to some questions, scored; of every process, each with its own prompts alone."""
        own = self._answered(step, again, chosen, prompts, encoded) if prompts else []
        placed: list[Prompt | None] = [None] * len(chosen)
        placed[self.share.part(len(chosen))] = prompts
        every = zip(chosen, placed, self.share.collected(own), strict=True)
        drawn = [Drawn(example, prompt, *answered) for example, prompt, answered in every]
        self._log_failures(step, drawn)
        return drawn

    def _answered(
        self,
        step: int,
        again: int,
        chosen: list[Example],
        prompts: list[Prompt],
        encoded: Encoded | None,
    ) -> list[tuple[list[Sampled], list[Score]]]:
        """This process's answers, with their scores."""
        part, r = self.share.part(len(chosen)), self.config.rollout
        among = Among(part.start, len(chosen))
        sampling = Sampling(r.temperature, r.top_p, r.top_k, r.max_new_tokens, r.min_new_tokens)
        # Drawn to the bit as where the pass that trains encodes the prompts: each by itself.
        seed = self._seed(step, again)
        sampled = sample(
            self.policy, prompts, r.group_size, sampling, seed, encoded, together=False, among=among
        )
        began = time.perf_counter()
        scored = self._scored(step, chosen[part], prompts, sampled)
        self._seconds_scoring += time.perf_counter() - began
        return list(zip(sampled, scored, strict=True))

    def _scored(
        self, step: int, chosen: list[Example], prompts: list[Prompt], sampled: list[list[Sampled]]
    ) -> list[list[Score]]:
        progress = step / self.config.optim.steps
        return [
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

    def _log_failures(self, step: int, drawn: list[Drawn]) -> None:
        for one in drawn:
            for score in one.scores:
                for failure in score.failures:
                    what = {"term": failure.term, "problem": failure.message, "text": score.answer.text}
                    row = {"step": step + 1, "example_id": one.example.id, **what}
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
