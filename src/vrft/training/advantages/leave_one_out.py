"""RLOO's advantage: each reward less the mean of the others."""

from __future__ import annotations

import torch

from vrft.training.advantages.common import all_equal


def leave_one_out(rewards_PG: torch.Tensor) -> torch.Tensor:
    """r_i less the mean of its group's other rewards (RLOO, arXiv 2402.14740, section 3.3).

    The baseline does not depend on the answer itself, so the policy gradient is unbiased.

    Args:
        rewards_PG: float (P, G), finite.

    Returns:
        (P, G); zero for a group whose rewards are all equal, so also where G is 1.

    Example:
        >>> leave_one_out(torch.tensor([[1.0, 0.0, 0.5]])).tolist()
        [[0.75, -0.75, 0.0]]
    """
    others = (rewards_PG.sum(1, keepdim=True) - rewards_PG) / max(rewards_PG.shape[1] - 1, 1)
    return (rewards_PG - others).masked_fill(all_equal(rewards_PG), 0.0)
