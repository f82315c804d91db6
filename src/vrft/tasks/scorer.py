"""From a model's text to its reward: parse once, score each term, weigh. Needs no torch.

Training, the probe, the audit and the adapters for other trainers all score through ``Scorer``.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from vrft.config.run_config import Reward
from vrft.errors import ConfigError
from vrft.geometry.frames import View
from vrft.rewards.reward_term import RewardTerm, UnsafeTerm
from vrft.tasks.task import Task
from vrft.types import Answer, Example, Form

PROGRESS = "progress"
"""The option through which a term is told how much of the training is done."""
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Failure:
    """A term that could not be computed for one answer; it counts 0."""

    term: str
    message: str


@dataclass(frozen=True)
class Score:
    """What one answer earned."""

    answer: Answer
    terms: dict[str, float]
    """Raw value of each term, finite."""
    reward: float
    """Their weighted sum."""
    failures: tuple[Failure, ...] = ()
    clipped: int = 0
    """Terms whose value had to be brought into their range."""


class Scorer:
    """The rewards of one task under one setting."""

    def __init__(self, task: Task, settings: Reward, form: Form) -> None:
        """Choose the terms.

        Args:
            task: whose rewards.
            settings: setting, weights, options, own functions.
            form: how answers are asked for.

        Raises:
            ConfigError: unknown setting, term or option, a function that cannot be found, or an unsafe
                setting that was not allowed.
        """
        if settings.setting not in task.rewards:
            known = ", ".join(task.rewards)
            raise ConfigError(f"reward.setting: {task.name} has no '{settings.setting}'. Known: {known}.")
        self.task, self.form = task, form
        chosen = {**task.rewards[settings.setting]}
        for name in settings.weights:
            if name not in chosen:
                chosen[name] = _library_term(task, name, tuple(chosen))
        for name in settings.custom:
            chosen[name] = load_function(name)
        unsafe = [name for name, term in chosen.items() if isinstance(term, UnsafeTerm)]
        if unsafe and not settings.allow_unsafe_reward:
            raise ConfigError(
                f"reward.setting: '{settings.setting}' pays for wrong answers ({', '.join(unsafe)}: see "
                f"'vrft audit {task.name} --settings {settings.setting}') and is refused in training. Use "
                "another setting, or set reward.allow_unsafe_reward: true."
            )
        weights = {**settings.weights, **settings.custom}
        self.weights = {name: weights.get(name, 1.0) for name in chosen}
        self.terms: Mapping[str, RewardTerm] = {
            name: _with_options(name, term, settings.options.get(name, {})) for name, term in chosen.items()
        }
        unused = sorted(settings.options.keys() - chosen.keys())
        if unused:
            raise ConfigError(f"reward.options: '{unused[0]}' is not among the terms: {', '.join(chosen)}.")
        self._staged = {name for name, term in self.terms.items() if PROGRESS in _parameters(term)}
        self._own = set(settings.custom)

    def score(
        self, text: str, example: Example, view: View, *, n_tokens: int | None = None, progress: float = 0.0
    ) -> Score:
        """Parse a text and score it; never raises, whatever the text and the terms do.

        Args:
            text: as the model wrote it.
            example: its question.
            view: how the picture's coordinates are written.
            n_tokens: length of the text in tokens, for terms that shape it.
            progress: how much of the training is done, from 0 to 1.

        Returns:
            Finite terms and their weighted sum; a term that failed counts 0 and is named.
        """
        answer = self.task.parse(text, view, self.form)
        if n_tokens is not None:
            answer = replace(answer, n_tokens=n_tokens)
        values: dict[str, float] = {}
        failures: list[Failure] = []
        clipped = 0
        for name, term in self.terms.items():
            try:
                options = {PROGRESS: progress} if name in self._staged else {}
                value = float(term(answer, example.target, **options))
            except Exception as error:
                value, problem = 0.0, f"{type(error).__name__}: {error}"
            else:
                problem = "" if math.isfinite(value) else f"returned {value}"
            if problem:
                failures.append(Failure(name, problem))
                value = 0.0
            bounded = value if name in self._own else min(max(value, 0.0), self._high(name))
            clipped += abs(bounded - value) > _TOLERANCE
            values[name] = bounded
        reward = sum(self.weights[name] * value for name, value in values.items())
        return Score(answer, values, reward, tuple(failures), clipped)

    def _high(self, name: str) -> float:
        term = self.terms[name]
        return term.high if isinstance(term, UnsafeTerm) else 1.0


def load_function(name: str) -> RewardTerm:
    """A reward function of the user's own.

    Args:
        name: ``package.module:function``, also of a module in the working directory; the function takes an
            answer and a target and returns a number.

    Returns:
        The function.

    Raises:
        ConfigError: the name has another form, or there is no such module or function.

    Example:
        >>> load_function("vrft.rewards.region_rewards:iou_first").__name__
        'iou_first'
    """
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ConfigError(f"'{name}' is no reward function. Write it as package.module:function.")
    # A script's own folder is searched for modules, the user's is not.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    try:
        function = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"The reward function '{name}' cannot be imported: {error}") from error
    if not callable(function):
        raise ConfigError(f"'{name}' is no function.")
    return function  # type: ignore[no-any-return]


def _library_term(task: Task, name: str, chosen: tuple[str, ...]) -> RewardTerm:
    if name not in task.terms:
        known = ", ".join(sorted({*chosen, *task.terms}))
        raise ConfigError(f"reward.weights: {task.name} has no term '{name}'. Known: {known}.")
    return task.terms[name]


def _with_options(name: str, term: RewardTerm, options: Mapping[str, Any]) -> RewardTerm:
    if not options:
        return term
    known = [p for p in _parameters(term) if p not in ("answer", "target", PROGRESS)]
    for option in options:
        if option not in known:
            raise ConfigError(
                f"reward.options.{name}: no option '{option}'. Known: {', '.join(known) or 'none'}."
            )
    return partial(term, **options)


def _parameters(term: RewardTerm) -> list[str]:
    return list(inspect.signature(term).parameters)
