"""From sampled text to rewards: parse once, score each term, weigh. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from vrft.config import Reward
from vrft.errors import ConfigError, InputError
from vrft.geometry.frames import View
from vrft.tasks.base import RewardTerm, Task
from vrft.types import Example, Form


class Scorer:
    """The rewards of one task under one setting."""

    def __init__(self, task: Task, settings: Reward, form: Form) -> None:
        """Choose the terms.

        Args:
            task: whose rewards.
            settings: setting and weights.
            form: how answers are asked for.

        Raises:
            ConfigError: unknown setting or term.
        """
        if settings.setting not in task.rewards:
            known = ", ".join(task.rewards)
            raise ConfigError(f"reward.setting: {task.name} has no '{settings.setting}'. Known: {known}.")
        self.task, self.form = task, form
        self.terms: Mapping[str, RewardTerm] = task.rewards[settings.setting]
        unknown = sorted(settings.weights.keys() - self.terms.keys())
        if unknown:
            raise ConfigError(
                f"reward.weights: no term {', '.join(unknown)}. Known: {', '.join(self.terms)}."
            )
        self.weights = {name: settings.weights.get(name, 1.0) for name in self.terms}

    def score(self, text: str, example: Example, view: View) -> tuple[dict[str, float], float]:
        """Raw terms, each in [0, 1], and their weighted sum.

        Raises:
            InputError: a term is not finite or outside [0, 1]: a broken reward must not reach the weights.
        """
        answer = self.task.parse(text, view, self.form)
        terms = {name: float(term(answer, example.target)) for name, term in self.terms.items()}
        for name, value in terms.items():
            if not (math.isfinite(value) and -1e-9 <= value <= 1 + 1e-9):
                raise InputError(
                    f"Reward term '{name}' gave {value} for {example.id}; it must lie in [0, 1]."
                )
        return terms, sum(self.weights[name] * value for name, value in terms.items())


def permuted(rewards: Sequence[Sequence[float]], seed: int) -> list[list[float]]:
    """Shuffle rewards inside each group: a control in which nothing can be learnt from them.

    Example:
        >>> sorted(permuted([[1.0, 2.0, 3.0]], 0)[0])
        [1.0, 2.0, 3.0]
    """
    rng = np.random.default_rng(seed)
    return [[float(r) for r in rng.permutation(list(group))] for group in rewards]
