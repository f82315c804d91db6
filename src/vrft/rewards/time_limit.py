"""Calls of what others wrote: within a time limit, and whatever comes of one is an outcome."""

from __future__ import annotations

import asyncio
import inspect
import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import FrameType
from typing import Any

LIMIT_S = 60.0
"""Seconds that one call may take where nobody says otherwise."""
MOST_SLOW = 3
"""Calls in a row that may exceed the limit; those after them are not made."""


class _OverdueSignal(BaseException):
    """Ends a call that takes too long; no 'except Exception' in it catches this."""


def outcomes_within(calls: Sequence[Callable[[], Any]], limit_s: float) -> list[Any]:
    """What each call returns, or the exception that it raised; what is to be awaited runs side by side.

    Args:
        calls: one after the other; a call may also return an awaitable.
        limit_s: seconds for each call, and for each awaitable.

    Example:
        >>> outcomes_within([lambda: 1, lambda: 1 / 0], 60.0)
        [1, ZeroDivisionError('division by zero')]
    """
    found: list[Any] = []
    slow = 0
    for call in calls:
        found.append(_outcome_within(call, limit_s) if slow < MOST_SLOW else _overdue(limit_s, slow))
        slow = slow + 1 if isinstance(found[-1], TimeoutError) else 0
    pending = [place for place, one in enumerate(found) if inspect.isawaitable(one)]
    if pending:
        done = _awaited([found[place] for place in pending], limit_s)
        for place, one in zip(pending, done, strict=True):
            found[place] = one
    return found


def outcome_of(call: Callable[[], Any]) -> Any:
    """What a call returns, or the exception that it raised."""
    try:
        return call()
    except (Exception, SystemExit) as error:
        return error


def _outcome_within(call: Callable[[], Any], limit_s: float) -> Any:
    """In the main thread an alarm ends a call, in others (and on Windows) it is left behind."""
    in_main = threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGALRM")
    try:
        return outcome_of(partial(_with_alarm if in_main else _in_a_thread, call, limit_s))
    except _OverdueSignal:
        return _overdue(limit_s)


def _with_alarm(call: Callable[[], Any], limit_s: float) -> Any:
    def ring(number: int, frame: FrameType | None) -> None:
        raise _OverdueSignal

    before = signal.signal(signal.SIGALRM, ring)
    try:
        try:
            # It rings again where the call swallows everything.
            signal.setitimer(signal.ITIMER_REAL, limit_s, 1.0)
            return call()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:  # also where it rang in the lines above
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _in_a_thread(call: Callable[[], Any], limit_s: float) -> Any:
    found: list[Any] = []

    thread = threading.Thread(target=lambda: found.append(outcome_of(call)), daemon=True)
    thread.start()
    thread.join(limit_s)
    return found[0] if found else _overdue(limit_s)


def _awaited(pending: Sequence[Awaitable[Any]], limit_s: float) -> list[Any]:
    async def one(awaitable: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(limit_s) as limit:
                return await awaitable
        except (Exception, SystemExit) as error:
            return _overdue(limit_s) if limit.expired() else error

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*map(one, pending))

    # In a thread of its own: the caller may be in an event loop already, as in a notebook.
    found: Any = _in_a_thread(lambda: asyncio.run(all_of_them()), 2 * limit_s)
    return found if isinstance(found, list) else [found] * len(pending)


def _overdue(limit_s: float, slow: int = 0) -> TimeoutError:
    repeated = f", {slow} times in a row, and was not called again" if slow else ""
    return TimeoutError(f"it took too long{repeated} (reward.time_limit_s: {limit_s:g})")
