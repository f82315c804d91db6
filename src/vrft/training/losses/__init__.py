"""Policy losses by name: pure functions of log-probabilities, advantages and a mask, one file each."""

from __future__ import annotations

from typing import Protocol

import torch

from vrft.training.losses.aggregate import sequence_mean, token_mean
from vrft.training.losses.bnpo import bnpo
from vrft.training.losses.cispo import cispo
from vrft.training.losses.common import DEFAULTS, KlTerm, Loss, LossOptions, StepSize
from vrft.training.losses.dapo import dapo
from vrft.training.losses.dr_grpo import dr_grpo
from vrft.training.losses.grpo import grpo
from vrft.training.losses.gspo import gspo
from vrft.training.losses.rows import as_rows, keep_finished
from vrft.training.losses.sapo import sapo

__all__ = [
    "LOSSES",
    "KlTerm",
    "Loss",
    "LossFunction",
    "LossOptions",
    "StepSize",
    "as_rows",
    "keep_finished",
    "sequence_mean",
    "token_mean",
]


class LossFunction(Protocol):
    """A loss; what the arguments are stands at ``grpo``."""

    def __call__(
        self,
        logprobs_RA: torch.Tensor,
        old_RA: torch.Tensor | None,
        advantages_R: torch.Tensor,
        mask_RA: torch.Tensor,
        size: StepSize,
        options: LossOptions = DEFAULTS,
        kl: KlTerm | None = None,
    ) -> Loss:
        """The micro-batch's part of the step's loss."""
        ...


LOSSES: dict[str, LossFunction] = {
    "grpo": grpo,
    "dr_grpo": dr_grpo,
    "dapo": dapo,
    "bnpo": bnpo,
    "gspo": gspo,
    "cispo": cispo,
    "sapo": sapo,
}
