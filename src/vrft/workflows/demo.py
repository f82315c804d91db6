"""The demo: nothing but ``fit`` on the embedded models' own written-out folders."""

from __future__ import annotations

from pathlib import Path

from vrft.errors import InputError
from vrft.miniature.folders import DEMO_FOLDERS, EVAL_MAX
from vrft.workflows.fit_settings import FitSettings

DEMO_TASKS = DEMO_FOLDERS
WRITTEN = ("evaluation.score=written",)
"""The demo's published numbers are those of the confidences that are written."""


def demo_settings(task: str, seed: int, root: Path, control: bool = False) -> FitSettings:
    """Write a task's folder and give the settings of its fit.

    Args:
        task: a key of ``DEMO_TASKS``.
        seed: of the images, the split and the training.
        root: where the folders go.
        control: also train on shuffled rewards.

    Raises:
        InputError: the demo has no such task.
    """
    if task not in DEMO_TASKS:
        raise InputError(f"The demo has no images for '{task}'. Choose one of: {', '.join(DEMO_TASKS)}.")
    folder, demo = root / f"miniature-{task}-{seed}", DEMO_TASKS[task]
    settings = FitSettings(
        folder,
        task,
        model=demo.model,
        shots=demo.shots,
        seed=seed,
        eval_max=EVAL_MAX,
        control=control,
        **{"overrides": WRITTEN, **demo.settings},
    )
    demo.write(folder, seed)
    return settings
