"""GSPO's loss: one ratio an answer, clipped as a whole."""

from __future__ import annotations

import torch

from vrft.training.losses.aggregate import sequence_mean
from vrft.training.losses.clipped import answer_ratio, clipped_surrogate
from vrft.training.losses.common import (
    DEFAULTS,
    KlTerm,
    Loss,
    LossOptions,
    StepSize,
    measured,
    per_answer,
    with_kl,
)


def gspo(
    logprobs_RA: torch.Tensor,
    old_RA: torch.Tensor | None,
    advantages_R: torch.Tensor,
    mask_RA: torch.Tensor,
    size: StepSize,
    options: LossOptions = DEFAULTS,
    kl: KlTerm | None = None,
) -> Loss:
    """1/R sum_i of the clipped surrogate of each answer's ratio, plus the KL term (GSPO, 2507.18071, Eq. 5).

    The KL term stays one a token, and is averaged over each answer first. The ratio is a mean over tokens and
    moves little: the paper's edges are 3e-4 and 4e-4, and at 0.2 hardly anything is ever clipped.

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
        >>> f"{gspo(now, old, torch.tensor([1.0, -1.0]), mask, size).value.item():.4f}"
        '-0.1000'
    """
    ratio_R1 = answer_ratio(logprobs_RA, old_RA, mask_RA)
    each_R1, low_R1, high_R1 = clipped_surrogate(ratio_R1, advantages_R, options)
    each_RA = with_kl(each_R1.expand_as(logprobs_RA), ratio_R1, kl)
    value = sequence_mean(each_RA, mask_RA, size.rows, size.tokens)
    return measured(value, ratio_R1, per_answer(mask_RA, size, ratio_R1), low_R1, high_R1)
