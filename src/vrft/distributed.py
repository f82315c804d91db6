"""Several processes share one job, one GPU each: a thin layer over accelerate, which knows who is who.

Each holds a whole policy. What they make together is put together in order, so that a job gives the same
with any number of them, to float rounding.
"""

from __future__ import annotations

import atexit
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from vrft.errors import RunError

if TYPE_CHECKING:
    import torch
    from torch.distributed import Store  # type: ignore[attr-defined]

T = TypeVar("T")
TIMEOUT = timedelta(hours=4)
"""How long processes wait for each other: the first alone reads, examines and probes."""
SLOW_S = 60.0
"""Seconds of waiting after which is said for whom; then after twice as many, and so on."""
GONE_S = 40.0
"""Seconds without a sign of another process after which nobody waits for it any longer."""
CLOSE_S = 5.0
"""How long the end of a process waits for a store that may not answer any more."""
_LOGGER = logging.getLogger("vrft.distributed")


def _leave(sentence: str) -> None:
    """End this process at once: its main thread waits in a library that does not come back by itself."""
    _LOGGER.error(sentence)
    os._exit(2)


class MeetingWatch:
    """Says for which process the others wait, and leaves where one of them is gone for good.

    Each process writes into a common store how many meetings it has come to, and again and again that it is
    there. One thread reads what the others wrote; another one judges by what was read last, since a store on
    a machine that is gone does not answer any more. Of those that wait, the first says for whom.

    Args:
        store: that all processes share.
        index: of this process.
        count: of all processes.
        slow_s: seconds of waiting after which it is said.
        gone_s: seconds without a sign of another process, or of the store, after which a wait ends.
        leave: called with a sentence then; ends the process.
    """

    def __init__(
        self,
        store: Store,
        index: int,
        count: int,
        slow_s: float = SLOW_S,
        gone_s: float = GONE_S,
        leave: Callable[[str], None] = _leave,
    ) -> None:
        self._store, self._index, self._count, self._leave = store, index, count, leave
        self._slow_s, self._tick_s = slow_s, min(slow_s, gone_s) / 20
        self._number, self._since = 0, 0.0
        self._waits, self._closed = threading.Event(), threading.Event()
        # Silence is counted in this process's own ticks: while it stands still, nobody else is silent.
        self._ticks, self._most_silent = 0, gone_s / self._tick_s
        self._seen: list[_Seen] = [_Seen() for _ in range(count)]
        self._answered = 0
        store.set(f"who/{index}", f"pid {os.getpid()} on {socket.gethostname()}")
        self._threads = [
            threading.Thread(target=work, name="vrft-waiting", daemon=True)
            for work in (self._exchange, self._watch)
        ]
        for thread in self._threads:
            thread.start()

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

    def close(self) -> None:
        """Watch no more. A thread that still asks the store when Python ends would abort the process."""
        self._closed.set()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(CLOSE_S)

    def _exchange(self) -> None:
        """Say that this process is there, and read what the others said."""
        beats = 0
        with suppress(RuntimeError):  # a store that is gone answers no more
            while not self._closed.wait(self._tick_s if beats else 0.0):
                beats += 1
                self._store.set(f"beat/{self._index}", str(beats))
                for index, seen in enumerate(self._seen):
                    seen.who = seen.who or self._read(f"who/{index}")
                    seen.meetings = int(self._read(f"at/{index}") or 0)
                    if (beat := self._read(f"beat/{index}")) != seen.beat:
                        seen.beat, seen.tick = beat, self._ticks
                self._answered = self._ticks

    def _watch(self) -> None:
        number, least = 0, self._slow_s
        while not self._closed.wait(self._tick_s):
            self._ticks += 1
            if number != self._number:
                number, least = self._number, self._slow_s
            if not self._waits.is_set():
                continue
            if who := self._gone():
                self._leave(
                    f"Process {self._index} has waited for {who}. For {self._most_silent * self._tick_s:.0f} "
                    "seconds there was no sign of it: it was killed, or its machine cannot be reached. Start "
                    "all processes again with --resume."
                )
                return
            waited = time.monotonic() - self._since
            if waited >= least:
                self._say(number, waited)
                least = 2 * waited

    def _gone(self) -> str:
        """Who has not been heard of for too long, in words; a process that has not begun may be slow, and
        while the store does not answer nobody can be heard."""
        if self._ticks - self._answered > self._most_silent:
            return "the first machine, over which processes find each other"
        silent = [
            f"process {index} ({seen.who})"
            for index, seen in enumerate(self._seen)
            if index != self._index and seen.beat and self._answered - seen.tick > self._most_silent
        ]
        return ", ".join(silent)

    def _say(self, number: int, waited: float) -> None:
        behind = [index for index, seen in enumerate(self._seen) if seen.meetings < number]
        waiting = [index for index in range(self._count) if index not in behind]
        if behind and waiting[:1] == [self._index]:
            named = ", ".join(f"process {i} ({self._seen[i].who or 'which has not begun'})" for i in behind)
            _LOGGER.warning(
                "Process %d has waited %.0f seconds for %s. It is at work, has stopped or has died: its own "
                "output says which.",
                self._index,
                waited,
                named,
            )

    def _read(self, key: str) -> str:
        return self._store.get(key).decode() if self._store.check([key]) else ""


@dataclass
class _Seen:
    """What was last read of one process."""

    who: str = ""
    meetings: int = 0
    beat: str = ""
    tick: int = 0
    """When the beat changed."""


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

    @contextmanager
    def _meeting(self) -> Iterator[None]:
        with nullcontext() if self.watch is None else self.watch.meeting():
            try:
                yield
            except RuntimeError as error:
                if type(error).__name__ == "OutOfMemoryError":
                    raise
                why = (str(error).strip().splitlines() or [type(error).__name__])[0]
                raise RunError(
                    f"Process {self.index} has lost the other processes ({why}): one of them has ended, and "
                    "its own output says why. Start all processes again with --resume."
                ) from error


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
    watch = MeetingWatch(PrefixStore("vrft", store), index, count)
    atexit.register(watch.close)
    return watch
