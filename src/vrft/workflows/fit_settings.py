"""What a user of ``fit`` may decide, and what follows from the model where nothing was said."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vrft.config.run_config import Data, Lora, RunConfig, make_config, set_key
from vrft.errors import ConfigError
from vrft.miniature.location import MINIATURE
from vrft.types import Form


@dataclass(frozen=True)
class Recipe:
    """Training settings that suit a kind of model; equal care for both systems: as many rates each."""

    rft_rates: tuple[float, ...]
    sft_rates: tuple[float, ...]
    rft_steps: int
    sft_steps: int
    prompts_per_step: int
    sft_prompts_per_step: int
    max_new_tokens: int
    validate_every: int
    patience: int
    lora: Lora | None


MINIATURE_RECIPE = Recipe((5e-5, 1e-4), (3e-5, 1e-4), 40, 40, 16, 16, 110, 10, 0, None)
LORA_RECIPE = Recipe((1e-5, 5e-5), (5e-5, 2e-4), 200, 200, 8, 8, 512, 25, 4, Lora())
"""For models of billions of weights on one GPU."""


DECIDED = frozenset(
    {"kind", "task", "seed", "out", "data", "prompt", "model.path", "reward.setting", "reward.permute"}
    | {"optim.learning_rate", "optim.steps", "checks.validate_every", "checks.patience"}
)
"""Keys and sections that an override may not touch: the split, the trials and what makes them comparable."""


@dataclass(frozen=True)
class FitSettings:
    """One ``fit``."""

    data: Path
    task: str
    model: str = MINIATURE
    shots: int = 4
    seed: int = 0
    steps: int | None = None
    """Training steps of each trial; None takes the recipe's."""
    eval_max: int = 200
    form: Form | None = None
    """None lets the probe decide."""
    subject: str = "object"
    open_naming: bool = False
    reward: str = "recommended"
    control: bool = False
    """Also train on permuted rewards, with RFT's chosen rate and steps: it must not become better."""
    full: bool = False
    """Train all weights of a large model instead of a LoRA adapter."""
    val_max: int = Data.model_fields["val_max"].default
    near_duplicates: bool = True
    """Count pictures that look nearly the same as one."""
    overrides: tuple[str, ...] = ()
    """``key=value`` for every trial, such as ``optim.micro_prompts=1``; not what ``fit`` decides itself."""

    def __post_init__(self) -> None:
        for override in self.overrides:
            key = override.partition("=")[0].strip()
            if key in DECIDED or key.partition(".")[0] in DECIDED:
                raise ConfigError(
                    f"'{override}': {key} is decided by fit, for both systems alike. Use its options "
                    "(vrft fit --help), or vrft train for a single run."
                )

    @property
    def recipe(self) -> Recipe:
        """Settings that suit the model."""
        return MINIATURE_RECIPE if self.model == MINIATURE else LORA_RECIPE

    def trial(
        self, kind: str, rate: float, out: Path, form: Form, manifest: Path, model: str, permute: bool
    ) -> RunConfig:
        """The complete configuration of one trial.

        Args:
            kind: 'rft' or 'sft'.
            rate: learning rate.
            out: the run's folder.
            form: how answers are asked for.
            manifest: the split.
            model: where the trial starts.
            permute: the control's permuted rewards.
        """
        recipe = self.recipe
        steps = {"rft": recipe.rft_steps, "sft": recipe.sft_steps}[kind]
        prompts = {"rft": recipe.prompts_per_step, "sft": recipe.sft_prompts_per_step}[kind]
        steps = self.steps if self.steps is not None else steps
        lora = None if self.full or recipe.lora is None else recipe.lora.model_dump()
        tree = {
            "kind": kind,
            "task": self.task,
            "seed": self.seed,
            "out": str(out),
            "model": {"path": model, "lora": lora},
            "data": {
                "path": str(self.data),
                "shots": self.shots,
                "val_max": self.val_max,
                "eval_max": self.eval_max,
                "near_duplicates": self.near_duplicates,
                "manifest": str(manifest),
            },
            "prompt": {"form": form, "subject": self.subject, "open": self.open_naming},
            "rollout": {"max_new_tokens": recipe.max_new_tokens},
            "reward": {"setting": self.reward, "permute": permute},
            "optim": {
                "learning_rate": rate,
                "schedule": "constant",
                "warmup_steps": min(5, steps),
                "steps": steps,
                "prompts_per_step": prompts,
            },
            "checks": {
                # Choosing by validation would hide what permuted rewards do: the control keeps its last step.
                "validate_every": 0 if permute else min(recipe.validate_every, steps),
                "patience": recipe.patience,
                "checkpoint_every": recipe.validate_every,
            },
        }
        for override in self.overrides:
            set_key(tree, override)
        return make_config(tree, "vrft fit")
