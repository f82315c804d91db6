"""The configuration: one YAML file, one frozen tree; unknown keys are refused, the resolved file is saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from vrft.errors import ConfigError
from vrft.types import Form


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


class Lora(_Section):
    """A LoRA adapter on the language model; the reference is then the adapter switched off."""

    rank: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)


class Model(_Section):
    """Which policy, and which of its weights learn."""

    path: str = "miniature"
    """'miniature', a Hugging Face folder, or a hub id."""
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16", "float64"] = "auto"
    """'auto' is bfloat16 on a GPU that computes in it, float16 on an older one, float32 on the CPU."""
    attention: str = "sdpa"
    train_vision: bool = False
    min_pixels: int | None = Field(None, ge=1)
    max_pixels: int | None = Field(None, ge=1)
    lora: Lora | None = None


class Pseudo(_Section):
    """Pseudo-labels: fused answers of a policy to pictures without labels, where its samples agree."""

    answers: tuple[str, ...] = Field(min_length=1)
    """Answers files, with several answers to each question; a single one may stand without brackets."""
    rule: Literal["vote", "wbf", "nms", "medoid", "best_logprob", "self_consistency"] | None = None
    """How the answers to a question become one; null takes 'vote' for classification, 'wbf' for detection and
    'medoid' for grounding."""
    min_agreement: float = Field(0.7, ge=0, le=1)
    """Least mean agreement of two answers to a question (``fusion.agreement.mean_pair_agreement``)."""
    min_confidence: float = Field(0.5, ge=0, le=1)
    """Least confidence, as the rule gives it, with which a fused box stays in the label."""
    abstentions: bool = False
    """Whether 'No Objects' may become a label."""
    share: float | None = Field(None, gt=0)
    """At most so many pseudo-labels for each labelled training question, the most agreed first; null takes
    all."""

    @field_validator("answers", mode="before")
    @classmethod
    def _as_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class Data(_Section):
    """Which labelled pictures, and how they are split."""

    path: str
    shots: int = Field(4, ge=1)
    """Training pictures a class."""
    negatives: float = Field(0.15, ge=0, lt=1)
    """Share of questions about absent categories (detection)."""
    near_duplicates: bool = True
    """Pictures that look nearly the same count as one, so that none is both learned from and tested on."""
    val_max: int = Field(60, ge=1)
    """Validation questions at most; of 60 the standard error is several points, so that rates which lie
    close together are told apart by chance."""
    eval_max: int = Field(200, ge=1)
    """Held-out questions at most."""
    manifest: str | None = None
    """A split written earlier; shots, negatives and seed are then not used."""
    pseudo: Pseudo | None = None
    """What training learns from beside the labelled pictures."""


class Augment(_Section):
    """Chances that a training picture is changed, and its boxes with it; no other picture ever is."""

    flip: float = Field(0.0, ge=0, le=1)
    """Mirrored, unless the question or a class name speaks of sides, in English; leave it at 0 where words of
    another language do, or where a mirrored thing is another thing (letters, digits, signs)."""
    crop: float = Field(0.0, ge=0, le=1)
    """Cut to a window around every labelled box, unless the question speaks of a place in the picture."""
    scale: float = Field(0.0, ge=0, le=1)
    """Made smaller, as far as its smallest box allows."""
    colour: float = Field(0.0, ge=0, le=1)
    """Brightness, contrast and saturation changed, never the hue."""


class Prompt(_Section):
    """How the questions are put."""

    form: Form = Form.THINK
    subject: str = "object"
    """Kind of thing that classification asks about ('plant', 'aircraft', ...)."""
    open: bool = False
    """Open naming as in the paper, instead of listing the class names in the prompt."""


class Rollout(_Section):
    """How answers are sampled."""

    group_size: int = Field(8, ge=2)
    temperature: float = Field(1.0, gt=0)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0)
    max_new_tokens: int = Field(256, ge=1)
    min_new_tokens: int = Field(0, ge=0)
    """No answer ends before: for benchmarks."""
    resample: int = Field(0, ge=0)
    """Further draws of a step, at most, of other questions in place of those whose answers all earn the same
    (DAPO's dynamic sampling)."""


class Reward(_Section):
    """Which reward terms, and their weights (1 where not given)."""

    setting: str = "paper"
    weights: dict[str, float] = Field(default_factory=dict)
    """Of the setting's terms, or of further terms of the task, which are then added; 0 switches one off."""
    options: dict[str, dict[str, bool | int | float | str]] = Field(default_factory=dict)
    """Arguments of terms, such as ``{iou: {tau: 0.75}}``."""
    custom: dict[str, float] = Field(default_factory=dict)
    """Own functions ``package.module:function`` of (answer, target), with their weights."""
    allow_unsafe_reward: bool = False
    """Train on a setting that pays for wrong answers; values are clipped, and counted."""
    permute: bool = False
    """A control: rewards are permuted inside each group, so that there is nothing to learn."""


class Grpo(_Section):
    """The algorithm."""

    advantage: Literal[
        "group_normalised", "centred", "batch_normalised", "leave_one_out", "term_normalised"
    ] = "group_normalised"
    std_floor: float = Field(0.0, ge=0)
    """Rewards are divided by no smaller standard deviation, in the advantages that divide by one."""
    loss: Literal["grpo", "dr_grpo", "dapo", "bnpo", "gspo", "cispo", "sapo"] = "grpo"
    clip: float = Field(0.2, gt=0)
    """Trusted ratios end at 1 - clip, and at 1 + clip where clip_high is null."""
    clip_high: float | None = Field(None, gt=0)
    """Trusted ratios end at 1 + clip_high (DAPO: 0.28)."""
    tau_positive: float = Field(1.0, gt=0)
    """Temperature of SAPO's gate where the advantage is above 0."""
    tau_negative: float = Field(1.05, gt=0)
    """Temperature of SAPO's gate elsewhere."""
    kl: Literal["k1", "k2", "k3"] = "k3"
    beta: float = Field(0.04, ge=0)
    """Weight of the KL term; with 0 there is no reference policy at all."""
    kl_correction: bool = False
    """Multiply the KL term by the ratio: its gradient is then that of the estimator's mean."""
    updates: int = Field(1, ge=1)
    """Optimiser steps on the same answers."""
    only_signal: bool = False
    """Groups whose answers all earn the same leave the step: no KL term, and the loss is a mean over the
    others."""
    mask_truncated: bool = False
    """Answers that met the length limit give no gradient; they still count in their group's mean."""
    path: Literal["auto", "shared", "packed", "plain"] = "auto"
    """How log-probabilities are computed; 'auto' shares the prompt where the start's comparison allows it."""


class Optim(_Section):
    """The optimiser, equal for RFT and SFT."""

    learning_rate: float = Field(1e-6, gt=0)
    schedule: Literal["linear", "constant", "cosine"] = "linear"
    warmup_steps: int = Field(0, ge=0)
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    steps: int = Field(200, ge=1)
    prompts_per_step: int = Field(16, ge=1)
    micro_prompts: int = Field(0, ge=0)
    """Prompts of one forward and backward pass; 0 takes the whole step at once."""
    activation_checkpointing: bool = False
    """Compute a layer's activations again in the backward pass instead of keeping them: less memory, about a
    third more time."""


class Checks(_Section):
    """Validation and checkpoints."""

    validate_every: int = Field(20, ge=0)
    """Steps between scores of the validation part; 0 never."""
    patience: int = Field(0, ge=0)
    """Stop after so many validations without a better one; 0 runs all steps."""
    checkpoint_every: int = Field(20, ge=1)


class RunConfig(_Section):
    """One training run."""

    kind: Literal["rft", "sft"] = "rft"
    task: str = "detection"
    seed: int = 0
    out: str = "runs/run"
    model: Model = Model()
    data: Data
    augment: Augment = Augment()
    prompt: Prompt = Prompt()
    rollout: Rollout = Rollout()
    reward: Reward = Reward()
    grpo: Grpo = Grpo()
    optim: Optim = Optim()
    checks: Checks = Checks()


def load_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a configuration file.

    Args:
        path: a YAML file.
        overrides: ``key=value`` with dotted keys, values read as YAML.

    Returns:
        The validated, frozen tree.

    Raises:
        ConfigError: the file cannot be read, a key is unknown, or a value is out of range; names each key.
    """
    try:
        tree = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: this configuration cannot be read: {error}") from error
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: a configuration is a mapping of keys, this file holds none.")
    for override in overrides:
        set_key(tree, override)
    return make_config(tree, str(path))


def make_config(tree: dict[str, Any], where: str = "configuration") -> RunConfig:
    """Validate a tree of plain values.

    Args:
        tree: as read from YAML.
        where: the file, for messages.

    Raises:
        ConfigError: as ``load_config``.

    Example:
        >>> make_config({"data": {"path": "photos"}}).grpo.beta
        0.04
    """
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        lines = [f"{'.'.join(str(k) for k in e['loc'])}: {e['msg']}" for e in error.errors()]
        raise ConfigError(f"{where}: " + "; ".join(lines)) from error


def set_key(tree: dict[str, Any], override: str) -> None:
    """Set one key of a tree of plain values.

    Args:
        tree: changed in place.
        override: ``key=value`` with dotted keys, the value read as YAML.

    Raises:
        ConfigError: it is no such text.

    Example:
        >>> tree = {"optim": {"steps": 5}}
        >>> set_key(tree, "optim.steps=9")
        >>> tree
        {'optim': {'steps': 9}}
    """
    key, found, value = override.partition("=")
    if not found:
        raise ConfigError(f"'{override}' is no override; write key=value, as in optim.steps=100.")
    *parents, leaf = key.split(".")
    for parent in parents:
        # A section that is null, as model.lora may be, is opened by naming one of its keys.
        if tree.get(parent) is None:
            tree[parent] = {}
        tree = tree[parent]
        if not isinstance(tree, dict):
            raise ConfigError(f"'{override}': '{parent}' is no section.")
    try:
        tree[leaf] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"'{override}': the value is no YAML: {error}") from error


def dump_config(config: RunConfig) -> str:
    """The resolved configuration as YAML."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
