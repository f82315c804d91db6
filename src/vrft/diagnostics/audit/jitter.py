"""Boxes that overlap a given box as much as wanted, or not at all, in whole pixels."""

from __future__ import annotations

import numpy as np

from vrft.geometry.boxes import as_array, iou_matrix
from vrft.types import BoxXYXY

SIDE = 1000
"""Pictures of the audit are so many pixels wide and high: every frame then writes whole pixels exactly."""
LEAST_SIDE = 100
"""Sides of the audit's boxes; a pixel of rounding moves the IoU of such a box by about 0.01."""
APART = 0.05
"""Greatest IoU of two boxes that count as apart."""
_TRIES = 64


def box_at_iou(box_xyxy_px: BoxXYXY, iou: float, rng: np.random.Generator) -> BoxXYXY:
    """A box that is shifted, shrunk or grown, at random, until it has a given IoU with the first.

    With sides w, h and shares a, 1 - a of the change for x and y: shifting by (1 - q^a) w and (1 - q^(1-a)) h
    with q = 2 IoU / (1 + IoU) gives the IoU; so do sides w IoU^a, h IoU^(1-a) inside the box, and their
    inverse around it.

    Args:
        box_xyxy_px: in pixels, inside the picture.
        iou: wanted, in (0, 1].
        rng: decides the kind of change, the share and the direction.

    Returns:
        A box in whole pixels inside the picture; its IoU is as wanted but for rounding.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> gold = (200.0, 200.0, 600.0, 500.0)
        >>> near = box_at_iou(gold, 0.7, rng)
        >>> bool(abs(iou_matrix(as_array([gold]), as_array([near]))[0, 0] - 0.7) < 0.01)
        True
    """
    low, high = np.array(box_xyxy_px[:2]), np.array(box_xyxy_px[2:])
    size = high - low
    share = rng.uniform()
    shares = np.array([share, 1 - share])
    moves = [_shifted, _grown, _shrunk]
    for move in (moves[i] for i in rng.permutation(len(moves))):
        x1y1, x2y2 = move(low, size, iou, shares, rng)
        if (x1y1 >= 0).all() and (x2y2 <= SIDE).all():
            return _whole(x1y1, x2y2)
    return _whole(*_shrunk(low, size, iou, shares, rng))


def shrunk_about_centre(box_xyxy_px: BoxXYXY, iou: float) -> BoxXYXY:
    """The box of the same centre and shape with a given IoU, in whole pixels.

    Boxes of rising IoU contain each other, rounded ones too, so that their IoU never falls.

    Example:
        >>> shrunk_about_centre((100.0, 100.0, 300.0, 300.0), 0.25)
        (150.0, 150.0, 250.0, 250.0)
    """
    low, high = np.array(box_xyxy_px[:2]), np.array(box_xyxy_px[2:])
    centre, half = (low + high) / 2, (high - low) / 2 * np.sqrt(iou)
    return _whole(centre - half, centre + half)


def box_apart(others: tuple[BoxXYXY, ...], rng: np.random.Generator, y1: float | None = None) -> BoxXYXY:
    """A random box that overlaps given ones as little as can be had in 64 draws.

    Args:
        others: boxes to keep away from, in pixels; may be none.
        rng: draws the boxes.
        y1: upper edge in pixels, where it is given.

    Returns:
        A box in whole pixels; its sides are 100 to 300 pixels where the edge leaves room for them.

    Example:
        >>> box_apart((), np.random.default_rng(0), y1=300.0)[1]
        300.0
    """
    size = rng.integers(LEAST_SIDE, 300, (_TRIES, 2), endpoint=True)
    low = rng.integers(0, SIDE - size, endpoint=True)
    if y1 is not None:
        low[:, 1] = round(y1)
    high = np.minimum(low + size, SIDE)
    drawn = np.concatenate([low, high], axis=1).astype(np.float64)
    overlap = iou_matrix(drawn, as_array(others)).max(axis=1, initial=0.0)
    x1, y, x2, y2 = drawn[int(overlap.argmin())].tolist()
    return (x1, y, x2, y2)


Corners = tuple[np.ndarray, np.ndarray]


def _shifted(
    low: np.ndarray, size: np.ndarray, iou: float, shares: np.ndarray, rng: np.random.Generator
) -> Corners:
    step = size * (1 - (2 * iou / (1 + iou)) ** shares) * rng.choice([-1, 1], 2)
    # Turned back where the picture ends: the overlap is the same on either side.
    outside = (low + step < 0) | (low + size + step > SIDE)
    step = np.where(outside, -step, step)
    return low + step, low + size + step


def _shrunk(
    low: np.ndarray, size: np.ndarray, iou: float, shares: np.ndarray, rng: np.random.Generator
) -> Corners:
    smaller = size * iou**shares
    start = low + (size - smaller) * rng.uniform(size=2)
    return start, start + smaller


def _grown(
    low: np.ndarray, size: np.ndarray, iou: float, shares: np.ndarray, rng: np.random.Generator
) -> Corners:
    larger = size / iou**shares
    start = low - (larger - size) * rng.uniform(size=2)
    return start, start + larger


def _whole(low: np.ndarray, high: np.ndarray) -> BoxXYXY:
    (x1, y1), (x2, y2) = np.rint(low).tolist(), np.rint(high).tolist()
    return (x1, y1, x2, y2)
