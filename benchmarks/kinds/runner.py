"""Trains the arms of a cell and answers its held-out questions; a stopped cell goes on where it was."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from mini.cell_runner import run_trial
from mini.effort import Effort

from kinds.cell import RFT, Arm, Cell
from kinds.effort import PuzzleSettings
from kinds.questions import config_of, split_of
from vrft.config.run_config import RunConfig
from vrft.inference.evaluate import evaluate
from vrft.inference.policy_predictor import PolicyPredictor
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.progress import ProgressReporter
from vrft.tasks.puzzle import ALL
from vrft.types import Example, Form, Prediction
from vrft.workflows.trials import SweepContext, Trial, choose, count_sampled, in_form
from vrft.workflows.warm_up import train_warm_up

MODEL = "model"


@dataclass(frozen=True)
class Outcome:
    """A trained arm."""

    arm: Arm
    trials: tuple[Trial, ...]
    chosen: Trial
    sampled: Mapping[str, int]
    """Answers and tokens of the chosen trial, with those of the puzzles before it."""


@dataclass
class Runner:
    """What the arms of a cell share.

    Args:
        cell: which.
        model: the base.
        effort: how much is trained.
        data: the folder of images.
        place: the cell's folder.
        rates: of each arm; more than one where they are tried.
        reporter: where sentences go.
    """

    cell: Cell
    model: str
    effort: Effort
    data: Path
    place: Path
    rates: Mapping[str, Sequence[float]]
    reporter: ProgressReporter

    def __post_init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.split = split_of(
            self.cell.row, self.effort, data=self.data, place=self.place, seed=self.cell.seed
        )

    def train(self, arm: Arm) -> Outcome:
        """Run an arm's trials, and choose one by validation."""
        rates = self.rates[RFT.name if arm.control else arm.name]
        trials = tuple(self._trial(arm, rate) for rate in rates)
        chosen = choose(trials)
        for trial in trials:
            shutil.rmtree(self.place / trial.folder / "checkpoints", ignore_errors=True)
        counts = [
            count_sampled(path) for path in self._runs(arm, chosen.learning_rate) if arm.method == "rft"
        ]
        sampled = {key: sum(one[key] for one in counts) for key in ("answers", "tokens")}
        self.outcomes[arm.name] = Outcome(arm, trials, chosen, sampled)
        self.reporter.info(
            f"  {arm.name}: rate {chosen.learning_rate:.0e}, step {chosen.best_step} of {chosen.steps}, "
            f"validation {chosen.validation}"
        )
        return self.outcomes[arm.name]

    def answers(
        self, name: str, arm: Arm, form: Form = Form.THINK, model: str | None = None
    ) -> list[Prediction]:
        """Held-out answers of an arm, or of another model to the arm's questions.

        Args:
            name: of the file that keeps them.
            arm: of the row.
            form: in which it is asked.
            model: None takes the arm's.
        """
        config = self._config(arm, Path(name))
        asked = _of_sources(config, self.split.heldout)
        source = model or str(self.folder(arm) / MODEL)
        policy = load_policy(ModelOptions(path=source, device="cpu"))
        predictor = PolicyPredictor.of(policy, config.ask_options())
        path = self.place / "heldout" / f"{name}.jsonl"
        return evaluate(predictor, in_form(asked, form), path=path)

    def folder(self, arm: Arm) -> Path:
        """Of a trained arm's chosen run."""
        return self.place / self.outcomes[arm.name].chosen.folder

    def _trial(self, arm: Arm, rate: float) -> Trial:
        before, out = None, self._out(arm, rate)
        if arm.warm_up:
            before = str(self._warmed(arm, rate) / MODEL)
        config = self._config(arm, out, rate, self._steps(arm, rate), before)
        learned, val = (_of_sources(config, part) for part in (self.split.train, self.split.val))
        return run_trial(config, arm.name, learned, val)

    def _config(
        self, arm: Arm, out: Path, rate: float = 1e-4, steps: int = 1, model: str | None = None
    ) -> RunConfig:
        return config_of(
            self.cell.row,
            arm,
            self.effort,
            data=self.data,
            out=out,
            seed=self.cell.seed,
            rate=rate,
            steps=steps,
            model=model or self.model,
        )

    def _out(self, arm: Arm, rate: float) -> Path:
        return self.place / f"{arm.name}-{rate:.0e}"

    def _runs(self, arm: Arm, rate: float) -> list[Path]:
        """Of a trial, with that of the puzzles before it."""
        out = self._out(arm, rate)
        return [self._warmed(arm, rate), out] if arm.warm_up else [out]

    def _steps(self, arm: Arm, rate: float) -> int:
        """Of a trial; where it may spend another arm's tokens, as many as these are good for."""
        if not arm.spends_as:
            return max(1, round(arm.part * self.effort.steps))
        other = self.outcomes[arm.spends_as]
        tokens, answers = other.sampled["tokens"], other.sampled["answers"]
        spent = count_sampled(self._warmed(arm, rate))["tokens"] if arm.warm_up else 0
        for own in self._config(arm, self._out(arm, rate)).by_source.values():
            if own.data.select is not None:
                spent += round(own.data.select.samples * len(self.split.train) * tokens / answers)
        return max(1, ceil((tokens - spent) * other.chosen.steps / tokens))

    def _warmed(self, arm: Arm, rate: float) -> Path:
        """The run on puzzles, at the arm's own rate; a finished one is found again."""
        row, effort = self.cell.row, self.effort
        place = self._out(arm, rate).with_name(f"{arm.name}-{rate:.0e}-puzzles")
        settings = PuzzleSettings(
            self.data,
            next(iter(row.tasks)),
            model=self.model,
            seed=self.cell.seed,
            warm_up=(ALL,),
            warm_up_steps=max(1, round(arm.warm_up * effort.steps)),
            overrides=(f"rollout.group_size={effort.group}",),
            rate=rate,
            prompts=effort.prompts,
            longest=min(row.max_new_tokens, effort.max_new_tokens),
        )
        sweep = SweepContext(
            settings,
            place,
            Form.THINK,
            self.split.train,
            self.split.val,
            self.data,
            self.reporter,
            lambda text: None,
            held_out=self.split.heldout,
        )
        (trial,) = train_warm_up(sweep, [])
        return place / trial.folder


def _of_sources(config: RunConfig, examples: Sequence[Example]) -> list[Example]:
    """The questions of a configuration's own tasks."""
    return [example for example in examples if example.source in config.by_source]
