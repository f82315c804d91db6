"""Several processes share the questions of one evaluation; accelerate starts them and knows who is who."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """This process among those that work on the same list."""

    index: int = 0
    count: int = 1
    wait: Callable[[], None] = lambda: None
    """Returns when all processes have come here."""
    device: str = "auto"
    """Where this process puts its model."""

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes the result and speaks."""
        return self.index == 0


ALONE = Share()


def launched() -> Share:
    """This process's share, as ``accelerate launch`` set it up; alone without it.

    Example:
        >>> launched().count
        1
    """
    from accelerate import PartialState

    state = PartialState()
    if state.num_processes == 1:
        return ALONE
    device = str(state.device)
    return Share(state.process_index, state.num_processes, state.wait_for_everyone, device)
