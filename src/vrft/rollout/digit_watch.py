"""What the digits of a number would have been on average: ``Completion.digits``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch

from vrft.models.policy import Policy
from vrft.types import SamplingParams

NO_DIGIT = -1.0
"""Of a token that is no digit."""


@dataclass(frozen=True)
class DigitWatch:
    """The tokens of the ten digits, on the policy's device."""

    ids: torch.Tensor

    @classmethod
    def of(cls, policy: Policy, params: SamplingParams) -> Self | None:
        """None where nobody asks for it, or the tokenizer has no token for each digit."""
        ids = policy.digit_ids if params.digits else ()
        return cls(torch.tensor(ids, device=policy.device)) if ids else None

    def means(self, logits_RD: torch.Tensor, chosen_R: torch.Tensor) -> torch.Tensor:
        """(R,) the mean digit in each row's place where a digit was chosen, ``NO_DIGIT`` elsewhere; from the
        logits of the ten digits."""
        values = torch.arange(10, device=logits_RD.device, dtype=torch.float32)
        mean_R = logits_RD.float().softmax(-1) @ values
        return torch.where(torch.isin(chosen_R, self.ids), mean_R, NO_DIGIT)
