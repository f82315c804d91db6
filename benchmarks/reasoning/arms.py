"""What is trained in a cell: labels shown, own samples rewarded or kept, chains shown, and controls.

All arms share images, batch, schedule, number of steps and the rule by which a checkpoint is chosen; they are
trials of ``vrft fit``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mini.difficulty import middling, success_shares
from mini.effort import Effort

from reasoning.cell import VARIANTS, Cell
from reasoning.effort import REJECTION_RATES, ArmSettings
from vrft.data.splits.few_shot import Split
from vrft.data.splits.manifest import manifest
from vrft.models.policy import Policy
from vrft.progress import ProgressReporter
from vrft.run_folder import MANIFEST, write_json
from vrft.tasks.prompt_text import in_tags
from vrft.tasks.registry import load_task
from vrft.types import Form, Label, expect
from vrft.workflows.rejection_sampling import NAME as REJECTION
from vrft.workflows.rejection_sampling import train_rejection
from vrft.workflows.trials import SweepContext, Trial, TrialPlan, choose, run_trials

BASE, SFT, RFT, SHUFFLED, ORACLE = "base", "sft", "rft", "shuffled", "oracle"
LABELS = ("sft_direct", "sft_think")
"""Forms of SFT on labels: the better one on the validation part is ``SFT``."""


@dataclass(frozen=True)
class CellContext:
    """What the arms of a cell share."""

    cell: Cell
    model: str
    """The base."""
    split: Split
    effort: Effort
    place: Path
    reporter: ProgressReporter

    def sweep(self, name: str, form: Form = Form.THINK, train: Sequence[str] | None = None) -> SweepContext:
        """Where an arm's trials run.

        Args:
            name: of the arm.
            form: in which it asks.
            train: ids of the questions to learn from; None takes all.
        """
        rejects = name.startswith(REJECTION)
        settings = ArmSettings(
            data=self.place / "data",
            task=self.cell.asks.task,
            model=self.model,
            shots=self.split.shots,
            seed=self.cell.seed,
            form=form,
            reward=self.effort.reward,
            arms=("rft", REJECTION) if rejects else ("rft",),
            rejection_rounds=int(name.removeprefix(f"{REJECTION}_")) if rejects else 1,
            overrides=(
                f"rollout.group_size={self.effort.group}",
                f"grpo.kl.beta={self.effort.beta}",
                "model.device=cpu",
                *VARIANTS[self.cell.variant].overrides,
            ),
            effort=self.effort,
            sft_rates=REJECTION_RATES if rejects and not self.effort.tries_code else self.effort.sft_rates,
        )
        learned = [e for e in self.split.train if train is None or e.id in train]
        root = self.place / name
        write_json(root / MANIFEST, manifest(self.split))
        return SweepContext(
            settings, root, form, learned, self.split.val, self.place / "data", self.reporter, self.note
        )

    def note(self, text: str) -> None:
        """A sentence, below the cell's own line."""
        self.reporter.info(f"  {text}")


@dataclass(frozen=True)
class Trained:
    """An arm's trials."""

    trials: tuple[Trial, ...]
    chosen: Trial | None
    """None where there was nothing to learn: the base."""
    form: Form
    root: Path
    questions: int
    """That it learned from."""

    def folder(self) -> Path | None:
        """Of the chosen run."""
        return None if self.chosen is None else self.root / self.chosen.folder

    def model(self, base: str) -> str:
        """The folder of its weights, or the base's name."""
        return base if (run := self.folder()) is None else str(run / "model")


Done = Mapping[str, Trained]
Train = Callable[[CellContext, str, Done, Policy], Trained]


def best_labels(done: Done) -> str | None:
    """The form of SFT on labels that is the best on the validation part; None where there is none."""
    found = [trial for name in LABELS if name in done for trial in done[name].trials]
    return choose(found).system if found else None


def _trained(sweep: SweepContext, trials: Sequence[Trial]) -> Trained:
    chosen = sweep.best(trials) if trials else None
    return Trained(tuple(trials), chosen, sweep.form, sweep.root, len(sweep.train))


def _plain(method: str, form: Form) -> Train:
    """Trials of a method at the rates of its own, from the base."""

    def train(run: CellContext, name: str, done: Done, base: Policy) -> Trained:
        sweep = run.sweep(name, form)
        rates = {"sft": run.effort.sft_rates, "rft": run.effort.rft_rates}[method]
        return _trained(sweep, run_trials(sweep, TrialPlan(name, method, rates, run.model, form)))

    return train


def _curated(run: CellContext, name: str, done: Done, base: Policy) -> Trained:
    """In the form that suits labels; what is middling is what the base's thoughts say of it."""
    best, task = best_labels(done), load_task(run.cell.asks.task)
    form = done[best].form if best else Form.DIRECT
    shares = success_shares(base, task, run.split.train, Form.THINK, run.effort, run.cell.seed)
    sweep = run.sweep(name, form, middling(shares))
    return _trained(sweep, run_trials(sweep, TrialPlan(name, "sft", run.effort.sft_rates, run.model, form)))


def _shuffled(run: CellContext, name: str, done: Done, base: Policy) -> Trained:
    """At RFT's rate; the last step is kept."""
    chosen = done[RFT].chosen
    assert chosen is not None
    sweep = run.sweep(name)
    plan = TrialPlan(name, "rft", (chosen.learning_rate,), run.model, sweep.form, shuffle_rewards=True)
    return _trained(sweep, run_trials(sweep, plan))


def _rejection(run: CellContext, name: str, done: Done, base: Policy) -> Trained:
    sweep = run.sweep(name)
    return _trained(sweep, train_rejection(sweep, ()))


def _oracle(run: CellContext, name: str, done: Done, base: Policy) -> Trained:
    """It is shown the chains, which no label holds: an upper bound, no rival."""
    sweep, asks = run.sweep(name), run.cell.asks
    texts = {
        e.id: (in_tags(expect(e.target, Label).name, asks.thought(asks.digits(e)), sweep.form),)
        for e in run.split.train
    }
    plan = TrialPlan(name, "sft", run.effort.sft_rates, run.model, sweep.form, texts=texts)
    return _trained(sweep, run_trials(sweep, plan))


@dataclass(frozen=True)
class Arm:
    """One way of training."""

    title: str
    train: Train


ARMS: Mapping[str, Arm] = {
    "sft_direct": Arm("SFT on labels, direct", _plain("sft", Form.DIRECT)),
    "sft_think": Arm("SFT on labels, with a template thought", _plain("sft", Form.THINK)),
    "sft_curated": Arm("SFT on labels, images of middling difficulty", _curated),
    RFT: Arm("RFT", _plain("rft", Form.THINK)),
    "rft_direct": Arm("RFT, direct (no chain possible)", _plain("rft", Form.DIRECT)),
    **{f"{REJECTION}_{n}": Arm(f"rejection sampling, rounds: {n}", _rejection) for n in (1, 2, 3)},
    ORACLE: Arm("SFT on right chains (oracle, an upper bound)", _oracle),
    SHUFFLED: Arm("RFT on shuffled rewards", _shuffled),
}
"""By name."""
TITLES = {BASE: "base", f"{BASE}_direct": "base, direct", SFT: "SFT on labels (best form)"} | {
    name: arm.title for name, arm in ARMS.items()
}
