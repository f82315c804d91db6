"""The demo: nothing but ``fit`` on the miniature's own written-out folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vrft.miniature.folders import write_classification, write_detection, write_grounding
from vrft.miniature.location import MINIATURE
from vrft.workflows.fit_settings import FitSettings


@dataclass(frozen=True)
class DemoTask:
    """One task of the demo: how its folder is written and how many shots it takes."""

    write: Callable[[Path, int], object]
    shots: int


DEMO_TASKS = {
    "detection": DemoTask(lambda folder, seed: write_detection(folder, seed, heldout=480), 4),
    "classification": DemoTask(lambda folder, seed: write_classification(folder, seed, heldout=60), 1),
    "grounding": DemoTask(lambda folder, seed: write_grounding(folder, seed, heldout=300), 24),
}

EVAL_MAX = 600
"""Held-out questions of the demo: pictures cost nothing here, and many make narrow intervals."""


def demo_settings(
    task: str, seed: int, root: Path, control: bool = False, model: str | None = None
) -> FitSettings:
    """Write a task's folder and give the settings of its fit.

    Args:
        task: a key of ``DEMO_TASKS``.
        seed: of the pictures, the split and the training.
        root: where the folders go.
        control: also train on permuted rewards.
        model: another model than the miniature.
    """
    folder = root / f"miniature-{task}-{seed}"
    demo = DEMO_TASKS[task]
    demo.write(folder, seed)
    return FitSettings(folder, task, model or MINIATURE, demo.shots, seed, eval_max=EVAL_MAX, control=control)
