"""The reward under audit, called as it is: nothing is clipped, and what it raises is kept as a finding."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module

import numpy as np

from vrft.config.run_config import Reward
from vrft.errors import ConfigError, InputError
from vrft.rewards.reward_term import UnsafeTerm
from vrft.tasks.scorer import Scorer, load_function
from vrft.tasks.task import Task
from vrft.types import Answer, Form, Target

_LARGEST = 1e100
"""Larger values are brought here, so that means and squares stay finite; no range reaches so far."""


@dataclass(frozen=True)
class Rule:
    """One reward as a number of (answer, target)."""

    name: str
    pay: Callable[[Answer, Target], float]
    """May raise, and may return anything."""
    high: float
    """Its declared range is [0, high]."""


@dataclass(frozen=True)
class Payment:
    """What one answer earned."""

    value: float
    """0 where the rule failed."""
    problem: str = ""
    """Why it failed: what it raised, or the value that is no finite number."""


def setting_rule(task: Task, setting: str, form: Form) -> Rule:
    """A reward setting of a task: the weighted sum of its terms, before any clipping.

    Args:
        task: whose setting.
        setting: its name.
        form: how answers are asked for.

    Returns:
        A rule whose range ends at the sum of the terms' largest honest values, one each unless a released
        rule declares more.

    Raises:
        ConfigError: no such setting; names those that exist.

    Example:
        >>> from vrft.tasks.task import load_task
        >>> setting_rule(load_task("detection"), "paper", Form.THINK).high
        3.0
    """
    # Allowed here, because the audit is where unsafe settings are shown for what they are.
    scorer = Scorer(task, Reward(setting=setting, allow_unsafe_reward=True), form)
    highs = {name: term.high if isinstance(term, UnsafeTerm) else 1.0 for name, term in scorer.terms.items()}

    def pay(answer: Answer, target: Target) -> float:
        return sum(scorer.weights[name] * term(answer, target) for name, term in scorer.terms.items())

    high = sum(scorer.weights[name] * highs[name] for name in scorer.terms)
    return Rule(f"{task.name}, setting '{setting}'", pay, float(high))


def function_rule(name: str, high: float) -> Rule:
    """A reward function of the user's own.

    Args:
        name: ``package.module:function`` of (answer, target).
        high: the largest value it is meant to have.

    Raises:
        InputError: it cannot be imported, or ``high`` is not a positive number; where the module can be, its
            functions are named.

    Example:
        >>> function_rule("vrft.rewards.region_rewards:iou_first", 1.0).high
        1.0
    """
    if not (math.isfinite(high) and high > 0):
        raise InputError(f"The largest value of a reward must be a positive number, not {high}.")
    try:
        return Rule(name, load_function(name), high)
    except ConfigError as error:
        raise InputError(f"{error}{_functions_beside(name)}") from error
    except Exception as error:  # the user's module fails in its own way while it is imported
        raise InputError(f"'{name}' cannot be imported: {type(error).__name__}: {error}") from error


def collect(rule: Rule, answers: Iterable[tuple[Answer, Target]]) -> list[Payment]:
    """What each answer earns; never raises, whatever the rule does.

    Args:
        rule: the reward.
        answers: each with its target.

    Returns:
        One payment an answer.
    """
    return [_payment(rule, answer, target) for answer, target in answers]


def values(payments: Iterable[Payment]) -> np.ndarray:
    """(n,) finite values."""
    return np.array([payment.value for payment in payments], dtype=np.float64)


def _payment(rule: Rule, answer: Answer, target: Target) -> Payment:
    try:
        value = float(rule.pay(answer, target))
    except Exception as error:  # a finding, not a failure of the audit
        return Payment(0.0, f"raised {type(error).__name__}: {error}")
    if not math.isfinite(value):
        return Payment(0.0, f"returned {value}")
    return Payment(min(max(value, -_LARGEST), _LARGEST))


def _functions_beside(name: str) -> str:
    module_name, colon, _ = name.partition(":")
    try:
        module = import_module(module_name)
    except Exception:  # the message above says why
        return ""
    found = [n for n, _ in inspect.getmembers(module, inspect.isfunction) if not n.startswith("_")]
    return f" Functions there: {', '.join(found)}." if colon and found else ""
