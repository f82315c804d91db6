"""A process group of a trainer and the workers of one server, beside every other group of both.

Needs torch alone: both sides make their end by this function.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]

TIMEOUT = timedelta(minutes=10)


def join_group(address: str, port: int, rank: int, size: int, backend: str, store: Any = None) -> Any:
    """The group; returns when all have joined.

    Args:
        address: of the trainer's machine.
        port: of the trainer's store there.
        rank: 0 is the trainer.
        size: the trainer and all workers.
        backend: 'nccl', where all are GPUs, or 'gloo'.
        store: the trainer's own, which has the port already; None connects to it.
    """
    if store is None:
        store = TCPStore(address, port, size, is_master=False, timeout=TIMEOUT)
    joint = PrefixStore("vrft-weights", store)
    if backend == "nccl":
        from torch.distributed.distributed_c10d import ProcessGroupNCCL

        return ProcessGroupNCCL(joint, rank, size, ProcessGroupNCCL.Options())
    from torch.distributed.distributed_c10d import ProcessGroupGloo

    return ProcessGroupGloo(joint, rank, size, timeout=TIMEOUT)
