"""Masks and values of a batch of answers. Axes: R answers, A tokens."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def keep_finished(mask_RA: torch.Tensor, finished_R: torch.Tensor) -> torch.Tensor:
    """The mask without the answers that met the length limit (DAPO's overlong filtering, 2503.14476, 3.4).

    The answers still count among the step's rows, and in their group's mean reward; their tokens do not
    count among the step's tokens.

    Args:
        mask_RA: True where a token is.
        finished_R: True where an end token was sampled.

    Returns:
        (R, A); all False in a row that was cut off.

    Example:
        >>> keep_finished(torch.ones(2, 2, dtype=torch.bool), torch.tensor([True, False])).tolist()
        [[True, True], [False, False]]
    """
    return mask_RA & finished_R[:, None]


def as_rows(values: Sequence[Sequence[float]], mask_RA: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Values a token, as lists of each answer's own length, put where the mask is True.

    Args:
        values: R lists, such as the log-probabilities that sampling kept.
        mask_RA: True where a token is; each row's tokens are counted off in order.
        like: gives dtype and device.

    Returns:
        (R, A), 0 where there is no token.

    Raises:
        ValueError: a list and its row of the mask differ in length.

    Example:
        >>> mask = torch.tensor([[True, True], [True, False]])
        >>> as_rows([[-1.0, -2.0], [-3.0]], mask, torch.zeros(())).tolist()
        [[-1.0, -2.0], [-3.0, 0.0]]
    """
    lengths = [len(row) for row in values]
    if lengths != mask_RA.sum(1).tolist():
        raise ValueError(f"lists of {lengths} values for rows of {mask_RA.sum(1).tolist()} tokens")
    flat = torch.tensor([v for row in values for v in row], dtype=like.dtype, device=like.device)
    return torch.zeros(mask_RA.shape, dtype=like.dtype, device=like.device).masked_scatter(mask_RA, flat)
