"""Dr. GRPO's advantage: rewards less their group's mean."""

from __future__ import annotations

import torch

from vrft.training.advantages.common import all_equal


def centred(rewards_PG: torch.Tensor) -> torch.Tensor:
    """r - mean within each group, without the standard deviation (Dr. GRPO, arXiv 2503.20783, section 3).

    Args:
        rewards_PG: float (P, G), finite.

    Returns:
        (P, G); zero for a group whose rewards are all equal. (G - 1)/G of ``leave_one_out``.

    Example:
        >>> centred(torch.tensor([[1.0, 0.0, 0.0, 0.0]])).tolist()
        [[0.75, -0.25, -0.25, -0.25]]
    """
    # An all-equal group is exactly zero, not rounding noise that a division makes large.
    return (rewards_PG - rewards_PG.mean(1, keepdim=True)).masked_fill(all_equal(rewards_PG), 0.0)
