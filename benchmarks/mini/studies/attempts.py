"""What was tried where the miniature does not do what the paper reports: one change of RFT at a time.

Attempts are scored on development questions, about images that nothing learns from, and on seeds
that are in no table: held-out questions decide nothing here either. Where a change could help supervised
fine-tuning as well, its twin has it too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mini.cell import Cell
from mini.cell_runner import CellRunner
from mini.effort import FULL, Effort
from mini.settings import SETTINGS
from mini.studies.points import Point
from mini.systems import System, other, rft, twins

SEEDS = (11, 12, 13)
"""None of the main table's."""
PROTOCOL = "protocol"
ANOTHER_BASE = "base: "
"""Opens the name of an attempt from another base policy, which has twins of its own."""
RATE = 5e-5
"""Of every attempt but those that name others: the best or next to it on validation in all five pilots."""


@dataclass(frozen=True)
class Attempt:
    """One change."""

    about: str
    overrides: tuple[str, ...] = ()
    """``key=value`` of RFT's configuration."""
    of_task: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Overrides that depend on the task; tasks without any do not try it."""
    twin_too: bool = False
    """SFT gets the same overrides."""
    rates: tuple[float, ...] = (RATE,)
    sft_scale: float = 1.0
    """SFT's learning rates are multiplied by it."""
    steps: float = 1.0
    """Times the steps of the protocol."""
    other_form: bool = False


ATTEMPTS: Mapping[str, Attempt] = {
    PROTOCOL: Attempt("the protocol of the main table, one rate"),
    "four rates": Attempt("all four rates of the protocol", rates=FULL.rft_rates),
    "temperature 1.5": Attempt("sampled at temperature 1.5", ("rollout.temperature=1.5",)),
    "temperature 0.7": Attempt("sampled at temperature 0.7", ("rollout.temperature=0.7",)),
    "group 16": Attempt("sixteen answers an image, twice the rollouts", ("rollout.group_size=16",)),
    "beta 0": Attempt("no KL term", ("grpo.kl.beta=0",)),
    "beta 0.16": Attempt("four times the KL term", ("grpo.kl.beta=0.16",)),
    "beta 0.64": Attempt("sixteen times the KL term", ("grpo.kl.beta=0.64",)),
    "beta 0.64, steps 160": Attempt(
        "sixteen times the KL term, twice the steps", ("grpo.kl.beta=0.64",), steps=2
    ),
    "Dr. GRPO": Attempt(
        "advantages not divided by their deviation, loss over a constant length",
        ("grpo.loss=dr_grpo", "grpo.advantage=centered"),
    ),
    "DAPO": Attempt(
        "token mean, higher upper clip, no KL term, groups without signal drawn anew",
        (
            "grpo.loss={name: dapo, clip_high: 0.28}",
            "grpo.kl.beta=0",
            "grpo.only_signal=true",
            "rollout.resample=2",
        ),
    ),
    "two updates": Attempt("two optimizer steps on the same answers", ("grpo.updates=2",)),
    "falling rate": Attempt("the rate falls to zero", ("optim.schedule=linear",), twin_too=True),
    "prompts 32": Attempt("32 images a step, twice the rollouts", ("optim.prompts_per_step=32",)),
    "steps 160": Attempt("twice the steps", steps=2),
    "paper rewards": Attempt("the paper's rewards", ("reward.setting=paper",)),
    "other rewards": Attempt(
        "detection: AP is the reward; grounding: generalized IoU; classification: format counts a fifth",
        of_task={
            "detection": ("reward.weights={iou: 0, confidence: 0, vlm_r1_ap: 2}",),
            "grounding": ("reward.setting=released_fixed",),
            "classification": ("reward.weights={format: 0.2}",),
        },
    ),
    "other form": Attempt("thinking where the protocol answers directly, or the reverse", other_form=True),
    "vision learns": Attempt("the vision tower learns too", ("model.train_vision=true",), twin_too=True),
    "LoRA": Attempt(
        "rank 16, ten times the rates",
        ("model.lora={rank: 16, alpha: 32}",),
        twin_too=True,
        rates=(5e-4,),
        sft_scale=10,
    ),
    "changed images": Attempt(
        "crops, sizes and colors changed, in half of the presentations each",
        ("augment={crop: 0.5, scale: 0.5, color: 0.5}",),
        twin_too=True,
    ),
    "changed colors": Attempt(
        # No crops: they have sizes that the miniature's tower has never met.
        "brightness, contrast and saturation changed in half of the presentations",
        ("augment.color=0.5",),
        twin_too=True,
    ),
}
"""By name. The first is what the others are compared with."""


def points(effort: Effort, models: Sequence[str], setting: str) -> Iterator[Point]:
    """Every attempt in a setting, seed by seed; where models are named, the protocol from these alone."""
    chosen = SETTINGS[setting]
    others = {ANOTHER_BASE + Path(model).name: replace(effort, model=model) for model in models}
    efforts = others or {
        name: replace(effort, steps=round(attempt.steps * effort.steps))
        for name, attempt in ATTEMPTS.items()
        if not attempt.of_task or chosen.task in attempt.of_task
    }
    for seed in SEEDS:
        for name, own in efforts.items():
            yield Point(
                "attempts",
                f"{setting}-{re.sub('[^a-z0-9_]', '', name.lower().replace(' ', '_'))}-{seed}",
                Cell(setting, chosen.reference, seed),
                own,
                _systems(ATTEMPTS.get(name, ATTEMPTS[PROTOCOL]), name in (PROTOCOL, *others)),
                {"attempt": name},
                development=True,
            )


def _systems(attempt: Attempt, all_twins: bool) -> Callable[[CellRunner], list[System]]:
    """RFT with the change; its twins too, in all forms or, for a change of both, in RFT's alone."""

    def made(runner: CellRunner) -> list[System]:
        changes = (*attempt.overrides, *attempt.of_task.get(runner.task.name, ()))
        form = other(runner.form) if attempt.other_form else runner.form
        rates = runner.effort.rft_rates if runner.effort.tries_code else attempt.rates
        learner = replace(rft(runner.effort, form), rates=rates, overrides=changes)
        if not (all_twins or attempt.twin_too):
            return [learner]
        own = twins(runner.effort, form)
        own = own if all_twins else [t for t in own if t.form == form and not t.curated]
        scaled = tuple(attempt.sft_scale * rate for rate in runner.effort.sft_rates)
        return [*(replace(t, rates=scaled, overrides=changes) for t in own), learner]

    return made
