"""Which images look nearly the same: saved again, resized, shot twice in a row, a little brighter.

Two steps. A difference hash (the signs of 64 differences of neighboring gray cells) proposes pairs; small
color thumbnails decide. The hash alone would join images that share a plain background: a hand on a white
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
MOST_LEVELS = 24
"""Thumbnails of near-duplicates differ nowhere by more, of 255 levels.

Saved, resized and 10 per cent brighter copies of photographs stay below 24; the same scene with another small
thing in it starts at about 45.
"""
_ROWS = 256


@dataclass(frozen=True)
class ImageSignature:
    """What is kept of an image."""

    hash_bits: np.ndarray
    """(64,) booleans."""
    cells: np.ndarray
    """(32, 32, 3) levels 0 to 255."""


def signature_of(image: Image.Image) -> ImageSignature:
    """The signature of an image as seen, or of its thumbnail."""
    small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return ImageSignature(difference_hash(small), np.asarray(small))


def difference_hash(image: Image.Image) -> np.ndarray:
    """Whether each of 8 x 9 gray cells is brighter than its left neighbor: (64,) booleans, row by row."""
    gray = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BILINEAR)).astype(np.int16)
    return (np.diff(gray, axis=1) > 0).ravel()


def pairs_alike(signatures: Sequence[ImageSignature]) -> list[tuple[int, int]]:
    """All pairs of images that look nearly the same, as places in order, the smaller first."""
    if len(signatures) < 2:
        return []
    proposed = dict(_near_in_hash(np.stack([one.hash_bits for one in signatures])))
    if not proposed:
        return []
    # Of many images few are proposed, and only their cells are compared.
    places = np.unique(np.concatenate([*proposed.values(), np.array(list(proposed))]))
    cells = np.stack([signatures[place].cells for place in places])
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
    """For each image the index of the first that looks nearly the same: its own where it is alone."""
    if len(paths) < 2:
        return list(range(len(paths)))
    return groups_of([signature_of(thumbnail(path, SIDE)) for path in paths])


def groups_of(signatures: Sequence[ImageSignature]) -> list[int]:
    """``groups_alike`` of images that were read already."""
    if len(signatures) < 2:
        return list(range(len(signatures)))
    pairs = np.array(pairs_alike(signatures), int).reshape(-1, 2)
    count = len(signatures)
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
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
    """Which thumbnails stay near the range of another's neighboring cells."""
    levels = cells.astype(np.int16)
    beyond = np.maximum(low - levels, levels - high)
    return np.asarray(beyond.max(axis=(1, 2, 3), initial=0) <= MOST_LEVELS)
