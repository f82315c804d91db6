"""Trials: the same number of learning rates for each system, chosen on the validation part alone."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from vrft.distributed import ALONE, Share
from vrft.errors import Interrupted
from vrft.progress import Narrator
from vrft.run_folder import RunFolder
from vrft.training.loop import Row
from vrft.training.train import train_run
from vrft.types import Example, Form
from vrft.workflows.fit_settings import FitSettings


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

    def row(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Bench:
    """What all trials of one fit share."""

    settings: FitSettings
    root: Path
    form: Form
    train: Sequence[Example]
    val: Sequence[Example]
    narrator: Narrator
    share: Share = ALONE


def run_trials(
    bench: Bench, system: str, kind: str, rates: Sequence[float], start: str, permute: bool = False
) -> list[Trial]:
    """Run one trial a rate; finished ones are read back, an interrupted one goes on.

    Args:
        bench: the fit.
        system: name of the system in tables ('sft', 'rft', 'control').
        kind: 'rft' or 'sft'.
        rates: learning rates.
        start: the model they start from.
        permute: permuted rewards.

    Raises:
        Interrupted: a signal ended a trial.
    """
    return [_run_trial(bench, system, kind, rate, start, permute) for rate in rates]


def _run_trial(bench: Bench, system: str, kind: str, rate: float, start: str, permute: bool) -> Trial:
    name = f"{system}-{rate:.0e}"
    folder = RunFolder(bench.root / name)
    if not bench.share.agreed(folder.done):
        config = bench.settings.trial(
            kind, rate, folder.path, bench.form, bench.root / "manifest.json", start, permute
        )
        with bench.narrator.stage(f"{system.upper()} at rate {rate:.0e}", config.optim.steps) as advance:
            last = 0

            def progress(step: int, steps: int, row: Row) -> None:
                nonlocal last
                advance(
                    step - last,
                    f"reward {row['reward']:.2f}" if "reward" in row else f"loss {row['loss']:.2f}",
                )
                last = step

            trained = train_run(
                config, folder, bench.train, bench.val, resume=True, progress=progress, share=bench.share
            )
        if trained.stopped:
            raise Interrupted(
                f"Stopped after step {trained.steps} of {name}; nothing is lost. Go on with --resume."
            )
        del trained
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    ended = folder.read_json("done.json")
    return Trial(system, name, rate, ended["best_step"], ended["validation"], ended["steps"])


def choose(trials: Sequence[Trial]) -> Trial:
    """The trial with the best validation; of equals the lower rate; without validation the lowest rate.

    Example:
        >>> choose([Trial("rft", "a", 1e-4, 10, 0.3, 20), Trial("rft", "b", 3e-4, 10, 0.4, 20)]).folder
        'b'
    """
    return max(trials, key=lambda t: (t.validation if t.validation is not None else 0.0, -t.learning_rate))
