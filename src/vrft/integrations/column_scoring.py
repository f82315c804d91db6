"""What every adapter shares: settings from a trainer's arguments, one row's score, and its flat figures."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from pydantic import ValidationError

from vrft.config.run_config import Reward
from vrft.errors import ConfigError, InputError
from vrft.integrations.packing import unpack
from vrft.tasks.scorer import Score, Scorer
from vrft.tasks.task import load_task, task_names
from vrft.types import Form

ARGUMENTS = ("setting", "weights", "options", "custom", "allow_unsafe_reward")
"""What an adapter takes of the configuration's reward section."""

_LOGGER = logging.getLogger("vrft.integrations")
_SHOWN = 300


def settings(given: Mapping[str, Any]) -> Reward:
    """The reward section of a configuration, from the arguments of an adapter.

    Args:
        given: ``setting`` ('recommended' where not given), ``weights`` of terms, ``options`` of terms,
            ``custom`` functions ``package.module:function`` with their weights, ``allow_unsafe_reward``;
            None counts as not given.

    Raises:
        ConfigError: an unknown argument, or a value of the wrong kind; names it.

    Example:
        >>> settings({"setting": "paper", "weights": {"format": 0.5}}).weights
        {'format': 0.5}
    """
    unknown = sorted(given.keys() - set(ARGUMENTS))
    if unknown:
        raise ConfigError(f"The reward takes no '{unknown[0]}'. Known: {', '.join(ARGUMENTS)}.")
    tree = {"setting": "recommended", **{name: value for name, value in given.items() if value is not None}}
    try:
        return Reward.model_validate(tree)
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(str(key) for key in e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"Arguments of the reward: {told}") from error


def settings_among(given: Mapping[str, Any]) -> Reward:
    """The same from arguments that a trainer mixes with its own, which are left alone.

    Example:
        >>> settings_among({"setting": "paper", "reward_router_address": "10.0.0.1:80"}).setting
        'paper'
    """
    return settings({name: given[name] for name in ARGUMENTS if name in given})


def scored(
    text: str,
    packed: object,
    rewards: Reward,
    where: str,
    *,
    n_tokens: int | None = None,
    progress: float = 0.0,
) -> Score:
    """Score one answer against one packed target.

    Safe to call from several threads. A term that fails counts 0 and is logged with the answer that caused
    it (logger ``vrft.integrations``).

    Args:
        text: as the model wrote it.
        packed: the row's value of the packed column.
        rewards: setting and weights.
        where: the row, for messages.
        n_tokens: length of the text in tokens, where the trainer tells.
        progress: how much of the training is done, from 0 to 1, where the trainer tells.

    Returns:
        The score; its terms are finite.

    Raises:
        InputError: the column is broken; names the row.
        ConfigError: the task has no such setting or term.
    """
    try:
        example, view, form = unpack(packed)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    scorer = _scorer(example.task, form, rewards.model_dump_json())
    score = scorer.score(text, example, view, n_tokens=n_tokens, progress=progress)
    for failure in score.failures:
        _LOGGER.warning(
            "%s: %s counts 0: %s; answer: %r", where, failure.term, failure.message, text[:_SHOWN]
        )
    return score


def scored_rows(
    texts: Sequence[str],
    columns: Mapping[str, Any],
    column: str,
    rewards: Reward,
    lengths: Sequence[int] | None = None,
) -> list[Score]:
    """Score a batch as TRL and ms-swift hand it over.

    Args:
        texts: n answers.
        columns: the data set's columns, n values each, and the trainer's own arguments; progress is read
            from ``trainer_state``.
        column: the packed one.
        rewards: setting and weights.
        lengths: n lengths in tokens.

    Raises:
        InputError: no such column, too few values, or a broken one; names the row.
        ConfigError: as ``scored``.
    """
    values = columns.get(column)
    if values is None:
        have = ", ".join(sorted(columns)) or "none"
        raise InputError(
            f"The data set has no column '{column}'. Columns: {have}. Fill it with vrft's pack()."
        )
    if len(values) != len(texts):
        raise InputError(f"Column '{column}' has {len(values)} values for {len(texts)} answers.")
    progress = _progress(columns.get("trainer_state"))
    counts = lengths if lengths is not None else [None] * len(texts)
    return [
        scored(
            text, value, rewards, f"Column '{column}', row {row} of the batch", n_tokens=n, progress=progress
        )
        for row, (text, value, n) in enumerate(zip(texts, values, counts, strict=True))
    ]


def total(score: Score) -> float:
    """The weighted sum; 0 where own functions are so large that it overflows.

    Example:
        >>> from vrft.types import Answer
        >>> total(Score(Answer(False, False), {}, float("nan")))
        0.0
    """
    return score.reward if math.isfinite(score.reward) else 0.0


def figures(score: Score, rewards: Reward) -> dict[str, float]:
    """Terms of one score by name, with the same keys in the same order for every row of every task.

    Trainers take the keys of a batch from its first row. A term that the row's task does not have is 0.

    Args:
        score: one row's.
        rewards: the setting it was scored by.

    Returns:
        The terms; ``readable``, 1 where the answer could be read; ``failed_terms``, how many failed.
    """
    names = _term_names(rewards.model_dump_json())
    return {
        **{name: score.terms.get(name, 0.0) for name in names},
        "readable": float(score.answer.parsed),
        "failed_terms": float(len(score.failures)),
    }


@lru_cache(maxsize=256)
def _scorer(task: str, form: Form, rewards: str) -> Scorer:
    return Scorer(load_task(task), Reward.model_validate_json(rewards), form)


@lru_cache(maxsize=256)
def _term_names(rewards: str) -> tuple[str, ...]:
    given = Reward.model_validate_json(rewards)
    of_tasks = (load_task(name).rewards.get(given.setting, {}) for name in task_names())
    return tuple(dict.fromkeys(chain(*of_tasks, given.weights, given.custom)))


def _progress(state: Any) -> float:
    """From transformers' trainer state; 0 where a trainer has none."""
    done, steps = getattr(state, "global_step", 0), getattr(state, "max_steps", 0)
    return min(max(done / steps, 0.0), 1.0) if steps else 0.0
