"""The reward under audit, called as it is: nothing is clipped, and what it raises is kept as a finding."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from vrft.errors import ConfigError, InputError
from vrft.rewards.custom_reward import load_custom_reward
from vrft.rewards.outcomes import failure_of, number_of
from vrft.rewards.reward_term import (
    GIVEN,
    PROGRESS,
    AnswerReward,
    GroupReward,
    Outcome,
    RewardTerm,
    arguments_of,
)
from vrft.rewards.time_limit import LIMIT_S, outcome_of, outcomes_within
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.tasks.task import Task
from vrft.types import Clock, Rollout, RolloutGroup
from vrft.types.plugins import module_at

_LARGEST = 1e100
"""Larger values are brought here, so that means and squares stay finite; no range reaches so far."""
STEPS = 1000
"""Of the training that an audit imagines."""


@dataclass(frozen=True)
class Rule:
    """A reward: the weighted sum of its terms."""

    name: str
    terms: Mapping[str, RewardTerm]
    high: float
    """Its declared range is [0, high]."""
    weights: Mapping[str, float]


@dataclass(frozen=True)
class RuleValue:
    """The reward of one answer."""

    value: float
    """0 where the rule failed."""
    problem: str = ""
    """Why it failed: what it raised, or the value that is not a finite number."""
    where: str = ""
    """The file and line of the user's own where it was raised."""


def setting_rule(task: Task, setting: str) -> Rule:
    """A reward setting of a task; its range ends at the weighted sum of the terms' own."""
    # Allowed here, because the audit is where unsafe settings are shown for what they are.
    scorer = Scorer(task, RewardOptions(setting=setting, allow_unsafe_reward=True))
    high = sum(scorer.weights[name] * term.high for name, term in scorer.terms.items())
    return Rule(f"{task.name}, setting '{setting}'", scorer.terms, float(high), scorer.weights)


def function_rule(name: str, high: float) -> Rule:
    """A reward function of the user's own."""
    if not (math.isfinite(high) and high > 0):
        raise InputError(f"The largest value of a reward must be a positive number, not {high}.")
    try:
        return Rule(name, {name: load_custom_reward(name)}, high, {name: 1.0})
    except ConfigError as error:
        raise InputError(f"{error}{_functions_beside(name)}") from error
    except Exception as error:  # the user's module fails in its own way while it is imported
        raise InputError(f"'{name}' cannot be imported: {type(error).__name__}: {error}") from error


def changes_in_training(rule: Rule) -> bool:
    """Whether some term asks how much of the training is done."""
    return any(PROGRESS in arguments_of(term.reward) for term in rule.terms.values())


def collect(rule: Rule, rollouts: Sequence[Rollout], progress: float = 0.0) -> list[RuleValue]:
    """The reward of each answer; never raises, whatever the rule does.

    Args:
        rule: the reward.
        rollouts: the answers.
        progress: how much of the training is done, from 0 to 1.
    """
    now = Clock(round(STEPS * progress), STEPS)
    columns = {name: _outcomes(term, rollouts, now) for name, term in rule.terms.items()}
    return [_rule_value(rule, {name: c[i] for name, c in columns.items()}) for i in range(len(rollouts))]


def values(given: Iterable[RuleValue]) -> np.ndarray:
    """(n,) finite values."""
    return np.array([one.value for one in given], dtype=np.float64)


def _outcomes(term: RewardTerm, rollouts: Sequence[Rollout], now: Clock) -> Sequence[Outcome]:
    reward = term.reward
    if isinstance(reward, GroupReward):
        groups = [RolloutGroup(rollout.example, (rollout,)) for rollout in rollouts]
        (found,) = outcomes_within([lambda: reward.score_groups(groups, now)], LIMIT_S)
        try:
            return [one for _, (one,) in zip(rollouts, found, strict=True)]
        except Exception as error:  # a finding, not a failure of the audit
            return [found if isinstance(found, Exception | SystemExit) else error] * len(rollouts)
    named = arguments_of(reward)
    asked = {name: read for name, read in GIVEN.items() if name in named}
    calls = [
        partial(
            reward,
            one.answer,
            one.example.target,
            **{name: read(one, now) for name, read in asked.items()},
        )
        for one in rollouts
    ]
    # Rewards of this package end; an alarm for each call takes longer than most of them.
    return [*map(outcome_of, calls)] if _is_ours(reward) else outcomes_within(calls, LIMIT_S)


def _is_ours(reward: AnswerReward) -> bool:
    while isinstance(reward, partial):
        reward = reward.func
    return getattr(reward, "__module__", "").startswith(f"{__package__.partition('.')[0]}.")


def _rule_value(rule: Rule, outcomes: Mapping[str, Outcome]) -> RuleValue:
    total = 0.0
    for name, outcome in outcomes.items():
        if isinstance(outcome, BaseException):
            return _raised(rule, name, outcome)
        try:
            value = rule.terms[name].silent if outcome is None else number_of(outcome, math.inf)
        except (TypeError, ValueError) as error:
            return _raised(rule, name, error)
        total += rule.weights[name] * value
    if not math.isfinite(total):
        return RuleValue(0.0, f"returned {total}")
    return RuleValue(min(max(total, -_LARGEST), _LARGEST))


def _raised(rule: Rule, term: str, error: BaseException) -> RuleValue:
    failure = failure_of(term, error, rule.terms[term].reward)
    return RuleValue(0.0, f"raised {failure.message}", failure.where)


def _functions_beside(name: str) -> str:
    place, colon, _ = name.rpartition(":")
    try:
        module = module_at(place)
    except (Exception, SystemExit):  # the message above says why
        return ""
    found = [n for n, _ in inspect.getmembers(module, inspect.isfunction) if not n.startswith("_")]
    return f" Functions there: {', '.join(found)}." if colon and found else ""
