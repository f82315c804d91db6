"""GDPO's advantage: each reward term normalised by itself, before they are summed."""

from __future__ import annotations

import torch

from vrft.training.advantages.common import spread
from vrft.training.advantages.group_normalised import group_normalised


def term_scores(terms_PGK: torch.Tensor, weights_K: torch.Tensor, std_floor: float = 0.0) -> torch.Tensor:
    """Weighted sum of each term's z-score within its group: GDPO before its batch normalisation.

    Args:
        terms_PGK: float (P, G, K), finite.
        weights_K: (K,); 0 leaves a term out.
        std_floor: as of ``group_normalised``, for each term.

    Returns:
        (P, G); each group sums to zero.

    Example:
        >>> found = term_scores(torch.tensor([[[0.0, 0.0], [1.0, 1.0]]]), torch.ones(2))
        >>> [f"{a:.3f}" for a in found[0].tolist()]
        ['-1.414', '1.414']
    """
    scores = [group_normalised(term_PG, std_floor) for term_PG in terms_PGK.unbind(2)]
    return torch.stack(scores, 2) @ weights_K.to(terms_PGK.dtype)


def term_normalised(terms_PGK: torch.Tensor, weights_K: torch.Tensor, std_floor: float = 0.0) -> torch.Tensor:
    """``term_scores`` / (their std over the step + 1e-4) (GDPO, arXiv 2601.05242, section 3).

    Normalising the sum instead lets answers that earned different terms share one advantage. The mean over
    the step, which the paper subtracts too, is zero already.

    Args:
        terms_PGK: float (P, G, K), finite, of the whole step.
        weights_K: (K,).
        std_floor: as of ``group_normalised``, for each term.

    Returns:
        (P, G); zero for a group in which every term is all equal.

    Example:
        >>> found = term_normalised(torch.tensor([[[0.0], [1.0]], [[0.0], [5.0]]]), torch.ones(1))
        >>> [[f"{a:.3f}" for a in group] for group in found.tolist()]
        [['-0.866', '0.866'], ['-0.866', '0.866']]
    """
    scores_PG = term_scores(terms_PGK, weights_K, std_floor)
    return scores_PG / spread(scores_PG, (0, 1), 0.0) if scores_PG.numel() > 1 else scores_PG
