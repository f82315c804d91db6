"""The group's mean and the whole batch's standard deviation."""

from __future__ import annotations

import torch

from vrft.training.advantages.centred import centred
from vrft.training.advantages.common import spread


def batch_normalised(rewards_PG: torch.Tensor, std_floor: float = 0.0) -> torch.Tensor:
    """(r - mean of the group) / (std of all rewards of the step + 1e-4) (Lite PPO, arXiv 2508.08221).

    Easy and hard prompts keep their size against each other, which a group's own deviation takes from them.

    Args:
        rewards_PG: float (P, G), finite, of the whole step.
        std_floor: a smaller standard deviation is taken for this.

    Returns:
        (P, G); zero for a group whose rewards are all equal.

    Example:
        >>> found = batch_normalised(torch.tensor([[0.0, 1.0], [4.0, 7.0]]))
        >>> [[f"{a:.4f}" for a in group] for group in found.tolist()]
        [['-0.1581', '0.1581'], ['-0.4743', '0.4743']]
    """
    if rewards_PG.numel() < 2:
        return centred(rewards_PG)
    return centred(rewards_PG) / spread(rewards_PG, (0, 1), std_floor)
