"""Dr. GRPO's loss: clipped, divided by a constant, so that no length is favoured."""

from __future__ import annotations

import torch

from vrft.training.losses.aggregate import constant_mean
from vrft.training.losses.clipped import clipped_loss
from vrft.training.losses.common import DEFAULTS, KlTerm, Loss, LossOptions, StepSize


def dr_grpo(
    logprobs_RA: torch.Tensor,
    old_RA: torch.Tensor | None,
    advantages_R: torch.Tensor,
    mask_RA: torch.Tensor,
    size: StepSize,
    options: LossOptions = DEFAULTS,
    kl: KlTerm | None = None,
) -> Loss:
    """1/(R L) sum_i sum_t of the clipped surrogate plus the KL term (Dr. GRPO, arXiv 2503.20783, section 3).

    L is the longest length that sampling allows.

    Args:
        logprobs_RA: under the policy, with gradient.
        old_RA: under the policy that sampled; None for one update a sample.
        advantages_R: one an answer.
        mask_RA: True where a token is.
        size: of the whole step.
        options: ``clip_low`` and ``clip_high``.
        kl: the KL term, or None.

    Example:
        >>> now, old = torch.tensor([[0.1, 0.3], [0.0, 0.0]]), torch.zeros(2, 2)
        >>> mask = torch.tensor([[True, True], [True, False]])
        >>> size = StepSize(rows=2, tokens=3, max_tokens=4)
        >>> f"{dr_grpo(now, old, torch.tensor([1.0, -1.0]), mask, size).value.item():.4f}"
        '-0.1631'
    """
    return clipped_loss(
        lambda each_RA: constant_mean(each_RA, mask_RA, size.rows, size.max_tokens),
        logprobs_RA,
        old_RA,
        advantages_R,
        mask_RA,
        size,
        options,
        kl,
    )
