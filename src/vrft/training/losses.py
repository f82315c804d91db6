"""Policy losses: pure functions of log-probabilities, advantages and a mask. Axes: R answers, A tokens."""

from __future__ import annotations

from collections.abc import Callable

import torch


def clipped_surrogate(
    logprobs_RA: torch.Tensor, old_RA: torch.Tensor, advantages_R: torch.Tensor, clip: float
) -> torch.Tensor:
    """Negative clipped policy objective of each token (PPO's, as in GRPO, arXiv 2402.03300 Eq. 3).

    Args:
        logprobs_RA: under the policy, with gradient.
        old_RA: under the policy that sampled; equal to ``logprobs_RA.detach()`` for one update a sample.
        advantages_R: one an answer.
        clip: half-width of the trusted ratios, above 0.

    Returns:
        (R, A).
    """
    ratio = torch.exp((logprobs_RA - old_RA).clamp(-20.0, 20.0))
    advantages = advantages_R[:, None]
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)


def sequence_mean(each_RA: torch.Tensor, mask_RA: torch.Tensor, rows: int, tokens: int) -> torch.Tensor:
    """Mean over each answer's tokens, then over answers (GRPO's; the released trainer's).

    Args:
        each_RA: loss of each token.
        mask_RA: True where a token is.
        rows: answers in the whole step, this micro-batch and its sisters together.
        tokens: answer tokens in the whole step.
    """
    mask = mask_RA.to(each_RA.dtype)
    return ((each_RA * mask).sum(1) / mask.sum(1).clamp(min=1)).sum() / rows


def token_mean(each_RA: torch.Tensor, mask_RA: torch.Tensor, rows: int, tokens: int) -> torch.Tensor:
    """Mean over all tokens of the step (DAPO, arXiv 2503.14476)."""
    return (each_RA * mask_RA.to(each_RA.dtype)).sum() / tokens


AGGREGATIONS: dict[str, Callable[[torch.Tensor, torch.Tensor, int, int], torch.Tensor]] = {
    "sequence": sequence_mean,
    "token": token_mean,
}
