"""What a task's own ways to cheat are made of (``Task.attacks``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from vrft.types import BoxXYXY, CoordinateFrame, Example


class AuditCase(Protocol):
    """A question of an audit, as attacks see it (``vrft.diagnostics.audit``)."""

    @property
    def example(self) -> Example:
        """The question."""
        ...

    @property
    def frames(self) -> Sequence[CoordinateFrame]:
        """How places are written."""
        ...

    @property
    def target(self) -> Any:
        """What is right, of the task's kind of value."""
        ...

    @property
    def belief(self) -> Any:
        """What the honest policy takes for right."""
        ...

    @property
    def other(self) -> Any:
        """Another question's target, which is wrong here."""
        ...

    @property
    def targets(self) -> tuple[Any, ...]:
        """What is right in all questions."""
        ...

    @property
    def boxes(self) -> tuple[BoxXYXY, ...]:
        """The labelled boxes; none where none are asked for."""
        ...

    def write(self, value: Any) -> str:
        """A value as an answer, tags included."""
        ...

    def content(self, value: Any) -> str:
        """The same without tags."""
        ...

    def answer(self, content: str, thought: str = ...) -> str:
        """Any content in the demanded tags."""
        ...

    def honest(self) -> str:
        """The honest policy's answer."""
        ...


Attack = Callable[[AuditCase, np.random.Generator], str]
"""From a case and a source of chance to an answer's text; its docstring says what it does."""


def by_name(*attacks: Attack) -> Mapping[str, Attack]:
    """Attacks under the names of their functions."""
    return {attack.__name__: attack for attack in attacks}


def words_turned_round(text: str) -> str:
    """Its words from the last to the first.

    Example:
        >>> words_turned_round("Blue Lantern Hotel")
        'Hotel Lantern Blue'
    """
    return " ".join(reversed(text.split()))


def letters_turned_round(text: str) -> str:
    """The letters of each of its words from the last to the first.

    Example:
        >>> letters_turned_round("Blue Hotel")
        'eulB letoH'
    """
    return " ".join(word[::-1] for word in text.split())
