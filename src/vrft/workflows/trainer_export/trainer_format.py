"""A run as files of another trainer, and how the format of a trainer is found.

A format is one file in this folder that defines ``FORMAT``.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from vrft.config.run_config import RunConfig
from vrft.errors import InputError
from vrft.models.model_options import ALPHA, RANK
from vrft.training.advantages import Advantage
from vrft.training.losses import PolicyLoss
from vrft.types.plugins import discover

IMAGE_TAG = "<image>"
"""Stands for an image in a text, in all of these trainers."""
ROUND = 64
"""Lengths of prompts are rounded up to a multiple of this."""
HELD_BY_ALL = frozenset(
    {
        "grpo.kl.beta",
        "grpo.updates",
        "model.lora.alpha",
        "model.lora.rank",
        "model.max_pixels",
        "model.min_pixels",
        "model.train_vision",
        "optim.activation_checkpointing",
        "optim.learning_rate",
        "optim.max_grad_norm",
        "optim.micro_prompts",
        "optim.prompts_per_step",
        "optim.steps",
        "optim.weight_decay",
        "rollout.group_size",
        "rollout.max_new_tokens",
        "rollout.temperature",
        "rollout.top_p",
    }
)
"""Settings that every trainer here has as well."""


@dataclass(frozen=True)
class TrainerRow:
    """One question as other trainers take it."""

    index: int
    id: str
    messages: tuple[tuple[str, str], ...]
    """Roles and texts, with a mark for each image."""
    images: tuple[bytes, ...]
    """PNG files, in the order of the marks."""
    target: str
    """What ``vrft.integrations.packing.pack`` wrote."""

    @property
    def as_chat(self) -> list[dict[str, str]]:
        """The messages as mappings."""
        return [{"role": role, "content": text} for role, text in self.messages]

    @property
    def single_text(self) -> str:
        """The text of the only message; InputError where there are others."""
        if len(self.messages) != 1:
            raise InputError(
                f"Question '{self.id}' has {len(self.messages)} messages, and this trainer takes one text of "
                "the user. Export it for verl, ms-swift or OpenRLHF."
            )
        return self.messages[0][1]


@dataclass(frozen=True)
class TrainerRun:
    """What a trainer is started with."""

    config: RunConfig
    model: str
    """A folder or hub id."""
    reward: Mapping[str, Any]
    """Arguments of the rewards, as the adapters of ``vrft.integrations`` take them."""
    vision: tuple[str, ...]
    """Beginnings of the names of the vision tower's weights."""
    adapted: tuple[str, ...]
    """Names of the projections that an adapter goes to."""
    rows: Mapping[str, int]
    """Questions by part."""
    prompt_tokens: int
    """Of the longest prompt."""
    most_images: int
    """In one prompt."""
    most_pixels: int
    """Of one image."""

    @property
    def prompt_limit(self) -> int:
        """Tokens that a prompt may have, with some to spare."""
        return math.ceil((self.prompt_tokens + 1) / ROUND) * ROUND

    @property
    def epochs(self) -> int:
        """How often all questions are asked at most."""
        optim = self.config.optim
        return math.ceil(optim.steps * optim.prompts_per_step / max(self.rows["train"], 1))

    @property
    def validates(self) -> bool:
        """Whether there is something to validate on, and it is asked for."""
        return self.rows["val"] > 0 and self.config.checks.validate_every > 0

    @property
    def rows_at_once(self) -> int:
        """Answers of one forward and backward pass on a GPU."""
        return self.config.rollout.group_size * (self.config.optim.micro_prompts or 1)

    @property
    def clip(self) -> tuple[float, float]:
        """How far ratios are trusted, below and above 1."""
        loss = self.config.grpo.loss
        low = getattr(loss, "clip", 0.2)
        return low, getattr(loss, "clip_high", None) or low

    @property
    def lora(self) -> tuple[int, int, float] | None:
        """Rank, alpha and dropout of an adapter that learns."""
        lora = self.config.model.lora
        return None if lora is None else (lora.rank or RANK, lora.alpha or ALPHA, lora.dropout)

    @property
    def then(self) -> str:
        """The command that measures the trained model."""
        config = self.config
        data = ["vrft", "eval", "merged", str(Path(config.data.path).resolve()), "--task", config.task.name]
        return shlex.join([*data, "--form", config.form.value])

    @property
    def not_vision(self) -> str:
        """A pattern of the names of modules that an adapter never goes to."""
        return f".*({'|'.join(re.escape(name.strip('.').split('.')[-1]) for name in self.vision)}).*"


class TrainerFormat(Protocol):
    """One trainer."""

    name: str
    holds: frozenset[str]
    """Settings, or whole sections, that its command says."""
    losses: Mapping[type[PolicyLoss], Any]
    """What it calls the losses that it has."""
    advantages: Mapping[type[Advantage], Any]
    """What it calls the advantages that it has."""

    def write_rows(self, folder: Path, part: str, rows: Iterable[TrainerRow]) -> None:
        """Write the questions of a part; rows come once, one after the other."""
        ...

    def files(self, run: TrainerRun) -> dict[str, str]:
        """Texts of the other files, by name: rewards, settings, and ``run.sh``, which starts the training."""
        ...


def trainer_formats() -> dict[str, TrainerFormat]:
    """All formats of this folder, by name."""
    return {one.name: one for one in discover("vrft.workflows.trainer_export", "FORMAT")}
