"""SAPO's loss: a smooth gate around ratio 1 instead of edges."""

from __future__ import annotations

import torch

from vrft.training.losses.aggregate import sequence_mean
from vrft.training.losses.clipped import token_ratio
from vrft.training.losses.common import (
    DEFAULTS,
    KlTerm,
    Loss,
    LossOptions,
    StepSize,
    measured,
    per_token,
    with_kl,
)


def sapo(
    logprobs_RA: torch.Tensor,
    old_RA: torch.Tensor | None,
    advantages_R: torch.Tensor,
    mask_RA: torch.Tensor,
    size: StepSize,
    options: LossOptions = DEFAULTS,
    kl: KlTerm | None = None,
) -> Loss:
    """1/R sum_i 1/|o_i| sum_t of -(4/tau) sigmoid(tau (ratio - 1)) A, plus the KL term (2511.20347, sec. 3).

    The gate's slope is 1 at ratio 1, so that on-policy gradients are GRPO's, and fades on both sides.

    Args:
        logprobs_RA: under the policy, with gradient.
        old_RA: under the policy that sampled; None for one update a sample.
        advantages_R: one an answer.
        mask_RA: True where a token is.
        size: of the whole step.
        options: ``tau_positive`` and ``tau_negative``.
        kl: the KL term, or None.

    Example:
        >>> now, old = torch.tensor([[0.1, 0.3], [0.0, 0.0]]), torch.zeros(2, 2)
        >>> mask = torch.tensor([[True, True], [True, False]])
        >>> size = StepSize(rows=2, tokens=3, max_tokens=4)
        >>> f"{sapo(now, old, torch.tensor([1.0, -1.0]), mask, size).value.item():.4f}"
        '-0.1605'
    """
    ratio_RA = token_ratio(logprobs_RA, old_RA)
    advantages = advantages_R[:, None]
    tau = torch.full_like(advantages, options.tau_negative)
    tau = tau.masked_fill(advantages > 0, options.tau_positive)
    each_RA = -(torch.sigmoid(tau * (ratio_RA - 1)) * 4 / tau) * advantages
    value = sequence_mean(with_kl(each_RA, ratio_RA, kl), mask_RA, size.rows, size.tokens)
    return measured(value, ratio_RA, per_token(mask_RA, size, ratio_RA))
