"""Several processes share one job, one GPU each: a thin layer over accelerate, which knows who is who.

Each holds a whole policy. What they make together is put together in order, so that a job gives the same
with any number of them, to float rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
TIMEOUT = timedelta(hours=4)
"""How long processes wait for each other: the first alone reads, examines and probes."""


@dataclass(frozen=True)
class DistributedContext:
    """This process among those of the same job. Every method but ``shard_slice`` is a meeting of all."""

    index: int = 0
    count: int = 1
    device: str = "auto"
    """Where this process puts its model."""

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

        for tensor, total in zip(tensors, reduce(list(tensors), "sum"), strict=True):
            tensor.copy_(total)


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
    return DistributedContext(state.process_index, state.num_processes, str(state.device))
