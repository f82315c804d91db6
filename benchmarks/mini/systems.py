"""What is trained in a cell: the twins, RFT, RFT on the twin, and the controls.

All trials of all systems share images, batch, schedule, number of steps and the rule by which a checkpoint
is chosen. What differs is in ``System``, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from mini.effort import Effort
from vrft.config.run_config import RunConfig, make_config, set_key
from vrft.types import Form

BASE, TWIN, RFT, BOTH = "base", "sft", "rft", "sft_then_rft"
SHUFFLED, EQUAL_STEPS, EQUAL_TOKENS = "shuffled", "sft_equal_steps", "sft_equal_tokens"
MAIN = (BASE, TWIN, RFT, BOTH)
"""The systems of the main table."""
CURATED = "sft_curated"
OTHER_BASE = "base_other_form"
CONTROLS = {
    "beta_0": "no KL term (beta 0 instead of 0.04)",
    "paper_rewards": "the paper's rewards instead of the recommended ones",
    "other_form": "the other form of asking",
}
"""Further controls, at the reference number of shots: one run each, at the rate that RFT's trials chose."""


@dataclass(frozen=True)
class System:
    """One way of training."""

    name: str
    method: str
    """'sft' or 'rft'."""
    form: Form
    rates: tuple[float, ...]
    """Learning rates, one trial each."""
    steps: int
    every: int
    """Steps between validations; 0 keeps the last step, whatever it is worth."""
    start: str | None = None
    """Name of the system that it starts from; None is the base policy."""
    curated: bool = False
    """Learn from the images of middling difficulty alone."""
    overrides: tuple[str, ...] = ()
    """``key=value`` of the configuration."""


def twins(effort: Effort, form: Form) -> list[System]:
    """Supervised fine-tuning in every form; the best on the validation part is the twin.

    Args:
        effort: what all trials share.
        form: in which RFT asks; the curated subset is taught in it.
    """
    plain = System("", "sft", form, effort.sft_rates, effort.steps, effort.every)
    forms = [replace(plain, name=f"sft_{one}", form=one) for one in (form, other(form))]
    return [*forms, replace(plain, name=CURATED, curated=True)]


def rft(effort: Effort, form: Form) -> System:
    """RFT from the base policy."""
    return System(RFT, "rft", form, effort.rft_rates, effort.steps, effort.every)


def on_twin(effort: Effort, twin: System) -> System:
    """RFT that starts from the twin, in the twin's form."""
    return replace(rft(effort, twin.form), name=BOTH, start=twin.name, rates=effort.both_rates)


def controls(main: System, rate: float, further: bool) -> list[System]:
    """What RFT must be distinguished from.

    Args:
        main: RFT.
        rate: that its trials chose; each control takes it.
        further: also those of ``CONTROLS``.
    """
    one = replace(main, rates=(rate,))
    shuffled = replace(one, name=SHUFFLED, every=0, overrides=("grpo.shuffle_rewards=true",))
    if not further:
        return [shuffled]
    return [
        shuffled,
        replace(one, name="beta_0", overrides=("grpo.kl.beta=0",)),
        replace(one, name="paper_rewards", overrides=("reward.setting=paper",)),
        replace(one, name="other_form", form=other(main.form)),
    ]


def other(form: Form) -> Form:
    """Direct for thinking, thinking for direct."""
    return next(one for one in Form if one is not form)


def trial(
    system: System, rate: float, effort: Effort, task: str, seed: int, model: str, out: Path
) -> RunConfig:
    """The complete configuration of one trial."""
    tree = {
        "method": system.method,
        "task": task,
        "seed": seed,
        "out": str(out),
        "model": {"path": model, "device": "cpu"},
        "data": {"path": str(out.parent / "data")},
        "form": system.form,
        "rollout": {"max_new_tokens": effort.max_new_tokens, "group_size": effort.group},
        "reward": {"setting": effort.reward},
        "grpo": {"kl": {"beta": effort.beta}},
        "optim": {
            "learning_rate": rate,
            "schedule": "constant",
            "warmup_steps": min(5, system.steps),
            "steps": system.steps,
            "prompts_per_step": effort.prompts,
        },
        "checks": {"validate_every": system.every, "patience": 0, "checkpoint_every": max(system.every, 20)},
    }
    for override in system.overrides:
        set_key(tree, override)
    return make_config(tree, system.name)
