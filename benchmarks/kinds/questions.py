"""The configuration of every trial, and the questions of a cell.

A row's images are drawn once. A cell's seed decides which training questions are learned from, which
validation questions choose, and all randomness of training; the held-out questions are the same for every
seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mini.effort import Effort

from kinds.cell import Arm, Row
from kinds.effort import HELDOUT, VALIDATION
from vrft.config.run_config import RunConfig, make_config, set_key
from vrft.config.run_questions import run_questions
from vrft.data.splits.few_shot import Split
from vrft.errors import InputError
from vrft.miniature.folders import write_detection, write_measuring
from vrft.types import Example

DATA_SEED = 2504
FOLDERS: Mapping[str, Callable[[Path, int], Path]] = {
    "objects": partial(write_detection, train=120, val=60, heldout=240, masks=True),
    "plain": partial(write_detection, train=60, val=60, heldout=240),
    "distances": partial(write_measuring, train=60, val=100, heldout=HELDOUT),
}
"""Draws images, from their place and a seed."""


def config_of(
    row: Row,
    arm: Arm,
    effort: Effort,
    *,
    data: Path,
    out: Path,
    seed: int,
    rate: float = 1e-4,
    steps: int = 1,
    model: str | None = None,
) -> RunConfig:
    """The complete configuration of one trial; every task is an entry, also where it is the only one.

    Args:
        row, arm: what is asked and how it is trained.
        effort: how much.
        data: the folder of images.
        out: the trial's folder.
        seed: of the cell.
        rate: the learning rate.
        steps: of the trial.
        model: that it begins from; None takes the row's.
    """
    asked = effort.asked
    common = {
        "path": str(data),
        "val_max": asked or VALIDATION,
        "eval_max": asked or HELDOUT,
        "near_duplicates": False,  # drawn images differ, and what is held out must not depend on the shots
    }
    tree: dict[str, Any] = {
        "method": arm.method,
        "tasks": [
            {"task": task, "name": task, "share": 1.0, "data": {**common, "shots": row.tasks[task]}}
            for task in arm.asks or row.tasks
        ],
        "seed": seed,
        "out": str(out),
        "model": {"path": model or row.model, "device": "cpu"},
        "rollout": {
            "max_new_tokens": min(row.max_new_tokens, effort.max_new_tokens),
            "group_size": effort.group,
        },
        "reward": {"setting": "recommended"},
        "optim": {
            "learning_rate": rate,
            "schedule": "constant",
            "warmup_steps": min(5, steps),
            "steps": steps,
            "prompts_per_step": effort.prompts,
        },
        "checks": {"validate_every": 0 if arm.control else min(effort.every, steps), "checkpoint_every": 20},
    }
    for override in (*row.overrides, *arm.overrides):
        set_key(tree, override)
    return make_config(tree, arm.name)


def split_of(row: Row, effort: Effort, *, data: Path, place: Path, seed: int) -> Split:
    """The questions of all tasks of a row.

    Raises:
        InputError: a class has too few images, or an image is both learned from and held out.
    """
    every = Arm("all", "all")
    config = config_of(row, every, effort, data=data, out=place, seed=seed)
    own, fixed = (run_questions(config.model_copy(update={"seed": s})).split for s in (seed, DATA_SEED))
    if left_out := {**own.left_out, **fixed.left_out}:
        raise InputError(f"{row.name}: {', '.join(left_out)} would be left out. Draw more images.")
    if shared := _images((*own.train, *own.val)) & _images(fixed.heldout):
        raise InputError(f"{row.name}: {sorted(shared)[0]} is both learned from and held out.")
    return replace(own, heldout=fixed.heldout)


def _images(examples: Sequence[Example]) -> set[Path]:
    return {example.media[0].path for example in examples}
