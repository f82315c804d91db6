"""Trials: the same number of learning rates for each system, chosen on the validation part alone."""

from __future__ import annotations

import gc
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.errors import Interrupted
from vrft.progress import ProgressReporter
from vrft.run_folder import MANIFEST, RunFolder, read_json
from vrft.types import Example, Form
from vrft.workflows.fit_settings import FitSettings
from vrft.workflows.train import shown_by, train_run


@dataclass(frozen=True)
class Trial:
    """One finished trial."""

    system: str
    folder: str
    """Name of the run's folder inside the fit's folder."""
    learning_rate: float
    best_step: int
    validation: float | None
    steps: int


@dataclass(frozen=True)
class SweepContext:
    """What all trials of one fit share."""

    settings: FitSettings
    root: Path
    form: Form
    train: Sequence[Example]
    val: Sequence[Example]
    data_root: Path
    reporter: ProgressReporter
    context: DistributedContext = SINGLE_PROCESS


def run_trials(
    sweep: SweepContext,
    system: str,
    method: str,
    rates: Sequence[float],
    start: str,
    shuffle_rewards: bool = False,
) -> list[Trial]:
    """Run one trial for each rate; finished ones are read back, an interrupted one goes on."""
    return [_run_trial(sweep, system, method, rate, start, shuffle_rewards) for rate in rates]


def _run_trial(
    sweep: SweepContext, system: str, method: str, rate: float, start: str, shuffle_rewards: bool
) -> Trial:
    name = f"{system}-{rate:.0e}"
    folder, manifest = RunFolder(sweep.root / name), sweep.root / MANIFEST
    if not sweep.context.broadcast_object(folder.done):
        config = sweep.settings.trial(
            method,
            rate=rate,
            out=folder.path,
            form=sweep.form,
            manifest=manifest,
            model=start,
            shuffle_rewards=shuffle_rewards,
        )
        with sweep.reporter.task(f"{system.upper()} at rate {rate:.0e}", config.optim.steps) as update:
            trained = train_run(
                config,
                folder,
                sweep.train,
                sweep.val,
                split=read_json(manifest),
                data_root=sweep.data_root,
                resume=True,
                progress=shown_by(update),
                context=sweep.context,
            )
        if trained.stopped:
            raise Interrupted(
                f"Stopped after step {trained.steps} of {name}; nothing is lost. Continue with --resume."
            )
        del trained
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    ended = folder.read_json("done.json")
    return Trial(system, name, rate, ended["best_step"], ended["validation"], ended["steps"])


def choose(trials: Sequence[Trial], higher_is_better: bool = True) -> Trial:
    """The trial with the best validation; of equals, and without validation, the lowest rate."""
    sign = 1.0 if higher_is_better else -1.0

    def goodness(trial: Trial) -> float:
        known = trial.validation is not None and not math.isnan(trial.validation)
        return sign * (trial.validation or 0.0) if known else -math.inf

    return max(trials, key=lambda trial: (goodness(trial), -trial.learning_rate))
