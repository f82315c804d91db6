"""What a user of ``fit`` may decide, and what follows from the model where nothing was said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from vrft.config.run_config import RunConfig, make_config, set_key
from vrft.data.data_options import BoxOrder, Coordinates, DataOptions, ReadOptions
from vrft.errors import ConfigError, RunError
from vrft.miniature.location import MINIATURE, is_miniature
from vrft.models.model_options import LoraOptions
from vrft.run_folder import changes, read_json, write_json
from vrft.tasks.puzzle import puzzle_names
from vrft.tasks.registry import definition_digest, load_task
from vrft.types import Form
from vrft.types.options import MAX_SEED, did_you_mean

ARMS = ("sft", "rft", "rejection")
"""What a fit may compare with the base, in the order in which they train: SFT on labels, RFT, and SFT on the
policy's own right answers (rejection sampling)."""
WARM_UP = "warm_up"
"""The policy after the puzzles, where there are any: RFT begins from it."""
MOST_ROUNDS = 3
"""Of rejection sampling."""
SftForms = Literal["same", "both"]


@dataclass(frozen=True)
class Recipe:
    """Training settings that suit a kind of model; equal care for both systems: as many rates each."""

    rft_rates: tuple[float, ...]
    sft_rates: tuple[float, ...]
    steps: int
    prompts_per_step: int
    max_new_tokens: int
    validate_every: int
    patience: int
    lora: LoraOptions | None


MINIATURE_RECIPE = Recipe(
    rft_rates=(5e-5, 1e-4),
    sft_rates=(3e-5, 1e-4),
    steps=40,
    prompts_per_step=16,
    max_new_tokens=110,
    validate_every=10,
    patience=0,
    lora=None,
)
LORA_RECIPE = Recipe(
    rft_rates=(1e-5, 5e-5),
    sft_rates=(5e-5, 2e-4),
    steps=200,
    prompts_per_step=8,
    max_new_tokens=512,
    validate_every=25,
    patience=4,
    lora=LoraOptions(),
)
"""For models of billions of weights on one GPU."""
DECIDED = frozenset(
    {"method", "task", "seed", "out", "data", "form", "model.path", "reward.setting", "grpo.shuffle_rewards"}
    | {"optim.learning_rate", "optim.steps", "checks.validate_every", "checks.patience"}
)
"""Keys and sections that an override may not touch: the split, the trials and what makes them comparable."""
MAY_BE_SET = "data.select"
"""What an override may touch all the same: it decides nothing about the split."""


