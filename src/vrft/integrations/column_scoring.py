"""What every adapter shares: options from a trainer's arguments, one row's score, and its flat figures."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from pydantic import ValidationError

from vrft.errors import ConfigError, InputError
from vrft.integrations.packing import unpack
from vrft.tasks.registry import load_task, task_names, task_of
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Clock, Rollout

ARGUMENTS = tuple(RewardOptions.model_fields)
"""What an adapter takes, as the configuration's reward section does."""
NO_CLOCK = Clock()

_LOGGER = logging.getLogger("vrft.integrations")
_SHOWN = 300


def reward_options(given: Mapping[str, Any]) -> RewardOptions:
    """The reward options of an adapter's arguments, where None counts as not given."""
    unknown = sorted(given.keys() - set(ARGUMENTS))
    if unknown:
        raise ConfigError(f"The reward takes no '{unknown[0]}'. Known: {', '.join(ARGUMENTS)}.")
    tree = {"setting": "recommended", **{name: value for name, value in given.items() if value is not None}}
    try:
        return RewardOptions.model_validate(tree)
    except ValidationError as error:
        listed = "; ".join(f"{'.'.join(str(key) for key in e['loc'])}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"Arguments of the reward: {listed}. Known: {', '.join(ARGUMENTS)}.") from error


def options_among(given: Mapping[str, Any]) -> RewardOptions:
    """The same from arguments that a trainer mixes with its own, which are left alone."""
    return reward_options({name: given[name] for name in ARGUMENTS if name in given})


def scored(
    text: str,
    packed: object,
    options: RewardOptions,
    where: str,
    *,
    n_tokens: int | None = None,
    now: Clock = NO_CLOCK,
) -> Rollout:
    """Score one answer against one packed target; safe to call from several threads.

    A term that fails counts 0 and is logged with the answer that caused it (logger ``vrft.integrations``).
    Messages name the row by ``where``.
    """
    try:
        example, frames = unpack(packed)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    scorer = _scorer(task_of(example).name, options.model_dump_json())
    rollout = scorer.score_text(text, example, frames, n_tokens=n_tokens, now=now)
    for failure in rollout.failures:
        _LOGGER.warning(
            "%s: %s counts 0: %s; answer: %r", where, failure.term, failure.message, text[:_SHOWN]
        )
    return rollout


def scored_rows(
    texts: Sequence[str],
    columns: Mapping[str, Any],
    column: str,
    options: RewardOptions,
    lengths: Sequence[int] | None = None,
) -> list[Rollout]:
    """Score a batch as TRL and ms-swift hand it over: n answers, n values of each column, n lengths.

    Progress is read from the trainer's own column ``trainer_state``.
    """
    values = columns.get(column)
    if values is None:
        have = ", ".join(sorted(columns)) or "none"
        raise InputError(
            f"The dataset has no column '{column}'. Columns: {have}. Fill it with vrft's pack()."
        )
    if len(values) != len(texts):
        raise InputError(
            f"Column '{column}' has {len(values)} values for {len(texts)} answers. Give one for each answer."
        )
    now = _clock(columns.get("trainer_state"))
    counts = lengths if lengths is not None else [None] * len(texts)
    return [
        scored(text, value, options, f"Column '{column}', row {row} of the batch", n_tokens=n, now=now)
        for row, (text, value, n) in enumerate(zip(texts, values, counts, strict=True))
    ]


def total(rollout: Rollout) -> float:
    """The weighted sum; 0 where own functions are so large that it overflows."""
    return rollout.reward if math.isfinite(rollout.reward) else 0.0


def figures(rollout: Rollout, options: RewardOptions) -> dict[str, float]:
    """Terms of one answer by name, ``readable`` and ``failed_terms``: the same keys for rows of all tasks.

    Trainers take the keys of a batch from its first row. A term that the row's task does not have, or that
    abstained, is 0.
    """
    names = _term_names(options.model_dump_json())
    return {
        **{name: rollout.terms.get(name) or 0.0 for name in names},
        "readable": float(rollout.answer.parsed),
        "failed_terms": float(len(rollout.failures)),
    }


@lru_cache(maxsize=256)
def _scorer(task: str, options: str) -> Scorer:
    return Scorer(load_task(task), RewardOptions.model_validate_json(options))


@lru_cache(maxsize=256)
def _term_names(options: str) -> tuple[str, ...]:
    given = RewardOptions.model_validate_json(options)
    of_tasks = (load_task(name).settings.get(given.setting or "", {}) for name in task_names())
    return tuple(dict.fromkeys(chain(*of_tasks, given.weights, given.custom)))


def _clock(state: Any) -> Clock:
    """From transformers' trainer state; the start where a trainer has none."""
    done, steps = getattr(state, "global_step", 0), getattr(state, "max_steps", 0)
    return Clock(min(max(done, 0), steps), steps) if steps > 0 else NO_CLOCK
