"""Ratios of policy to sampling policy, and PPO's clipped surrogate. Axes: R answers, A tokens."""

from __future__ import annotations

from collections.abc import Callable

import torch

from vrft.training.kl import LARGEST_LOG_RATIO
from vrft.training.losses.common import KlTerm, Loss, LossOptions, StepSize, measured, per_token, with_kl


def token_ratio(logprobs_RA: torch.Tensor, old_RA: torch.Tensor | None) -> torch.Tensor:
    """Each token's pi / pi_old.

    Args:
        logprobs_RA: under the policy, with gradient.
        old_RA: under the policy that sampled; None for one update a sample, where both are the same and the
            ratio is 1 with the gradient of the log-probability.

    Returns:
        (R, A); log-ratios are clamped to +-20 before the exponential.

    Example:
        >>> token_ratio(torch.tensor([[0.0, -1.0]]), torch.tensor([[0.0, -1.0]])).tolist()
        [[1.0, 1.0]]
    """
    old_RA = logprobs_RA.detach() if old_RA is None else old_RA
    return torch.exp((logprobs_RA - old_RA).clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO))


def answer_ratio(
    logprobs_RA: torch.Tensor, old_RA: torch.Tensor | None, mask_RA: torch.Tensor
) -> torch.Tensor:
    """Each answer's geometric mean of its tokens' ratios (GSPO, arXiv 2507.18071, Eq. 7).

    Args:
        logprobs_RA: under the policy, with gradient.
        old_RA: under the policy that sampled; None for one update a sample.
        mask_RA: True where a token is; a row without one has ratio 1.

    Returns:
        (R, 1).

    Example:
        >>> old, now = torch.tensor([[-1.0, -1.0]]), torch.tensor([[0.0, -2.0]])
        >>> answer_ratio(now, old, torch.ones(1, 2, dtype=torch.bool)).tolist()
        [[1.0]]
    """
    mask = mask_RA.to(logprobs_RA.dtype)
    old_RA = logprobs_RA.detach() if old_RA is None else old_RA
    mean_R1 = ((logprobs_RA - old_RA) * mask).sum(1, keepdim=True) / mask.sum(1, keepdim=True).clamp(min=1)
    return torch.exp(mean_R1.clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO))


def clipped_surrogate(
    ratio: torch.Tensor, advantages_R: torch.Tensor, options: LossOptions
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Negative clipped objective, -min(ratio A, clip(ratio, 1 - low, 1 + high) A) (PPO, 1707.06347, Eq. 7).

    Args:
        ratio: (R, A), or (R, 1) for whole answers.
        advantages_R: one an answer.
        options: ``clip_low`` and ``clip_high``.

    Returns:
        The objective, and where the lower and the upper edge took the gradient away; as wide as the ratio.

    Example:
        >>> each, low, high = clipped_surrogate(torch.tensor([[1.5]]), torch.tensor([2.0]), LossOptions())
        >>> f"{each.item():.1f}", low.item(), high.item()
        ('-2.4', False, True)
    """
    advantages = advantages_R[:, None]
    below, above = 1 - options.clip_low, 1 + options.clip_high
    each = -torch.minimum(ratio * advantages, ratio.clamp(below, above) * advantages)
    return each, (ratio < below) & (advantages < 0), (ratio > above) & (advantages > 0)


def clipped_loss(
    mean: Callable[[torch.Tensor], torch.Tensor],
    logprobs_RA: torch.Tensor,
    old_RA: torch.Tensor | None,
    advantages_R: torch.Tensor,
    mask_RA: torch.Tensor,
    size: StepSize,
    options: LossOptions,
    kl: KlTerm | None,
) -> Loss:
    """The clipped surrogate of each token plus the KL term; losses of this kind differ in their mean alone.

    Args:
        mean: each token's loss (R, A) to the step's scalar.
        logprobs_RA: under the policy, with gradient.
        old_RA: under the policy that sampled; None for one update a sample.
        advantages_R: one an answer.
        mask_RA: True where a token is.
        size: of the whole step.
        options: ``clip_low`` and ``clip_high``.
        kl: the KL term, or None.
    """
    ratio_RA = token_ratio(logprobs_RA, old_RA)
    each_RA, low_RA, high_RA = clipped_surrogate(ratio_RA, advantages_R, options)
    value = mean(with_kl(each_RA, ratio_RA, kl))
    return measured(value, ratio_RA, per_token(mask_RA, size, ratio_RA), low_RA, high_RA)
