"""What every loss takes and gives. Axes: R answers, A tokens."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class StepSize:
    """Size of the whole step, all micro-batches together, so that their losses add up exactly."""

    rows: int
    """Answers."""
    tokens: int
    """Answer tokens that count, at least 1."""
    max_tokens: int
    """Longest answer that sampling allows."""


@dataclass(frozen=True)
class LossOptions:
    """Edges and temperatures; each loss reads the ones that its formula has."""

    clip_low: float = 0.2
    """The lower edge of the trusted ratios is 1 - clip_low."""
    clip_high: float = 0.2
    """The upper edge is 1 + clip_high; DAPO's clip-higher has 0.28."""
    tau_positive: float = 1.0
    """SAPO's temperature where the advantage is above 0."""
    tau_negative: float = 1.05
    """SAPO's temperature elsewhere."""


DEFAULTS = LossOptions()


@dataclass(frozen=True)
class KlTerm:
    """The KL term, added to each token's loss before the mean is taken."""

    estimate_RA: torch.Tensor
    """One of ``vrft.training.kl.ESTIMATORS``, with gradient."""
    beta: float
    """Its weight, above 0."""
    correction: bool = False
    """Multiply by the ratio, with its gradient: see ``vrft.training.kl``."""


@dataclass(frozen=True)
class Loss:
    """A micro-batch's part of the step's loss and statistics; the parts of a step add up to the step's."""

    value: torch.Tensor
    """Scalar, with gradient."""
    clipped_low_share: torch.Tensor
    """Tokens (GSPO: answers) without gradient since their ratio fell below the lower edge, in [0, 1]."""
    clipped_high_share: torch.Tensor
    """The same above the upper edge; for CISPO, tokens whose weight was cut there."""
    ratio_mean: torch.Tensor
    """Mean ratio over tokens (GSPO: answers); 1 with one update a sample."""


def with_kl(each_RA: torch.Tensor, ratio: torch.Tensor, kl: KlTerm | None) -> torch.Tensor:
    """Each token's loss with the KL term, where there is one.

    Args:
        each_RA: loss of each token.
        ratio: (R, A), or (R, 1) for a ratio of whole answers.
        kl: the term, or None.

    Returns:
        (R, A).
    """
    if kl is None:
        return each_RA
    estimate_RA = kl.estimate_RA * ratio if kl.correction else kl.estimate_RA
    return each_RA + kl.beta * estimate_RA


def per_token(mask_RA: torch.Tensor, size: StepSize, like: torch.Tensor) -> torch.Tensor:
    """Weights (R, A) that count each token of the step alike; they sum to 1 over the step."""
    return mask_RA.to(like.dtype) / size.tokens


def per_answer(mask_RA: torch.Tensor, size: StepSize, like: torch.Tensor) -> torch.Tensor:
    """Weights (R, 1) that count each answer of the step alike; an answer without tokens counts 0."""
    return mask_RA.any(1, keepdim=True).to(like.dtype) / size.rows


@torch.no_grad()
def measured(
    value: torch.Tensor,
    ratio: torch.Tensor,
    weights: torch.Tensor,
    low: torch.Tensor | None = None,
    high: torch.Tensor | None = None,
) -> Loss:
    """A loss with its statistics.

    Args:
        value: the loss, with gradient.
        ratio: (R, A) or (R, 1).
        weights: as wide as the ratio, from ``per_token`` or ``per_answer``.
        low: True where the lower edge took the gradient away; None counts nothing.
        high: True where the upper edge did.
    """
    zero = torch.zeros((), dtype=weights.dtype, device=weights.device)
    low_share, high_share = (zero if cut is None else (cut * weights).sum() for cut in (low, high))
    return Loss(value, low_share, high_share, (ratio * weights).sum())
