"""Token mean of each micro-batch by itself, which TRL calls BNPO."""

from __future__ import annotations

import torch

from vrft.training.losses.aggregate import batch_token_mean
from vrft.training.losses.clipped import clipped_loss
from vrft.training.losses.common import DEFAULTS, KlTerm, Loss, LossOptions, StepSize


def bnpo(
    logprobs_RA: torch.Tensor,
    old_RA: torch.Tensor | None,
    advantages_R: torch.Tensor,
    mask_RA: torch.Tensor,
    size: StepSize,
    options: LossOptions = DEFAULTS,
    kl: KlTerm | None = None,
) -> Loss:
    """Mean over the micro-batch's own tokens of the clipped surrogate plus the KL term (TRL's 'bnpo').

    A micro-batch counts as much as it has answers, so the step's loss depends on how it is cut unless all
    answers are equally long; in one piece it is DAPO's, and with one answer a micro-batch it is GRPO's.

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
        >>> f"{bnpo(now, old, torch.tensor([1.0, -1.0]), mask, size).value.item():.4f}"
        '-0.4351'
    """
    return clipped_loss(
        lambda each_RA: batch_token_mean(each_RA, mask_RA, size.rows),
        logprobs_RA,
        old_RA,
        advantages_R,
        mask_RA,
        size,
        options,
        kl,
    )
