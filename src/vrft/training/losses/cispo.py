"""CISPO's loss: the ratio is a weight without gradient, cut above; no token loses its gradient."""

from __future__ import annotations

import torch

from vrft.training.losses.aggregate import token_mean
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


def cispo(
    logprobs_RA: torch.Tensor,
    old_RA: torch.Tensor | None,
    advantages_R: torch.Tensor,
    mask_RA: torch.Tensor,
    size: StepSize,
    options: LossOptions = DEFAULTS,
    kl: KlTerm | None = None,
) -> Loss:
    """1/sum_i |o_i| sum_i sum_t of -sg(min(ratio, 1 + high)) A log pi, plus the KL term (2506.13585, Eq. 4).

    sg stops the gradient. The paper leaves the lower edge away, and so does this. ScaleRL
    (2510.13786) cuts at 5: ``clip_high`` 4.

    Args:
        logprobs_RA: under the policy, with gradient.
        old_RA: under the policy that sampled; None for one update a sample.
        advantages_R: one an answer.
        mask_RA: True where a token is.
        size: of the whole step.
        options: ``clip_high``.
        kl: the KL term, or None.

    Example:
        >>> now, old = torch.tensor([[0.1, 0.3], [0.0, 0.0]]), torch.zeros(2, 2)
        >>> mask = torch.tensor([[True, True], [True, False]])
        >>> size = StepSize(rows=2, tokens=3, max_tokens=4)
        >>> f"{cispo(now, old, torch.tensor([1.0, -1.0]), mask, size).value.item():.4f}"
        '-0.1568'
    """
    ratio_RA = token_ratio(logprobs_RA, old_RA)
    above = 1 + options.clip_high
    each_RA = -ratio_RA.clamp(max=above).detach() * advantages_R[:, None] * logprobs_RA
    value = token_mean(with_kl(each_RA, ratio_RA, kl), mask_RA, size.rows, size.tokens)
    return measured(value, ratio_RA, per_token(mask_RA, size, ratio_RA), high=ratio_RA > above)
