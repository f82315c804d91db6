"""What a model meets: one question, or several turns. Two pure functions of what has been said."""

from __future__ import annotations

from collections.abc import Sequence

from vrft.types import Example, Message, Turn


class Environment:
    """Asks once. A subclass overrides ``reply`` for further turns: a zoom tool, a second look, a chain.

    Both functions depend on their arguments alone, so that a resumed run is the uninterrupted one to the bit.
    """

    def start(self, example: Example, question: str) -> Sequence[Message]:
        """The conversation that the first turn answers."""
        return (Message("user", (*example.media, question)),)

    def reply(self, example: Example, turns: Sequence[Turn]) -> Sequence[Message] | None:
        """What follows the last turn; None where the trajectory is over."""
        return None
