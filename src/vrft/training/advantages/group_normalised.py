"""GRPO's advantage: rewards as z-scores of their group."""

from __future__ import annotations

import torch

from vrft.training.advantages.centred import centred
from vrft.training.advantages.common import spread


def group_normalised(rewards_PG: torch.Tensor, std_floor: float = 0.0) -> torch.Tensor:
    """(r - mean) / (std + 1e-4) within each group (Visual-RFT Eq. 4; the sample standard deviation).

    Args:
        rewards_PG: float (P, G), finite.
        std_floor: a smaller standard deviation is taken for this; above 0 it keeps small differences small.

    Returns:
        (P, G); zero for a group whose rewards are all equal.

    Example:
        >>> [f"{a:.4f}" for a in group_normalised(torch.tensor([[1.0] + [0.0] * 7]))[0, :2].tolist()]
        ['2.4742', '-0.3535']
    """
    if rewards_PG.shape[1] < 2:
        return centred(rewards_PG)
    return centred(rewards_PG) / spread(rewards_PG, 1, std_floor)
