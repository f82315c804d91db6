"""Per-token estimators of KL(policy || reference) from sampled tokens (Schulman's k1, k2, k3)."""

from __future__ import annotations

from collections.abc import Callable

import torch

LARGEST_LOG_RATIO = 20.0
"""Log-ratios are clamped here before the exponential, so that no token can overflow the loss."""


def k1(logprobs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """log pi - log ref: unbiased, may be negative."""
    return logprobs - reference


def k2(logprobs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """(log pi - log ref)^2 / 2: biased, never negative; its on-policy gradient is that of the reverse KL."""
    return 0.5 * (logprobs - reference) ** 2


def k3(logprobs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """ref/pi - log(ref/pi) - 1: unbiased, never negative (GRPO, arXiv 2402.03300; the released trainer).

    Args:
        logprobs: of the sampled tokens under the policy.
        reference: of the same tokens under the reference.

    Example:
        >>> float(k3(torch.tensor(0.0), torch.tensor(0.0)))
        0.0
    """
    difference = (reference - logprobs).clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)
    return torch.expm1(difference) - difference


ESTIMATORS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {"k1": k1, "k2": k2, "k3": k3}
