"""What the machine itself can do, and a clock that waits for it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

GIB = 2**30


def finished(device: str) -> float:
    """The time, once the device has done all it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def median_seconds(device: str, repeats: int, action: Callable[[], Any]) -> float:
    """Seconds of an action, the median of some repeats after one that is not counted."""
    seconds = []
    for _ in range(repeats + 1):
        began = finished(device)
        action()
        seconds.append(finished(device) - began)
    return statistics.median(seconds[1:])


def matrix_products(device: str = "cpu", repeats: int = 20) -> float:
    """Operations a second of square matrix products: 1024 wide in float32, on a GPU 8192 in bfloat16."""
    size, dtype = (8192, torch.bfloat16) if device == "cuda" else (1024, torch.float32)
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    torch.mm(a, b)
    began = finished(device)
    for _ in range(repeats):
        torch.mm(a, b)
    return 2 * size**3 * repeats / (finished(device) - began)


def memory_bandwidth(device: str = "cpu", repeats: int = 5) -> float:
    """Bytes a second of a large copy, those read and those written.

    Args:
        device: 'cpu' (256 MiB are copied) or 'cuda' (2 GiB).
        repeats: copies counted; the median is taken.
    """
    size = 2 * GIB if device == "cuda" else GIB // 4
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    return 2 * size / median_seconds(device, repeats, lambda: target.copy_(source))


def gpu() -> dict[str, Any]:
    """The GPU in words and figures."""
    properties = torch.cuda.get_device_properties(0)
    return {
        "name": properties.name,
        "memory_gib": properties.total_memory / GIB,
        "cuda": torch.version.cuda,
        "compute_capability": f"{properties.major}.{properties.minor}",
    }
