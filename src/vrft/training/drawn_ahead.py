"""The first draw of a step, and the one of the next step that is drawn in a thread meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from vrft.training.batch import Row
from vrft.types import RolloutGroup


@dataclass(frozen=True)
class FirstDraw:
    """What a step asks first, and what this process has drawn of it.

    Args:
        tried: what choosing the questions measured.
        encoded: prompts of this process, as the sampler encoded them.
        groups: of this process, not scored yet.
        version: of the weights that drew.
        seconds: that the drawing took.
        waited: of these, how long the training stood still.
    """

    tried: Row
    encoded: Any
    groups: list[RolloutGroup]
    version: int
    seconds: float
    waited: float


class DrawnAhead:
    """Draws for a later step in a thread, one at a time."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "vrft-ahead")
        self._step, self._future, self._waited = -1, Future[FirstDraw](), 0.0

    def begin(self, step: int, draw: Callable[[], FirstDraw]) -> None:
        """Begin to draw what a step will need."""
        self._step, self._future, self._waited = step, self._thread.submit(draw), 0.0

    def drawn(self, step: int) -> FirstDraw | None:
        """Wait for what a step needs; None where that was not begun. Raises what the drawing raised."""
        if step != self._step:
            return None
        began = time.perf_counter()
        found = self._future.result()
        self._waited += time.perf_counter() - began
        return replace(found, waited=self._waited)

    def close(self) -> None:
        """End the thread, once the sampler asks for nothing more."""
        self._thread.shutdown()
