"""DAPO's loss: clipped, each token of the step counts alike; its upper edge is meant to be higher."""

from __future__ import annotations

import torch

from vrft.training.losses.aggregate import token_mean
from vrft.training.losses.clipped import clipped_loss
from vrft.training.losses.common import DEFAULTS, KlTerm, Loss, LossOptions, StepSize


def dapo(
    logprobs_RA: torch.Tensor,
    old_RA: torch.Tensor | None,
    advantages_R: torch.Tensor,
    mask_RA: torch.Tensor,
    size: StepSize,
    options: LossOptions = DEFAULTS,
    kl: KlTerm | None = None,
) -> Loss:
    """1/sum_i |o_i| sum_i sum_t of the clipped surrogate plus the KL term (DAPO, arXiv 2503.14476, Eq. 8).

    Args:
        logprobs_RA: under the policy, with gradient.
        old_RA: under the policy that sampled; None for one update a sample.
        advantages_R: one an answer.
        mask_RA: True where a token is.
        size: of the whole step.
        options: ``clip_low`` and ``clip_high``; the paper has 0.2 and 0.28.
        kl: the KL term, or None.

    Example:
        >>> now, old = torch.tensor([[0.1, 0.3], [0.0, 0.0]]), torch.zeros(2, 2)
        >>> mask = torch.tensor([[True, True], [True, False]])
        >>> size = StepSize(rows=2, tokens=3, max_tokens=4)
        >>> f"{dapo(now, old, torch.tensor([1.0, -1.0]), mask, size).value.item():.4f}"
        '-0.4351'
    """
    return clipped_loss(
        lambda each_RA: token_mean(each_RA, mask_RA, size.rows, size.tokens),
        logprobs_RA,
        old_RA,
        advantages_R,
        mask_RA,
        size,
        options,
        kl,
    )
