"""What n sampled answers say about k or G of them: unbiased estimates, by counting subsets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import comb

import numpy as np

from vrft.errors import InputError


def pass_at_k(samples: int, hits: int, k: int) -> float:
    """Chance that k answers hold at least one hit: 1 - C(n-c, k) / C(n, k) (Chen et al. 2021, Eq. 1).

    Args:
        samples: n answers that were drawn.
        hits: c of them that hit, 0 to n.
        k: 1 to n.

    Returns:
        A fraction in [0, 1]; over draws of the n answers its mean is 1 - (1 - p)^k.

    Raises:
        InputError: k or the hits are out of their range.

    Example:
        >>> round(pass_at_k(8, 2, 4), 4)
        0.7857
    """
    if not (1 <= k <= samples and 0 <= hits <= samples):
        raise InputError(
            f"pass@{k} of {hits} hits in {samples} answers: k is 1 to {samples}, hits 0 to that."
        )
    return 1 - comb(samples - hits, k) / comb(samples, k)


def signal_at(rewards: Sequence[float], group_size: int) -> float:
    """Chance that G answers to a question have different rewards, so that the group has an advantage.

    G of the n answers, without replacement, are all equal in sum over values v of C(n_v, G) of C(n, G) ways.

    Args:
        rewards: of n answers to one question.
        group_size: G, 2 to n.

    Returns:
        A fraction in [0, 1]; over draws of the n answers its mean is 1 - sum of p_v^G, which for a reward of
        two values is 1 - p^G - (1 - p)^G.

    Raises:
        InputError: the group size is out of its range.

    Example:
        >>> signal_at([1, 0, 0, 0], 2), signal_at([1, 1, 1], 2)
        (0.5, 0.0)
    """
    count = len(rewards)
    if not 2 <= group_size <= count:
        raise InputError(f"Groups of {group_size} cannot be judged from {count} answers; draw more.")
    equal = sum(comb(same, group_size) for same in Counter(rewards).values())
    return 1 - equal / comb(count, group_size)


def mean_signal(rewards_QN: Sequence[Sequence[float]], group_size: int) -> float:
    """``signal_at`` over questions, all alike."""
    return float(np.mean([signal_at(rewards, group_size) for rewards in rewards_QN]))


def mean_pass(hits_QN: Sequence[Sequence[bool]], k: int) -> float:
    """``pass_at_k`` over questions, all alike."""
    return float(np.mean([pass_at_k(len(hits), sum(hits), k) for hits in hits_QN]))
