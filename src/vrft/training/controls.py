"""Controls: what training looks like where there is nothing to learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def permuted(rewards: Sequence[Sequence[float]], seed: int) -> list[list[float]]:
    """Shuffle rewards inside each group: a control in which nothing can be learnt from them.

    Example:
        >>> sorted(permuted([[1.0, 2.0, 3.0]], 0)[0])
        [1.0, 2.0, 3.0]
    """
    rng = np.random.default_rng(seed)
    return [[float(r) for r in rng.permutation(list(group))] for group in rewards]
