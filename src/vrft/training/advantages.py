"""Advantages: small pure functions from rewards (P prompts, G answers) to advantages of the same shape."""

from __future__ import annotations

from collections.abc import Callable

import torch

EPSILON = 1e-4
"""Added to the standard deviation, as the released trainer does."""


def group_normalised(rewards_PG: torch.Tensor) -> torch.Tensor:
    """(r - mean) / (std + 1e-4) within each group (Visual-RFT Eq. 4; the sample standard deviation).

    Args:
        rewards_PG: float (P, G), finite.

    Returns:
        (P, G); zero for a group whose rewards are all equal.

    Example:
        >>> [f"{a:.4f}" for a in group_normalised(torch.tensor([[1.0] + [0.0] * 7]))[0, :2].tolist()]
        ['2.4742', '-0.3535']
    """
    centred = centred_only(rewards_PG)
    if rewards_PG.shape[1] < 2:
        return centred
    # An all-equal group is exactly zero, not rounding noise divided by a tiny number.
    equal = (rewards_PG == rewards_PG[:, :1]).all(1, keepdim=True)
    return (centred / (rewards_PG.std(1, keepdim=True) + EPSILON)).masked_fill(equal, 0.0)


def centred_only(rewards_PG: torch.Tensor) -> torch.Tensor:
    """r - mean within each group, without the standard deviation (Dr. GRPO, arXiv 2503.20783).

    Args:
        rewards_PG: float (P, G).
    """
    return rewards_PG - rewards_PG.mean(1, keepdim=True)


ADVANTAGES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "group_normalised": group_normalised,
    "centred": centred_only,
}
