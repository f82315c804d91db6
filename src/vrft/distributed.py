"""Several processes share one job, one GPU each: a thin layer over accelerate, which knows who is who.

Each holds a whole policy. What they make together is put together in order, so that a job gives the same
with any number of them, to float rounding.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch
    from torch.distributed import Store  # type: ignore[attr-defined]

T = TypeVar("T")
TIMEOUT = timedelta(hours=4)
"""How long processes wait for each other: the first alone reads, examines and probes."""
SLOW_S = 60.0
"""Seconds of waiting after which is said for whom; then after twice as many, and so on."""
_LOGGER = logging.getLogger("vrft.distributed")


class MeetingWatch:
    """Says for which process the others wait.

    Each process writes into a common store how many meetings it has come to. A thread of one that waits
    long reads who has come to fewer. Of those that wait, the first says it.
    """

    def __init__(self, store: Store, index: int, count: int, slow_s: float = SLOW_S) -> None:
        self._store, self._index, self._count, self._slow_s = store, index, count, slow_s
        self._number, self._since = 0, 0.0
        self._waits = threading.Event()
        store.set(f"who/{index}", f"pid {os.getpid()} on {socket.gethostname()}")
        threading.Thread(target=self._watch, name="vrft-waiting", daemon=True).start()

    @contextmanager
    def meeting(self) -> Iterator[None]:
        """Around what returns when all processes have come."""
        self._number, self._since = self._number + 1, time.monotonic()
        with suppress(RuntimeError):  # a store that is gone says nothing; the meeting itself will fail
            self._store.set(f"at/{self._index}", str(self._number))
        self._waits.set()
        try:
            yield
        finally:
            self._waits.clear()

    def _watch(self) -> None:
        with suppress(RuntimeError):
            while True:
                self._waits.wait()
                number, least = self._number, self._slow_s
                while self._waits.is_set() and self._number == number:
                    waited = time.monotonic() - self._since
                    if waited >= least:
                        self._say(number, waited)
                        least = 2 * waited
                    time.sleep(self._slow_s / 20)

    def _say(self, number: int, waited: float) -> None:
        behind = [index for index in range(self._count) if self._read(f"at/{index}", "0") < number]
        waiting = [index for index in range(self._count) if index not in behind]
        if behind and waiting[0] == self._index:
            named = ", ".join(f"process {i} ({self._who(i)})" for i in behind)
            _LOGGER.warning(
                "Process %d has waited %.0f seconds for %s. It is at work, has stopped or has died: its own "
                "output says which.",
                self._index,
                waited,
                named,
            )

    def _read(self, key: str, default: str) -> int:
        return int(self._store.get(key) if self._store.check([key]) else default)

    def _who(self, index: int) -> str:
        key = f"who/{index}"
        return self._store.get(key).decode() if self._store.check([key]) else "which has not begun"


@dataclass(frozen=True)
class DistributedContext:
    """This process among those of the same job. Every method but ``shard_slice`` is a meeting of all."""

    index: int = 0
    count: int = 1
    device: str = "auto"
    """Where this process puts its model."""
    watch: MeetingWatch | None = field(default=None, compare=False, repr=False)

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes the result and reports progress."""
        return self.index == 0

    def shard_slice(self, size: int) -> slice:
        """Which of ``size`` items this process takes: neighbors, in the order of processes.

        Example:
            >>> DistributedContext(1, 2).shard_slice(5)
            slice(2, 5, None)
        """
        return slice(size * self.index // self.count, size * (self.index + 1) // self.count)

    def wait_for_everyone(self) -> None:
        """Return when all processes have come here."""
        if self.count > 1:
            from accelerate import PartialState

            with self._meeting():
                PartialState().wait_for_everyone()

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """The first process alone, then all others: they find what it left on disk."""
        if not self.is_first:
            self.wait_for_everyone()
        yield
        if self.is_first:
            self.wait_for_everyone()

    def all_gather_object(self, own: Sequence[T]) -> list[T]:
        """The items of all processes in their order; plain values that can be pickled."""
        if self.count == 1:
            return list(own)
        from accelerate.utils import gather_object

        with self._meeting():
            every: list[T] = gather_object(list(own))
        return every

    def broadcast_object(self, own: T) -> T:
        """What the first process has."""
        return self.all_gather_object([own])[0]

    def all_reduce(self, tensors: Sequence[torch.Tensor]) -> None:
        """Put the sum over processes into each tensor; the same to the bit in all of them afterwards."""
        if self.count == 1:
            return
        from accelerate.utils import reduce

        with self._meeting():
            totals = reduce(list(tensors), "sum")
        for tensor, total in zip(tensors, totals, strict=True):
            tensor.copy_(total)

    def _meeting(self) -> AbstractContextManager[None]:
        return nullcontext() if self.watch is None else self.watch.meeting()


SINGLE_PROCESS = DistributedContext()


def init_distributed() -> DistributedContext:
    """This process as ``torchrun`` or ``accelerate launch`` started it; on CPUs only ``torchrun``.

    Example:
        >>> init_distributed().count
        1
    """
    import torch
    from accelerate import PartialState

    state = PartialState(cpu=not torch.accelerator.is_available(), timeout=TIMEOUT)
    if state.num_processes == 1:
        return SINGLE_PROCESS
    index, count = state.process_index, state.num_processes
    return DistributedContext(index, count, str(state.device), _watch_of(index, count))


@cache
def _watch_of(index: int, count: int) -> MeetingWatch:
    """A process's only watch, on the store by which the processes found each other."""
    from torch.distributed import PrefixStore, rendezvous  # type: ignore[attr-defined]

    store, _, _ = next(rendezvous("env://", index, count))
    return MeetingWatch(PrefixStore("vrft", store), index, count)
