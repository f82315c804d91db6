"""The systems that a fit compares with the base: what the trials of each train, and how many there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vrft.report.systems import system_name
from vrft.types import Form
from vrft.workflows.fit_settings import WARM_UP, FitSettings
from vrft.workflows.rejection_sampling import train_rejection
from vrft.workflows.trials import BASE, SweepContext, Trial, TrialPlan, run_trials
from vrft.workflows.warm_up import FOLDER, train_warm_up

Train = Callable[[SweepContext, Sequence[Trial]], list[Trial]]
"""Runs the trials of one system, given those of the systems before it."""


@dataclass(frozen=True)
class Arm:
    """One system."""

    train: Train
    method: str
    """Of its trials."""
    count: Callable[[FitSettings], int]
    """How many there are at most."""
    shuffle_rewards: bool = False
    steps: Callable[[FitSettings], int | None] = lambda s: s.steps
    """Of each; None takes the recipe's."""
    samples_first: bool = False
    """It draws as many answers as an RFT trial before its trials begin."""


def train_sft(sweep: SweepContext, done: Sequence[Trial]) -> list[Trial]:
    """SFT on labels: in the fit's form, and in the other one too where the settings say so."""
    rates, model = sweep.settings.recipe.sft_rates, sweep.settings.model
    forms = [sweep.form] if sweep.settings.sft_forms == "same" else [sweep.form, *_others(sweep.form)]
    return [
        trial
        for form in forms
        for stem in ["sft" if form is sweep.form else f"sft-{form}"]
        for trial in run_trials(sweep, TrialPlan("sft", "sft", rates, model, form, stem))
    ]


def train_rft(sweep: SweepContext, done: Sequence[Trial]) -> list[Trial]:
    """RFT, from the base, the SFT twin, or the policy after the puzzles."""
    rates = sweep.settings.recipe.rft_rates
    return run_trials(sweep, TrialPlan("rft", "rft", rates, _rft_model(sweep, done), sweep.form))


def train_control(sweep: SweepContext, done: Sequence[Trial]) -> list[Trial]:
    """RFT on shuffled rewards, at RFT's chosen rate."""
    rates = [sweep.best([trial for trial in done if trial.system == "rft"]).learning_rate]
    model = _rft_model(sweep, done)
    return run_trials(sweep, TrialPlan("control", "rft", rates, model, sweep.form, shuffle_rewards=True))


def twin_of(sweep: SweepContext, done: Sequence[Trial]) -> Trial:
    """The SFT trial that RFT may begin from: the best in its own form."""
    return sweep.best([t for t in done if t.system == "sft" and t.form is sweep.form])


def _rft_model(sweep: SweepContext, done: Sequence[Trial]) -> str:
    if sweep.start == BASE:
        return sweep.settings.model
    folder = FOLDER if sweep.start == WARM_UP else twin_of(sweep, done).folder
    return str(sweep.root / folder / "model")


def _others(form: Form) -> list[Form]:
    return [other for other in Form if other is not form]


SYSTEMS: Mapping[str, Arm] = {
    WARM_UP: Arm(train_warm_up, "rft", lambda s: 1, steps=lambda s: s.warm_up_steps),
    "sft": Arm(
        train_sft, "sft", lambda s: len(s.recipe.sft_rates) * (1 if s.sft_forms == "same" else len(Form))
    ),
    "rft": Arm(train_rft, "rft", lambda s: len(s.recipe.rft_rates)),
    "rejection": Arm(
        train_rejection, "sft", lambda s: len(s.recipe.sft_rates) * s.rejection_rounds, samples_first=True
    ),
    "control": Arm(train_control, "rft", lambda s: 1, shuffle_rewards=True),
}


def train_systems(sweep: SweepContext) -> tuple[list[Trial], dict[str, Trial]]:
    """Train all systems of a fit.

    Returns:
        Every trial in the order of training, and the chosen one of each system; a system without trials has
        the base policy.
    """
    done: list[Trial] = []
    chosen: dict[str, Trial] = {}
    for name in sweep.settings.systems:
        trials = SYSTEMS[name].train(sweep, done)
        chosen[name] = sweep.best(trials) if trials else Trial(name, BASE, 0.0, 0, None, 0, sweep.form)
        done += trials
        if chosen[name].form is not sweep.form:
            sweep.note(
                f"{system_name(name)} was best in the other form ({chosen[name].form}), and answers in it."
            )
    return done, chosen


def start_of_rft(sweep: SweepContext, done: Sequence[Trial], chosen: Mapping[str, Trial]) -> str:
    """Whose weights RFT began from: those of the base, of the policy after the puzzles, of the SFT twin, or
    of another SFT trial where the twin answers in another form."""
    if sweep.start in (BASE, WARM_UP):
        return sweep.start
    origin = twin_of(sweep, done)
    if origin == chosen["sft"]:
        return "sft"
    return origin.folder if origin.best_step else BASE
