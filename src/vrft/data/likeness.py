"""Pictures that look alike though their files differ: saved again, scaled, or one moment later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

SIDE = 8
THUMBNAIL = 32
MOST_BITS = 6
"""Bits of the 64 in which the hashes of pictures that look alike may differ."""
MOST_DIFFERENCE = 0.15
"""Mean difference of their thumbnails, as a share of the thumbnail's own contrast."""

_ROWS = 1024


@dataclass(frozen=True)
class Look:
    """A picture's difference hash and its grey thumbnail."""

    bits: np.ndarray
    """(64,) of bool: each of 8 x 8 cells is darker than its right neighbour."""
    grey: np.ndarray
    """(32, 32) of float32, in [0, 255]."""


def look_of(image: Image.Image) -> Look:
    """What a picture looks like, whatever its size.

    The hash is dHash (Krawetz, "Kind of Like That", 2013).

    Args:
        image: of any mode.
    """
    grey = image.convert("L")
    cells = np.asarray(grey.resize((SIDE + 1, SIDE), Image.Resampling.BOX), dtype=np.int16)
    thumbnail = np.asarray(grey.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX), dtype=np.float32)
    return Look((cells[:, :-1] < cells[:, 1:]).ravel(), thumbnail)


def look_alikes(looks: Sequence[Look]) -> list[tuple[int, int]]:
    """All pairs of pictures that look alike.

    Hashes find candidates, thumbnails decide: plain pictures have like hashes.

    Args:
        looks: of n pictures.

    Returns:
        Pairs of places in ``looks``, the smaller first, in order.
    """
    if not looks:
        return []
    bits = np.stack([look.bits for look in looks]).astype(np.float32)
    ones = bits.sum(1)
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(looks), _ROWS):
        rows = slice(start, start + _ROWS)
        differing = ones[rows, None] + ones[None, :] - 2 * bits[rows] @ bits.T
        near = np.argwhere(differing <= MOST_BITS)
        pairs += [(start + int(a), int(b)) for a, b in near if start + a < b]
    return [(a, b) for a, b in pairs if _alike(looks[a].grey, looks[b].grey)]


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    contrast = float(min(a.std(), b.std()))
    return float(np.abs(a - b).mean()) <= max(MOST_DIFFERENCE * contrast, 0.5)
