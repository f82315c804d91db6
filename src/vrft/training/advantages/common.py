"""What the advantages share. Axes: P prompts, G answers a prompt, K reward terms."""

from __future__ import annotations

from dataclasses import dataclass

import torch

EPSILON = 1e-4
"""Added to a standard deviation, as the released trainer does."""


@dataclass(frozen=True)
class Rewards:
    """What a step's answers earned."""

    total_PG: torch.Tensor
    """Weighted sums of the terms, finite."""
    terms_PGK: torch.Tensor
    """Raw terms."""
    weights_K: torch.Tensor


def all_equal(rewards_PG: torch.Tensor) -> torch.Tensor:
    """True (P, 1) for groups whose rewards are all equal, bit for bit."""
    return (rewards_PG == rewards_PG[:, :1]).all(1, keepdim=True)


def spread(rewards: torch.Tensor, dim: int | tuple[int, ...], std_floor: float) -> torch.Tensor:
    """What centred rewards are divided by: the sample standard deviation, at least the floor, plus 1e-4.

    Args:
        rewards: any shape.
        dim: over which dimensions; they hold two values or more.
        std_floor: 0 or more.

    Returns:
        As ``rewards``, with size 1 in ``dim``.
    """
    # Not torch's std: on some processors its last digit depends on how many groups there are.
    off = rewards - rewards.mean(dim, keepdim=True)
    squares = off.square().sum(dim, keepdim=True)
    deviation = (squares / (rewards.numel() // squares.numel() - 1)).sqrt()
    return deviation.clamp(min=std_floor) + EPSILON


def with_signal(advantages_PG: torch.Tensor) -> torch.Tensor:
    """Which groups teach anything.

    A binary reward that is earned with probability p gives 1 - p^G - (1 - p)^G of the groups a signal.

    Args:
        advantages_PG: of any of the advantages here, which are exactly 0 where all answers earned the same.

    Returns:
        True (P,) for groups with an advantage other than 0.

    Example:
        >>> with_signal(torch.tensor([[0.0, 0.0], [1.0, -1.0]])).tolist()
        [False, True]
    """
    return (advantages_PG != 0).any(1)
