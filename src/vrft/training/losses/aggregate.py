"""From each token's loss to one number: four means. Axes: R answers, A tokens."""

from __future__ import annotations

import torch


def sequence_mean(each_RA: torch.Tensor, mask_RA: torch.Tensor, rows: int, tokens: int) -> torch.Tensor:
    """Mean over each answer's tokens, then over answers (GRPO's, arXiv 2402.03300, Eq. 3).

    Args:
        each_RA: loss of each token.
        mask_RA: True where a token is; a row without one counts 0.
        rows: answers in the whole step, this micro-batch and its sisters together.
        tokens: answer tokens in the whole step; not used.

    Example:
        >>> each, mask = torch.tensor([[1.0, 2.0], [3.0, 9.0]]), torch.tensor([[True, True], [True, False]])
        >>> sequence_mean(each, mask, 2, 3).item()
        2.25
    """
    mask = mask_RA.to(each_RA.dtype)
    return ((each_RA * mask).sum(1) / mask.sum(1).clamp(min=1)).sum() / rows


def token_mean(each_RA: torch.Tensor, mask_RA: torch.Tensor, rows: int, tokens: int) -> torch.Tensor:
    """Mean over all tokens of the step (DAPO, arXiv 2503.14476, section 3.3).

    Args:
        each_RA: loss of each token.
        mask_RA: True where a token is.
        rows: answers in the whole step; not used.
        tokens: answer tokens in the whole step.

    Example:
        >>> each, mask = torch.tensor([[1.0, 2.0], [3.0, 9.0]]), torch.tensor([[True, True], [True, False]])
        >>> token_mean(each, mask, 2, 3).item()
        2.0
    """
    return (each_RA * mask_RA.to(each_RA.dtype)).sum() / tokens


def batch_token_mean(each_RA: torch.Tensor, mask_RA: torch.Tensor, rows: int) -> torch.Tensor:
    """Mean over the tokens of this micro-batch, which counts as much as it has answers (BNPO in TRL).

    Args:
        each_RA: loss of each token.
        mask_RA: True where a token is.
        rows: answers in the whole step.

    Example:
        >>> each, mask = torch.tensor([[1.0, 2.0], [3.0, 9.0]]), torch.tensor([[True, True], [True, False]])
        >>> batch_token_mean(each, mask, 4).item()
        1.0
    """
    mask = mask_RA.to(each_RA.dtype)
    return (each_RA * mask).sum() / mask.sum().clamp(min=1) * (len(each_RA) / rows)


def constant_mean(each_RA: torch.Tensor, mask_RA: torch.Tensor, rows: int, max_tokens: int) -> torch.Tensor:
    """Sum over tokens by the answers times the longest length, whatever lengths came (Dr. GRPO, 2503.20783).

    Args:
        each_RA: loss of each token.
        mask_RA: True where a token is.
        rows: answers in the whole step.
        max_tokens: longest answer that sampling allows.

    Example:
        >>> each, mask = torch.tensor([[1.0, 2.0], [3.0, 9.0]]), torch.tensor([[True, True], [True, False]])
        >>> constant_mean(each, mask, 2, 4).item()
        0.75
    """
    return (each_RA * mask_RA.to(each_RA.dtype)).sum() / (rows * max_tokens)
