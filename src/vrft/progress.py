"""How long work reports its progress: the library calls a reporter, and the caller decides what is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Update = Callable[[int, str], None]
"""Called with how many steps were done since the last call, and a short note."""


class ProgressReporter(Protocol):
    """Where progress goes."""

    def info(self, text: str) -> None:
        """One sentence."""
        ...

    def task(self, title: str, total: int) -> AbstractContextManager[Update]:
        """A stretch of work of so many steps."""
        ...


class NullReporter:
    """Shows nothing."""

    def info(self, text: str) -> None:
        """Drop a sentence."""

    @contextmanager
    def task(self, title: str, total: int) -> Iterator[Update]:
        """Work without showing it."""
        yield lambda count, note: None
