"""Per-token estimators of KL(policy || reference) from sampled tokens (Schulman's k1, k2, k3).

A value that estimates the KL need not have its gradient. Differentiated as a loss with the samples held
fixed, as GRPO codes do, the three have on average, for samples of the policy pi itself:

k1  no gradient at all
k2  the gradient of KL(pi || ref), the reverse KL that is meant
k3  the gradient of KL(ref || pi), the forward KL: sum of (pi - ref) grad log pi

Multiplied by the ratio pi / pi_old with its gradient (``grpo.kl_correction``; DeepSeek-V3.2, arXiv
2512.02556), each has the gradient of its own mean: k1 and k3 then have the reverse KL's, also when pi has
left pi_old.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

LARGEST_LOG_RATIO = 20.0
"""Log-ratios are clamped here before the exponential, so that no token can overflow the loss."""


def k1(logprobs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """log pi - log ref: unbiased, may be negative; as a loss it has no gradient on average.

    Args:
        logprobs: of the sampled tokens under the policy.
        reference: of the same tokens under the reference.

    Returns:
        As ``logprobs``; its variance is large where the two are close.

    Example:
        >>> k1(torch.tensor(-1.0), torch.tensor(-1.5)).item()
        0.5
    """
    return logprobs - reference


def k2(logprobs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """(log pi - log ref)^2 / 2: biased, never negative; its on-policy gradient is that of the reverse KL.

    Args:
        logprobs: of the sampled tokens under the policy.
        reference: of the same tokens under the reference.

    Returns:
        As ``logprobs``, 0 or more.

    Example:
        >>> k2(torch.tensor(-1.0), torch.tensor(-1.5)).item()
        0.125
    """
    return 0.5 * (logprobs - reference) ** 2


def k3(logprobs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """ref/pi - log(ref/pi) - 1: unbiased, never negative (GRPO, arXiv 2402.03300, Eq. 4).

    Its on-policy gradient is that of the forward KL, KL(ref || pi). The released trainer has this one.

    Args:
        logprobs: of the sampled tokens under the policy.
        reference: of the same tokens under the reference.

    Returns:
        As ``logprobs``, 0 or more, and 0 only where both are equal; log-ratios are clamped to +-20.

    Example:
        >>> float(k3(torch.tensor(0.0), torch.tensor(0.0)))
        0.0
    """
    difference = (reference - logprobs).clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)
    return torch.expm1(difference) - difference


ESTIMATORS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {"k1": k1, "k2": k2, "k3": k3}
