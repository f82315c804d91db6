"""What decides a result: versions, the machine, and the settings that must not change meanwhile."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vrft.errors import RunError

PACKAGES = ("vrft", "torch", "transformers", "peft", "accelerate", "numpy", "pillow", "pycocotools")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> str:
    """The processor and the number of cores, in words."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [
            x.split(":", 1)[1].strip() for x in info.read_text().splitlines() if x.startswith("model name")
        ]
        model = named[0] if named else model
    return f"{os.cpu_count()} x {model}"


def refuse_others(folder: Path, kept: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """RunError where answers were asked for in another way than now: they must not be mixed."""
    if differing := changes({key: kept.get(key) for key in now}, now):
        raise RunError(
            f"{folder}: its answers were made with other settings ({differing}). Name another folder with "
            "--out, or delete this one."
        )


def changes(kept: Mapping[str, Any], now: Mapping[str, Any], free: Sequence[str] = ()) -> str:
    """What differs between two trees of settings, in words; empty where nothing does.

    Args:
        kept: as they were.
        now: as they are.
        free: dotted keys, or sections, that may differ.

    Example:
        >>> changes({"seed": 0, "optim": {"steps": 2}}, {"seed": 1, "optim": {"steps": 3}}, free=["optim"])
        'seed: 0, now 1'
    """
    old, new = _flat(kept), _flat(now)
    return "; ".join(
        f"{key}: {old.get(key)}, now {new.get(key)}"
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
        and not any(key == part or key.startswith(f"{part}.") for part in free)
    )


def _flat(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in tree.items():
        inner = isinstance(value, Mapping) and bool(value)
        found |= _flat(value, f"{above}{key}.") if inner else {f"{above}{key}": value}
    return found
