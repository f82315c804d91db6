"""Several processes share one job, a GPU each; a launcher starts them, and accelerate knows who is who.

Each holds a whole policy. What they make together is put together in order, so that a job gives the same with
any number of them, to float rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

Thing = TypeVar("Thing")
BUCKET = 2**24
"""Numbers that are added up in one message, 64 MB in float32."""
PATIENCE = timedelta(hours=4)
"""How long processes wait for each other: the first alone reads, examines and probes."""


@dataclass(frozen=True)
class Share:
    """This process among those that work on the same job; every method but ``part`` is a meeting of all."""

    index: int = 0
    count: int = 1
    device: str = "auto"
    """Where this process puts its model."""

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes the result and speaks."""
        return self.index == 0

    def part(self, size: int) -> slice:
        """Which of ``size`` things this process takes: a run of neighbours, in the order of processes.

        Example:
            >>> Share(1, 2).part(5)
            slice(2, 5, None)
        """
        return slice(size * self.index // self.count, size * (self.index + 1) // self.count)

    def wait(self) -> None:
        """Return when all processes have come here."""
        if self.count > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """The first process alone, then all others: they find what it left on disk."""
        if not self.is_first:
            self.wait()
        yield
        if self.is_first:
            self.wait()

    def collected(self, own: Sequence[Thing]) -> list[Thing]:
        """What all processes have, in their order.

        Args:
            own: of this process; plain values that can be pickled.
        """
        if self.count == 1:
            return list(own)
        from accelerate.utils import gather_object

        every: list[Thing] = gather_object(list(own))
        return every

    def agreed(self, own: Thing) -> Thing:
        """What the first process has."""
        return self.collected([own])[0]

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Put the sum over processes into each tensor.

        Args:
            tensors: as many, of the same shapes and of one type in every process; changed in place, and the
                same to the bit in all of them afterwards.
        """
        if self.count == 1:
            return
        import torch
        from torch import distributed

        for bucket in _buckets(tensors):
            # One message for many small tensors: each costs the processes a meeting.
            flat = torch.cat([tensor.flatten() for tensor in bucket])
            distributed.all_reduce(flat)
            for tensor, summed in zip(bucket, flat.split([t.numel() for t in bucket]), strict=True):
                tensor.copy_(summed.view_as(tensor))


def _buckets(tensors: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Neighbours whose numbers together are at most ``BUCKET``; a larger tensor stands alone."""
    bucket: list[torch.Tensor] = []
    held = 0
    for tensor in tensors:
        if bucket and held + tensor.numel() > BUCKET:
            yield bucket
            bucket, held = [], 0
        bucket.append(tensor)
        held += tensor.numel()
    if bucket:
        yield bucket


ALONE = Share()


def launched() -> Share:
    """This process's share, as ``torchrun`` or ``accelerate launch`` set it up; alone without them.

    On processors alone only ``torchrun`` starts several.

    Example:
        >>> launched().count
        1
    """
    import torch
    from accelerate import PartialState

    state = PartialState(cpu=not torch.accelerator.is_available(), timeout=PATIENCE)
    if state.num_processes == 1:
        return ALONE
    return Share(state.process_index, state.num_processes, str(state.device))
