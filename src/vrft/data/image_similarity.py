"""Which pictures look nearly the same: saved again, resized, shot twice in a row, a little brighter.

Two steps. A difference hash (the signs of 64 differences of neighbouring grey cells) proposes pairs; small
colour thumbnails decide. The hash alone would join pictures that share a plain background: a hand on a white
wall, a digit on a gradient. Not found: mirrored, rotated or strongly cropped copies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from vrft.data.images import thumbnail

HASH_BITS = 64
MOST_BITS = 8
"""Hashes of near-duplicates differ in no more bits; saved or resized copies differ in about 3."""
SIDE = 32
"""Cells of a thumbnail along each side."""
MOST_LEVELS = 24
"""Thumbnails of near-duplicates differ nowhere by more, of 255 levels.

Saved, resized and 10 per cent brighter copies of photographs stay below 24; the same scene with another small
thing in it starts at about 45.
"""
_ROWS = 256


@dataclass(frozen=True)
class Look:
    """What is kept of a picture."""

    hash_bits: np.ndarray
    """(64,) booleans."""
    cells: np.ndarray
    """(32, 32, 3) levels 0 to 255."""


def look_of(image: Image.Image) -> Look:
    """A picture's look.

    Args:
        image: a picture as seen, or its thumbnail.
    """
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return Look(difference_hash(small), np.asarray(small))


def difference_hash(picture: Image.Image) -> np.ndarray:
    """Whether each of 8 x 9 grey cells is brighter than its left neighbour.

    Args:
        picture: of any mode and size.

    Returns:
        (64,) booleans, row by row.

    Example:
        >>> int(difference_hash(Image.linear_gradient("L").rotate(90)).sum())
        64
    """
    grey = np.asarray(picture.convert("L").resize((9, 8), Image.Resampling.BILINEAR)).astype(np.int16)
    return (np.diff(grey, axis=1) > 0).ravel()


def pairs_alike(looks: Sequence[Look]) -> list[tuple[int, int]]:
    """All pairs of pictures that look nearly the same.

    Args:
        looks: of n pictures.

    Returns:
        Pairs of places in ``looks``, the smaller first, in order.
    """
    if len(looks) < 2:
        return []
    proposed = dict(_near_in_hash(np.stack([look.hash_bits for look in looks])))
    if not proposed:
        return []
    # Of many pictures few are proposed, and only their cells are compared.
    places = np.unique(np.concatenate([*proposed.values(), np.array(list(proposed))]))
    cells = np.stack([looks[place].cells for place in places])
    around = (1, 3, 3, 1)
    low, high = minimum_filter(cells, around, mode="nearest"), maximum_filter(cells, around, mode="nearest")
    pairs: list[tuple[int, int]] = []
    for row, others in proposed.items():
        one, many = np.searchsorted(places, row), np.searchsorted(places, others)
        forth = _within(cells[one], low[many], high[many])
        inside = forth & _within(cells[many], low[one], high[one])
        pairs += [(row, int(other)) for other in others[inside]]
    return pairs


def groups_alike(paths: Sequence[Path]) -> list[int]:
    """Put pictures that look nearly the same into groups; likeness passes on from picture to picture.

    Args:
        paths: n picture files.

    Returns:
        (n,) for each picture the index of the first of its group: its own where it is alone.

    Raises:
        LabelError: a picture cannot be read.
    """
    if len(paths) < 2:
        return list(range(len(paths)))
    return groups_of([look_of(thumbnail(path, SIDE)) for path in paths])


def groups_of(looks: Sequence[Look]) -> list[int]:
    """``groups_alike`` of pictures that were read already.

    Args:
        looks: of n pictures.

    Returns:
        (n,) for each picture the index of the first of its group: its own where it is alone.
    """
    if len(looks) < 2:
        return list(range(len(looks)))
    pairs = np.array(pairs_alike(looks), int).reshape(-1, 2)
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(looks), len(looks)))
    labels = connected_components(links, directed=False)[1]
    firsts = np.unique(labels, return_index=True)[1]
    return [int(first) for first in firsts[labels]]


def _near_in_hash(bits: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The rows that have later ones whose hash differs in few bits, with these."""
    signs = np.where(bits, 1, -1).astype(np.float32)
    for start in range(0, len(signs), _ROWS):
        # Two signs multiply to 1 where they agree and to -1 where they differ.
        agreement = signs[start : start + _ROWS] @ signs[start:].T
        rows, others = np.nonzero(np.triu(agreement >= HASH_BITS - 2 * MOST_BITS, 1))
        for row in np.unique(rows):
            yield int(row) + start, others[rows == row] + start


def _within(cells: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Which thumbnails stay near the range of another's neighbouring cells.

    The neighbourhood makes up for a shift of up to one cell, as between two shots in a row.
    """
    levels = cells.astype(np.int16)
    beyond = np.maximum(low - levels, levels - high)
    return np.asarray(beyond.max(axis=(1, 2, 3), initial=0) <= MOST_LEVELS)
