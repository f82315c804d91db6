"""Per-token estimators of KL(policy || reference) from sampled tokens (Schulman's k1, k2, k3).

A value that estimates the KL need not have its gradient. Differentiated as a loss with the samples held
fixed, as GRPO codes do, the three have on average, for samples of the policy pi itself:

k1  no gradient at all
k2  the gradient of KL(pi || ref), the reverse KL that is meant
k3  the gradient of KL(ref || pi), the forward KL: sum of (pi - ref) grad log pi

Multiplied by the ratio pi / pi_old with its gradient (``correction``; DeepSeek-V3.2, arXiv 2512.02556),
each has the gradient of its own mean: k1 and k3 then have the reverse KL's, also when pi has left pi_old.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from vrft.types.options import Options

if TYPE_CHECKING:
    import torch

LARGEST_LOG_RATIO = 20.0
"""Log-ratios are clamped here before the exponential, so that no token can overflow the loss."""


class KlOptions(Options):
    """The KL term, which keeps the policy near the reference."""

    beta: float = Field(0.04, ge=0)
    """Its weight; with 0 there is no reference policy at all."""
    estimator: Literal["k1", "k2", "k3"] = "k3"
    """Schulman's estimator of each token's KL; docs/algorithms.md has the formulas."""
    correction: bool = False
    """Multiply by the ratio: the gradient is then that of the estimator's mean."""


def k1(logprobs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """log pi - log ref: unbiased, may be negative; as a loss it has no gradient on average.

    Example:
        >>> import torch
        >>> k1(torch.tensor(-1.0), torch.tensor(-1.5)).item()
        0.5
    """
    return logprobs - reference


def k2(logprobs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """(log pi - log ref)^2 / 2: biased, never negative; its on-policy gradient is that of the reverse KL.

    Example:
        >>> import torch
        >>> k2(torch.tensor(-1.0), torch.tensor(-1.5)).item()
        0.125
    """
    return 0.5 * (logprobs - reference) ** 2


def k3(logprobs: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """ref/pi - log(ref/pi) - 1: unbiased, never negative (GRPO, arXiv 2402.03300, Eq. 4).

    Its on-policy gradient is that of the forward KL, KL(ref || pi). The released trainer has this one.

    Example:
        >>> import torch
        >>> float(k3(torch.tensor(0.0), torch.tensor(0.0)))
        0.0
    """
    difference = (reference - logprobs).clamp(-LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)
    return difference.expm1() - difference


ESTIMATORS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {"k1": k1, "k2": k2, "k3": k3}


@dataclass(frozen=True)
class KlTerm:
    """The KL term of a micro-batch, added to each token's loss before the mean is taken.

    Args:
        estimate_RA: one of ``ESTIMATORS``, with gradient.
        beta: its weight, above 0.
        correction: multiply by the ratio, with its gradient.
    """

    estimate_RA: torch.Tensor
    beta: float
    correction: bool = False

    def added_to(self, each_RA: torch.Tensor, ratio: torch.Tensor) -> torch.Tensor:
        """Each token's loss with the term; the ratio is (R, A), or (R, 1) for whole answers."""
        estimate_RA = self.estimate_RA * ratio if self.correction else self.estimate_RA
        return each_RA + self.beta * estimate_RA
