"""What comes of a reward: a number of a sensible size, or a failure with its place."""

from __future__ import annotations

import inspect
import math
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vrft.rewards.reward_term import GroupReward
from vrft.types import Failure

LARGEST = 1e6
"""No reward is larger: sums of some of them must stay numbers."""
TOTALS = ("overall", "score", "reward")
"""Keys under which EasyR1, verl and reward servers give the one number that counts."""
_PACKAGE = Path(__file__).parents[1]


def number_of(outcome: Any, largest: float = LARGEST) -> float:
    """What a reward returned as a finite number; TypeError or ValueError where it is none.

    Example:
        >>> number_of(True), number_of({"overall": 0.5, "format": 1.0})
        (1.0, 0.5)
    """
    if isinstance(outcome, Mapping):
        if outcome.get("error"):
            raise ValueError(str(outcome["error"]))
        outcome = next((outcome[key] for key in TOTALS if key in outcome), outcome)
    if isinstance(outcome, str | bytes):
        raise ValueError(f"returned the text {outcome!r}; return a number")
    try:
        value = float(outcome)
    except Exception as error:
        raise TypeError(f"returned a {type(outcome).__name__}, which is not one number") from error
    if not math.isfinite(value):
        raise ValueError(f"returned {value}")
    if abs(value) > largest:
        raise ValueError(f"returned {value:g}; a reward lies between {-largest:g} and {largest:g}")
    return value


def failure_of(term: str, error: BaseException, reward: Callable[..., Any] | GroupReward) -> Failure:
    """What is kept of an error: in which file and line of the user's own it was raised, else where the reward
    is defined."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not Path(frame.filename).is_relative_to(_PACKAGE)
    ]
    # What it calls in turn, such as numpy, is not where it has to be fixed.
    own = [frame for frame in frames if frame.filename == frames[0].filename]
    where = f"{own[-1].filename}, line {own[-1].lineno}" if own else _defined(reward)
    whole = "".join(traceback.format_exception(error)) if error.__traceback__ is not None else ""
    return Failure(term, described(error), where, whole)


def described(error: BaseException) -> str:
    """An error's name and what it says, where it says anything."""
    said = f"it called sys.exit({error.code})" if isinstance(error, SystemExit) else str(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _defined(reward: Any) -> str:
    while (inner := getattr(reward, "func", None) or getattr(reward, "function", None)) is not None:
        reward = inner  # of a partial, or of a form of vrft's own
    code = getattr(inspect.unwrap(reward) if callable(reward) else None, "__code__", None)
    return f"{code.co_filename}, line {code.co_firstlineno}" if code is not None else ""
