"""A reward of the user's own: every form that it may have, and how each is recognised.

- an address, ``http://...``: a reward server (``served_reward``);
- an object with ``score_groups``, or a ``RewardTerm``: as it is; of a class an instance is made;
- a function with an argument ``answers``: all answers of a step at once;
- a function with an argument ``reward_inputs``: the batch function of EasyR1;
- a function with an argument ``solution_str``: the reward function of verl;
- any other function: of one answer, ``(answer, target)``.

Each function may be asynchronous, and may ask for more by the names of its arguments (``GIVEN``; in the
plural where it sees all answers).
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from vrft.errors import ConfigError
from vrft.rewards.reward_term import (
    GIVEN,
    PROGRESS,
    AnswerReward,
    GroupReward,
    Outcome,
    RewardTerm,
    arguments_of,
    by_group,
)
from vrft.rewards.served_reward import is_address, served_reward
from vrft.rewards.trainer_rows import VERL_ARGUMENTS, easyr1_row, verl_row
from vrft.types import Answer, Clock, Example, Rollout, RolloutGroup, Value
from vrft.types.plugins import load_object

ALL, EASYR1, VERL = "answers", "reward_inputs", "solution_str"
"""Arguments by which forms are recognised."""
Reading = Callable[[Rollout, Clock], Any]
OF_ALL: Mapping[str, Reading] = {
    ALL: lambda rollout, now: rollout.answer,
    "targets": lambda rollout, now: rollout.example.target,
    EASYR1: lambda rollout, now: easyr1_row(rollout.answer, rollout.example),
    **{f"{name}s": reading for name, reading in GIVEN.items() if name != PROGRESS},
}
"""Lists that a function of all answers may ask for, one entry for each answer."""


def load_custom_reward(name: str, options: Mapping[str, Any] | None = None) -> RewardTerm:
    """A reward of the user's own as a term.

    Args:
        name: ``package.module:NAME``, also of a module in the working directory, ``file.py:NAME``, or the
            address of a reward server.
        options: further arguments of a function, or how a server is asked.

    Raises:
        ConfigError: there is no such module or function, or it cannot be called as its form is.

    Example:
        >>> load_custom_reward("vrft.rewards.region_rewards:iou_first").high
        inf
    """
    options = options or {}
    found = served_reward(name, options) if is_address(name) else _loaded(name)
    term = found if isinstance(found, RewardTerm) else RewardTerm(found, -math.inf, math.inf)
    if not isinstance(term.reward, GroupReward):
        return replace(term, reward=_in_its_form(name, term.reward, options))
    if options and not is_address(name):
        raise ConfigError(f"reward.options: {name} sees groups and takes no options. Leave them out.")
    return term


def is_function(term: RewardTerm) -> bool:
    """Whether it is a function that declares no range; what declares one, or sees groups, may abstain."""
    plain = isinstance(term.reward, BatchedReward) or not isinstance(term.reward, GroupReward)
    return plain and term.high == math.inf


def _loaded(name: str) -> Any:
    place, colon, attribute = name.rpartition(":")
    if not (place and colon and attribute):
        raise ConfigError(
            f"'{name}' is not a reward function. Write it as package.module:function or file.py:function, or "
            "give the address of a reward server."
        )
    try:
        found = load_object(name)
    except ValueError as error:
        raise ConfigError(f"The reward function {error}. Check the file or module and the name.") from error
    if isinstance(found, type):
        try:
            found = found()
        except Exception as error:  # a user's class may fail in any way
            raise ConfigError(
                f"reward.custom: {name} is a class and cannot be made without arguments ({error}). Name an "
                "instance of it."
            ) from error
    if not (callable(found) or isinstance(found, GroupReward)):
        raise ConfigError(f"'{name}' is not a function. Name a function of an answer and a target.")
    return found


def _in_its_form(
    name: str, function: Callable[..., Any], options: Mapping[str, Any]
) -> AnswerReward | GroupReward:
    names = arguments_of(function)
    if ALL in names or EASYR1 in names:
        given = [one for one in (*OF_ALL, PROGRESS) if one in names]
        _check_call(name, function, **dict.fromkeys(given), **options)
        return BatchedReward(partial(function, **options), tuple(given))
    if VERL in names:
        _check_call(name, function, **dict.fromkeys(VERL_ARGUMENTS), **options)
        return VerlReward(partial(function, **options))
    _check_call(name, function, None, None, **{one: None for one in GIVEN if one in names}, **options)
    return partial(function, **options) if options else function


def _check_call(name: str, function: Callable[..., Any], *values: Any, **named: Any) -> None:
    try:
        signature = inspect.signature(function)
    except ValueError:  # of some built-in functions nothing is known
        return
    try:
        signature.bind(*values, **named)
    except TypeError as error:
        given = ", ".join((*("answer", "target")[: len(values)], *named))
        raise ConfigError(
            f"reward.custom: {name} takes {signature}, and is called with ({given}): {error}. Change its "
            f"arguments; it may also ask for {', '.join(GIVEN)}, or for '{ALL}' of a whole step."
        ) from error


@dataclass(frozen=True)
class BatchedReward:
    """A function that is called once for all answers of a step, and gives a number for each."""

    function: Callable[..., Any]
    given: tuple[str, ...]

    def score_groups(self, groups: Sequence[RolloutGroup], now: Clock) -> Any:
        """As ``GroupReward``; of an asynchronous function it is still to be awaited."""
        rollouts = [rollout for group in groups for rollout in group.rollouts]
        lists = {
            name: [OF_ALL[name](one, now) for one in rollouts] for name in self.given if name != PROGRESS
        }
        found = self.function(**lists, **({PROGRESS: now.progress} if PROGRESS in self.given else {}))
        return _later(found, groups) if inspect.isawaitable(found) else by_group(found, groups)


async def _later(found: Awaitable[Any], groups: Sequence[RolloutGroup]) -> list[list[Outcome]]:
    return by_group(await found, groups)


@dataclass(frozen=True)
class VerlReward:
    """A reward function of verl; it compares with the label as text."""

    function: Callable[..., Any]

    def __call__(self, answer: Answer, target: Value | None, example: Example) -> Any:
        """As ``AnswerReward``."""
        return self.function(**verl_row(answer, example))
