"""Groups of answers of the base policy, scored as training would score them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from vrft.config.run_config import Reward, Rollout
from vrft.diagnostics.probe.probe_summary import Draw
from vrft.diagnostics.probe.success import hit_of
from vrft.models.policy import Policy
from vrft.rollout.prompting import prompts_for
from vrft.rollout.shared_prompt.sampling import Sampling, sample
from vrft.tasks.scorer import Scorer
from vrft.tasks.task import Task
from vrft.types import Example, Form

T = TypeVar("T")


@dataclass(frozen=True)
class Draws:
    """Who is asked, and how."""

    policy: Policy
    task: Task
    form: Form
    reward: Reward
    rollout: Rollout
    """Its group size plays no part: the number of answers is said apart."""
    seed: int
    questions_at_once: int = 12
    """Prompts that are decoded together: what fits into memory."""

    def groups(
        self,
        examples: Sequence[Example],
        samples: int,
        progress: Callable[[int], None] = lambda count: None,
    ) -> list[list[Draw]]:
        """Draw and score answers.

        Args:
            examples: Q questions.
            samples: N answers to each.
            progress: called with the number of questions done since its last call.

        Returns:
            Q groups of N.
        """
        scorer, hit = Scorer(self.task, self.reward, self.form), hit_of(self.task.name)
        r = self.rollout
        sampling = Sampling(r.temperature, r.top_p, r.top_k, r.max_new_tokens, r.min_new_tokens)
        groups: list[list[Draw]] = []
        for start in range(0, len(examples), self.questions_at_once):
            asked = examples[start : start + self.questions_at_once]
            prompts = prompts_for(self.policy, self.task, asked, self.form)
            drawn = sample(self.policy, prompts, samples, sampling, self.seed + start)
            for example, prompt, group in zip(asked, prompts, drawn, strict=True):
                texts = [self.policy.decode(one.token_ids) for one in group]
                scores = [
                    scorer.score(text, example, prompt.picture.view, n_tokens=len(one.token_ids))
                    for text, one in zip(texts, group, strict=True)
                ]
                groups.append(
                    [
                        Draw(score, len(one.token_ids), one.finished, hit.holds(score.answer, example.target))
                        for score, one in zip(scores, group, strict=True)
                    ]
                )
            progress(len(asked))
        return groups


def evenly_spaced(items: Sequence[T], count: int) -> list[T]:
    """At most ``count`` of some items, evenly spaced, first and last included.

    Example:
        >>> evenly_spaced("abcdefg", 3)
        ['a', 'd', 'g']
    """
    places = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[i] for i in places]
