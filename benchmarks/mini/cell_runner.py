"""Runs one cell: trains a system's trials, chooses on the validation part, answers the held-out one.

Everything is kept in the cell's folder until the cell is done, so that a cell which was stopped goes on.
"""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mini.difficulty import middling, probe_forms, success_shares
from mini.effort import Effort
from mini.spending import Spending
from mini.systems import System, trial
from mini.tokens import Tokens, prompt_lengths, tokens_of
from vrft.config.run_config import RunConfig
from vrft.data.splits.few_shot import Split
from vrft.errors import Interrupted
from vrft.evaluation.predictor import read_predictions
from vrft.inference.ask_options import AskOptions
from vrft.inference.evaluate import evaluate
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.models.policy import Policy
from vrft.progress import ProgressReporter
from vrft.run_folder import RunFolder, read_json, write_json
from vrft.tasks.task import Task
from vrft.types import Example, Form, Prediction, SamplingParams
from vrft.workflows.train import train_run
from vrft.workflows.trials import Trial, choose, in_form


@dataclass(frozen=True)
class Outcome:
    """A trained system."""

    system: System
    trials: tuple[Trial, ...]
    chosen: Trial
    tokens: Tokens
    """Of the chosen trial, all its steps."""
    predictions: Sequence[Prediction]
    """Its held-out answers."""
    images: int
    """Distinct training images."""

    def row(self) -> dict[str, Any]:
        """As plain JSON values, without the answers."""
        return {
            "method": self.system.method,
            "form": self.system.form,
            "start": self.system.start or "base",
            "overrides": list(self.system.overrides),
            "training_images": self.images,
            "trials": [
                {
                    "learning_rate": t.learning_rate,
                    "validation": t.validation,
                    "best_step": t.best_step,
                    "steps": t.steps,
                }
                for t in self.trials
            ],
            "chosen": {"learning_rate": self.chosen.learning_rate, "step": self.chosen.best_step},
            "tokens": asdict(self.tokens),
        }


@dataclass
class CellRunner:
    """What all systems of a cell share."""

    task: Task
    split: Split
    effort: Effort
    seed: int
    work: Path
    reporter: ProgressReporter
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._spending = Spending(self.work / "spent.json")

    @cached_property
    def base(self) -> Policy:
        """The base policy; nothing changes its weights."""
        return load_policy(ModelOptions(path=self.effort.model, device="cpu"))

    @cached_property
    def form(self) -> Form:
        """The form that the probe of the base policy chose."""
        return Form(self.probe["chosen"])

    @cached_property
    def probe(self) -> dict[str, Any]:
        """What the base policy's samples of the training questions show, in both forms."""
        saved = self.work / "probe.json"
        if not saved.exists():
            form, probes = probe_forms(self.base, self.task, self.split.train, self.effort, self.seed)
            kept = ("form", "reward", "skill", "formatted", "signal", "tokens")
            rows = [{key: p.row()[key] for key in kept} for p in probes]
            write_json(saved, {"chosen": form, "probes": rows})
        found: dict[str, Any] = read_json(saved)
        return found

    @cached_property
    def shares(self) -> dict[str, float]:
        """How often the base policy answers each training question right."""
        saved = self.work / "difficulty.json"
        if not saved.exists():
            arguments = (self.base, self.task, self.split.train, self.form, self.effort, self.seed)
            write_json(saved, success_shares(*arguments))
        found: dict[str, float] = read_json(saved)
        return found

    def learned_from(self, system: System) -> list[Example]:
        """The training questions of a system."""
        chosen = set(middling(self.shares) if system.curated else [e.id for e in self.split.train])
        return [e for e in self.split.train if e.id in chosen]

    def train(self, system: System, examples: Sequence[Example] | None = None) -> Outcome:
        """Run a system's trials, choose one, and answer the held-out questions.

        Raises:
            Interrupted: a signal ended a trial; the same call goes on.
        """
        learned = in_form(self.learned_from(system) if examples is None else examples, system.form)
        began = time.monotonic()
        trials = tuple(self._trial(system, rate, learned) for rate in system.rates)
        chosen = choose(trials)
        for one in trials:
            shutil.rmtree(self.work / one.folder / "checkpoints", ignore_errors=True)
            if one is not chosen:
                shutil.rmtree(self.work / one.folder / "model", ignore_errors=True)
        predictions = self.answers(system.name, str(self.work / chosen.folder / "model"), system.form)
        config = self._config(system, chosen.learning_rate)
        lengths = prompt_lengths(self.base, learned)
        tokens = tokens_of(config, RunFolder(self.work / chosen.folder), learned, lengths)
        count = len({e.record_id for e in learned})
        outcome = Outcome(system, trials, chosen, tokens, predictions, count)
        self.outcomes[system.name] = outcome
        self.spend()
        value = "none" if chosen.validation is None else f"{chosen.validation:.3f}"
        self.reporter.info(
            f"  {system.name}: rate {chosen.learning_rate:.0e}, step {chosen.best_step}, validation {value} "
            f"({time.monotonic() - began:.0f} s)"
        )
        return outcome

    def model_of(self, name: str) -> str:
        """The folder of a trained system's weights, kept until the cell is done."""
        return str(self.work / self.outcomes[name].chosen.folder / "model")

    def answers(self, name: str, model: str, form: Form) -> list[Prediction]:
        """Held-out answers of a model (the base's name, or a folder); those on disk are not asked again."""
        path = self.work / "heldout" / f"{name}.jsonl"
        questions = in_form(self.split.heldout, form)
        known = {one.example.id: one for one in read_predictions(path)} if path.exists() else {}
        if all(e.id in known for e in questions):
            return [known[e.id] for e in questions]
        options = ModelOptions(path=model, device="cpu")
        policy = self.base if model == self.effort.model else load_policy(options)
        params = SamplingParams(max_new_tokens=self.effort.max_new_tokens)
        return evaluate(PolicyPredictor.of(policy, AskOptions(params)), questions, path=path)

    def spend(self) -> dict[str, float]:
        """Wall and core seconds so far, with those since the last call; not what a stop lost."""
        return self._spending.add()

    def _config(self, system: System, rate: float) -> RunConfig:
        model = self.effort.model if system.start is None else self.model_of(system.start)
        out = self.work / f"{system.name}-{rate:.0e}"
        return trial(system, rate, self.effort, self.task.name, self.seed, model, out)

    def _trial(self, system: System, rate: float, learned: Sequence[Example]) -> Trial:
        return run_trial(
            self._config(system, rate), system.name, learned, in_form(self.split.val, system.form)
        )


def run_trial(config: RunConfig, system: str, learned: Sequence[Example], val: Sequence[Example]) -> Trial:
    """One trial in its configuration's folder; a finished one is read back.

    Raises:
        Interrupted: a signal ended it; the same call goes on.
    """
    folder = RunFolder(Path(config.out))
    if not folder.done:
        trained = train_run(config, folder, learned, val, resume=True)
        if trained.stopped:
            raise Interrupted(f"Stopped in {folder.path}; the same command goes on.")
        del trained
        gc.collect()
    ended = folder.read_json("done.json")
    rate = config.optim.learning_rate
    return Trial(system, folder.path.name, rate, ended["best_step"], ended["validation"], ended["steps"])