@dataclass(frozen=True)
class FitSettings:
    """One ``fit``."""

    data: Path
    task: str
    """A name, ``package.module:TASK`` or ``file.py:TASK``."""
    task_options: Mapping[str, Any] = field(default_factory=dict)
    model: str = MINIATURE
    shots: int = 4
    seed: int = 0
    steps: int | None = None
    """Training steps of each trial; None takes the recipe's."""
    eval_max: int = 200
    form: Form | None = None
    """None lets the probe decide."""
    reward: str = "recommended"
    arms: tuple[str, ...] = ("sft", "rft")
    """Of ``ARMS``, in any order."""
    sft_forms: SftForms = "same"
    """'both' also tunes the SFT twin in the form that was not chosen: the better one on validation is it."""
    rejection_rounds: int = 1
    """Each samples from the policy of the round before, 1 to ``MOST_ROUNDS``."""
    rejection_keep: int = 8
    """Right answers to one question that a round of rejection sampling learns at most."""
    warm_up: tuple[str, ...] = ()
    """Puzzles that RFT trains on before the labels, by name; 'puzzles' stands for all."""
    warm_up_steps: int | None = None
    """None takes those of a trial."""
    control: bool = False
    """Also train on shuffled rewards, with RFT's chosen rate and steps: it must not become better."""
    full: bool = False
    """Train all weights of a large model instead of a LoRA adapter."""
    val_max: int = DataOptions.model_fields["val_max"].default
    near_duplicates: bool = True
    """Count images that look nearly the same as one."""
    format: str | None = None
    """How its labels are read; these four are those of ``ReadOptions``."""
    coordinates: Coordinates | None = None
    box_order: BoxOrder | None = None
    strict: bool = False
    overrides: tuple[str, ...] = ()
    """``key=value`` for every trial, such as ``optim.micro_prompts=1``; not what ``fit`` decides itself."""

    def __post_init__(self) -> None:
        if not 0 <= self.seed <= MAX_SEED:
            raise ConfigError(f"--seed {self.seed}: a seed is a number from 0 to {MAX_SEED}.")
        self._check_arms()
        object.__setattr__(self, "warm_up", puzzle_names(self.warm_up))
        if self.warm_up_steps is not None and (self.warm_up_steps < 1 or not self.warm_up):
            raise ConfigError(
                f"--warm-up-steps {self.warm_up_steps}: give at least 1, and name puzzles with --warm-up."
            )
        object.__setattr__(self, "arms", tuple(arm for arm in ARMS if arm in self.arms))
        for override in self.overrides:
            key = override.partition("=")[0].strip()
            if f"{key}.".startswith(f"{MAY_BE_SET}."):
                continue
            if key in DECIDED or key.partition(".")[0] in DECIDED:
                raise ConfigError(
                    f"'{override}': {key} is set by vrft fit for all its runs. Use the options of fit "
                    "(vrft fit --help), or vrft train for a single run."
                )

    def _check_arms(self) -> None:
        given = ",".join(self.arms)
        for arm in self.arms:
            if arm not in ARMS:
                raise ConfigError(
                    f"--arms {given}: there is no '{arm}'.{did_you_mean(arm, ARMS)} Choose from: "
                    f"{', '.join(ARMS)}."
                )
        if "rft" not in self.arms:
            raise ConfigError(
                f"--arms {given}: rft must be among them, since a fit asks whether RFT is better. Add it, or "
                "train a single policy with vrft sft."
            )
        if self.sft_forms not in get_args(SftForms):
            raise ConfigError(f"--sft-forms {self.sft_forms}: choose from {', '.join(get_args(SftForms))}.")
        if "sft" not in self.arms and self.sft_forms != "same":
            raise ConfigError(f"--sft-forms {self.sft_forms}: sft is not among --arms {given}. Add it there.")
        if not 1 <= self.rejection_rounds <= MOST_ROUNDS or self.rejection_keep < 1:
            raise ConfigError(
                f"--rejection-rounds {self.rejection_rounds}, --rejection-keep {self.rejection_keep}: give 1 "
                f"to {MOST_ROUNDS} rounds, and keep at least 1 answer."
            )
        usual = (FitSettings.rejection_rounds, FitSettings.rejection_keep)
        if "rejection" not in self.arms and (self.rejection_rounds, self.rejection_keep) != usual:
            raise ConfigError(
                f"--rejection-rounds, --rejection-keep: rejection is not among --arms {given}. Add it there."
            )

    @property
    def systems(self) -> tuple[str, ...]:
        """What is trained and compared with the base, in order."""
        first = (WARM_UP,) if self.warm_up else ()
        return (*first, *self.arms, *(("control",) if self.control else ()))

    @property
    def stem(self) -> Path:
        """Where a fit is kept that is given no folder."""
        return Path("runs") / f"fit-{self.data.resolve().name}-{load_task(self.task).name}-{self.seed}"

    @property
    def reading(self) -> ReadOptions:
        return ReadOptions(**{name: getattr(self, name) for name in ReadOptions.model_fields})

    @property
    def recipe(self) -> Recipe:
        return MINIATURE_RECIPE if is_miniature(self.model) else LORA_RECIPE

    def trial(
        self,
        method: str,
        *,
        rate: float,
        out: Path,
        form: Form,
        manifest: Path | None = None,
        model: str | None = None,
        shuffle_rewards: bool = False,
        probe: Path | None = None,
        steps: int | None = None,
    ) -> RunConfig:
        recipe = self.recipe
        steps = next(one for one in (steps, self.steps, recipe.steps) if one is not None)
        lora = None if self.full or recipe.lora is None else recipe.lora.model_dump()
        tree = {
            "method": method,
            "task": {"name": self.task, **self.task_options},
            "seed": self.seed,
            "out": str(out),
            "form": form,
            "model": {"path": model if model is not None else self.model, "lora": lora},
            "data": {
                "path": str(self.data.resolve()),  # its runs are also used from other folders
                "shots": self.shots,
                "val_max": self.val_max,
                "eval_max": self.eval_max,
                "near_duplicates": self.near_duplicates,
                **self.reading.model_dump(),
                "manifest": str(manifest) if manifest is not None else None,
            },
            "rollout": {"max_new_tokens": recipe.max_new_tokens},
            "reward": {"setting": self.reward},
            "grpo": {"shuffle_rewards": shuffle_rewards},
            "optim": {
                "learning_rate": rate,
                "schedule": "constant",
                "warmup_steps": min(5, steps),
                "steps": steps,
                "prompts_per_step": recipe.prompts_per_step,
            },
            "checks": {
                # Choosing by validation would hide what shuffled rewards do: the control keeps its last step.
                "validate_every": 0 if shuffle_rewards else min(recipe.validate_every, steps),
                "patience": recipe.patience,
                "checkpoint_every": recipe.validate_every,
            },
        }
        for override in self.overrides:
            set_key(tree, override)
        config = make_config(tree, "vrft fit")
        if config.data.select is None:
            return config
        # SFT has no use for it, and what a probe found is of the base alone.
        known = config.data.select.model_copy(update={"probe": str(probe.resolve()) if probe else None})
        data = config.data.model_copy(update={"select": known if config.samples else None})
        return config.model_copy(update={"data": data})


def with_score(settings: FitSettings, score: str) -> FitSettings:
    """The same for all trials, with boxes ranked by confidences of a name."""
    return replace(settings, overrides=(*settings.overrides, f"evaluation.score={score}"))


MAY_CHANGE = ("control", "data")
"""A control may be added, and the data may have moved: what it holds is compared with the split."""


def keep_settings(
    settings: FitSettings, folder: Path, writes: bool = True, weights: str | None = None
) -> None:
    """A resumed fit goes on under the settings that it began with.

    Args:
        settings: of now.
        folder: of the fit.
        writes: False leaves the file as it is.
        weights: which weights the model's name means now; None is not known.

    Raises:
        RunError: it began with others.
    """
    content = {"weights": weights, "definition": definition_digest(settings.task)}
    file, now = folder / "settings.json", {**_plain(settings), **content}
    # What an earlier version did not write had its default.
    usual = {**_plain(FitSettings(settings.data, settings.task)), **dict.fromkeys(content)}
    kept = {**usual, **read_json(file)} if file.exists() else now
    unknown = [name for name in content if None in (kept[name], content[name])]
    if differing := changes(kept, now, free=(*MAY_CHANGE, *unknown)):
        raise RunError(
            f"{folder}: a resumed fit keeps its settings, and these differ ({differing}). Use the old "
            "ones, or name another --out."
        )
    if writes:
        write_json(file, now)


def _plain(settings: FitSettings) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(asdict(settings), default=str))
    return found
