"""Trials: the same number of learning rates for each system, chosen on the validation part alone."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from vrft.config.run_config import load_config
from vrft.distributed import SINGLE_PROCESS, DistributedContext
from vrft.errors import Interrupted
from vrft.progress import ProgressReporter
from vrft.report.systems import system_name
from vrft.run_folder import MANIFEST, METRICS, RunFolder, read_json, read_rows
from vrft.tasks.registry import task_of
from vrft.training.loop import shown_by
from vrft.types import Example, Form
from vrft.workflows.fit_settings import FitSettings
from vrft.workflows.train import train_run

BASE = "base"
"""The folder of the base policy's answers, and the name of the policy that was not trained."""
PROBE = "probe.json"
"""The first file of a fit that costs work."""


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
    form: Form | None = None
    """In which it answers; None is the fit's."""


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
    note: Callable[[str], None]
    """Takes sentences that belong into the report."""
    context: DistributedContext = SINGLE_PROCESS
    start: str = BASE
    """Where RFT begins: the base, 'sft' for its twin, or 'warm_up' for the policy after the puzzles."""
    higher_is_better: bool = True
    """Of the validation score."""
    held_out: Sequence[Example] = ()
    """What is not trained on in any way."""

    def best(self, trials: Sequence[Trial]) -> Trial:
        """The one with the best validation."""
        return choose(trials, self.higher_is_better)


@dataclass(frozen=True)
class TrialPlan:
    """What some trials of one system do alike."""

    system: str
    method: str
    rates: Sequence[float]
    start: str
    """The model that they begin from."""
    form: Form
    stem: str = ""
    """Their folders' names without the rate; the system's where it is empty."""
    shuffle_rewards: bool = False
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What SFT learns to say, by the question's id: each text is one training item. Empty: gold answers."""


def score_rises(val: Sequence[Example]) -> bool:
    """Of the validation score: that of one task's headline metric; a mean over several rises."""
    metrics = {e.entry: task_of(e).metrics[0] for e in val}
    return len(metrics) != 1 or next(iter(metrics.values())).higher_is_better


def in_form(examples: Sequence[Example], form: Form) -> list[Example]:
    """The same questions, asked in a form."""
    return [replace(example, form=form) for example in examples]


def run_trials(sweep: SweepContext, plan: TrialPlan) -> list[Trial]:
    """Run one trial for each rate; finished ones are read back, an interrupted one goes on."""
    return [_run_trial(sweep, plan, rate) for rate in plan.rates]


def _run_trial(sweep: SweepContext, plan: TrialPlan, rate: float) -> Trial:
    name = f"{plan.stem or plan.system}-{rate:.0e}"
    folder, manifest = RunFolder(sweep.root / name), sweep.root / MANIFEST
    if not sweep.context.broadcast_object(folder.done):
        config = sweep.settings.trial(
            plan.method,
            rate=rate,
            out=folder.path,
            form=plan.form,
            manifest=manifest,
            model=plan.start,
            shuffle_rewards=plan.shuffle_rewards,
            probe=sweep.root / PROBE if plan.start == sweep.settings.model else None,
        )
        train, texts = _items(in_form(sweep.train, plan.form), plan.texts)
        with sweep.reporter.task(
            f"{system_name(plan.system)} at rate {rate:.0e}", config.optim.steps
        ) as update:
            trained = train_run(
                config,
                folder,
                train,
                in_form(sweep.val, plan.form),
                split=read_json(manifest),
                data_roots={"": sweep.data_root},
                texts=texts,
                resume=True,
                progress=shown_by(update),
                context=sweep.context,
            )
        if trained.stopped:
            raise Interrupted(
                f"Stopped after step {trained.steps} of {name}; nothing is lost. Continue with --resume."
            )
        del trained
        release_memory()
    ended = folder.read_json("done.json")
    steps, best = ended["steps"], ended["best_step"]
    return Trial(plan.system, name, rate, best, ended["validation"], steps, plan.form)


def count_sampled(run: Path) -> dict[str, int]:
    """Answers and tokens that a run drew in training, from what it wrote down."""
    steps = [row for row in read_rows(run / METRICS) if "groups_drawn" in row]
    group_size = load_config(run / "config.yaml").rollout.group_size
    return {
        "answers": sum(group_size * row["groups_drawn"] + row.get("selection_answers", 0) for row in steps),
        "tokens": sum(row["sampled_tokens"] for row in steps),
    }


def release_memory() -> None:
    """Give back what a policy held that is no longer used."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _items(
    examples: Sequence[Example], texts: Mapping[str, tuple[str, ...]]
) -> tuple[Sequence[Example], dict[str, str]]:
    """A training item for each text with an id of its own, and the texts by these ids."""
    if not texts:
        return examples, {}
    items = {
        f"{example.id}~{number}": (example, text)
        for example in examples
        for number, text in enumerate(texts.get(example.id, ()), 1)
    }
    named = [replace(example, id=name) for name, (example, _) in items.items()]
    return named, {name: text for name, (_, text) in items.items()}


def choose(trials: Sequence[Trial], higher_is_better: bool = True) -> Trial:
    """The trial with the best validation; of equals, and without validation, the lowest rate."""
    sign = 1.0 if higher_is_better else -1.0

    def goodness(trial: Trial) -> float:
        known = trial.validation is not None and not math.isnan(trial.validation)
        return sign * (trial.validation or 0.0) if known else -math.inf

    return max(trials, key=lambda trial: (goodness(trial), -trial.learning_rate))
