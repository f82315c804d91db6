"""How the story tells where it is. The library is silent; the command line brings a voice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int, str], None]
"""Called with the number of units done since the last call, and a note."""


class Narrator(Protocol):
    """Where sentences and progress go."""

    def say(self, text: str) -> None:
        """One line for the user."""
        ...

    def stage(self, title: str, total: int) -> AbstractContextManager[Advance]:
        """Show a progress bar for as long as the context lasts."""
        ...


class Silence:
    """A narrator that says nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Advance]:
        """No bar."""
        yield lambda count, note: None
