"""Time spent on something that may be stopped and go on."""

from __future__ import annotations

import time
from pathlib import Path

from vrft.run_folder import read_json, write_json


class Spending:
    """Wall and core seconds since it was made, added to those of a file; not what a stop lost."""

    def __init__(self, saved: Path) -> None:
        self._saved, self._marked = saved, _now()

    def add(self) -> dict[str, float]:
        """All so far, with those since the last call."""
        known = {"seconds": 0.0, "core_seconds": 0.0}
        before = read_json(self._saved) if self._saved.exists() else known
        now = _now()
        spent = {
            key: before[key] + end - start for key, start, end in zip(known, self._marked, now, strict=True)
        }
        self._marked = now
        write_json(self._saved, spent)
        return spent


def _now() -> tuple[float, float]:
    return time.monotonic(), time.process_time()
