"""Memory that a process has held at most."""

from __future__ import annotations

import resource
import sys

import torch

GIB = 2**30


def peak_memory_gib(device: torch.device) -> float:
    """The most memory held so far, in GiB: of the GPU there, of the whole process on the CPU.

    Args:
        device: where the policy is.

    Example:
        >>> peak_memory_gib(torch.device("cpu")) > 0
        True
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / GIB
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIB
