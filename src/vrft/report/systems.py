"""How pages name and color the systems that they compare, and how they write a metric's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vrft.errors import VrftError
from vrft.tasks.number_format import interval, measured
from vrft.tasks.registry import load_task
from vrft.tasks.task import Task

SYSTEMS = {
    "base": "Base",
    "warm_up": "Puzzles alone",
    "sft": "SFT",
    "rft": "RFT",
    "rejection": "Rejection sampling",
    "rft_from_sft": "RFT from SFT",
    "control": "Shuffled-reward control",
    "mixed": "RFT on all folders",
    "answer": "Answer",
    "plain": "Plain",
    "fused": "Fused",
}
HUES = {
    **{name: name for name in ("base", "sft", "rft", "rejection")},
    **{"answer": "rft", "plain": "base", "fused": "rft"},
}


def system_name(system: str) -> str:
    """How a page names a system; one that it does not know keeps its name."""
    return SYSTEMS.get(system, system)


def look_of(system: str) -> str:
    """A system's CSS class, which gives its color."""
    return HUES.get(system, "extra")


@dataclass(frozen=True)
class MetricStyle:
    """How a metric's numbers are written."""

    title: str = "score"
    unit: str = "%"
    higher_is_better: bool = True

    def value(self, value: Any, sign: bool = False) -> str:
        """A number for a table, whose heading has the unit."""
        return measured(value, sign, self.unit)

    def spread(self, block: object, sign: bool = False) -> str:
        """The interval of a JSON object with ``low`` and ``high``."""
        ends = block if isinstance(block, Mapping) else {}
        return interval(ends.get("low"), ends.get("high"), sign, self.unit)

    def said(self, value: Any, sign: bool = False) -> str:
        """A number for a sentence, with its unit."""
        return self.value(value, sign) + ("" if self.unit == "%" else f" {self.unit}")

    def heading(self, times: str = " × 100") -> str:
        """The title with what its numbers are in."""
        scale = times if self.unit == "%" else f", {self.unit}"
        return self.title + scale + ("" if self.higher_is_better else ", lower is better")


def style_of(task: str, block: Mapping[str, Any], name: Any = None) -> MetricStyle:
    """The style of a block's ``metric``, or of one by name: as the block says, or as the task has it."""
    named, task_found = name if name is not None else block.get("metric"), known_task(task)
    metrics = task_found.metrics if task_found is not None else ()
    known = next((m for m in metrics if m.name == str(named)), MetricStyle(str(named or "score")))
    return MetricStyle(
        str(block.get("title", known.title)),
        str(block.get("unit", known.unit)),
        bool(block.get("higher_is_better", known.higher_is_better)),
    )


def known_task(name: str) -> Task | None:
    """A task by its name; None where it is not known here. Nothing that a file names is ever imported."""
    try:
        return load_task(name) if ":" not in name else None
    except VrftError:
        return None


def unknown_task(name: str) -> list[str]:
    """What a page says of a task that is not known here; nothing of one that is."""
    if not name or known_task(name) is not None:
        return []
    return [f"The task '{name}' is not known here: its answers are not shown. Install its package."]
