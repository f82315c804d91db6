"""Random boxes that overlap a given box as much as wanted, or not at all, in whole pixels.

Images are 1,000 pixels wide and high: every coordinate frame then writes whole pixels exactly. The audit's
questions, honest beliefs and attacks are made of such boxes.
"""

from __future__ import annotations

import numpy as np

from vrft.geometry.boxes import as_array, iou_matrix
from vrft.types import BoxXYXY

SIDE = 1000
"""Width and height of the images in pixels."""
LEAST_SIDE = 100
"""Of a box, in pixels; a pixel of rounding moves the IoU of such a box by about 0.01."""
LARGEST_SIDE = 600.0
APART = 0.05
"""Greatest IoU of two boxes that count as apart."""
MEAN_IOU, SD_IOU = 0.70, 0.12
"""Of a jittered box with its original."""
LOWEST_IOU, HIGHEST_IOU = 0.40, 0.98
"""The normal law's tails are brought in here, beyond 2.3 standard deviations."""
_TRIES = 64
_Corners = tuple[np.ndarray, np.ndarray]


def draw_boxes(count: int, rng: np.random.Generator) -> tuple[BoxXYXY, ...]:
    """Boxes with log-uniform sides of 100 to 600 pixels, whose IoU with each other is at most 0.05.

    Sides become smaller where there is no room.
    """
    boxes: list[BoxXYXY] = []
    largest = LARGEST_SIDE
    while len(boxes) < count:
        size = np.rint(np.exp(rng.uniform(np.log(LEAST_SIDE), np.log(largest), 2)))
        low = rng.integers(0, SIDE - size, endpoint=True).astype(np.float64)
        box = _box(low, low + size)
        if iou_matrix(as_array([box]), as_array(boxes)).max(initial=0.0) <= APART:
            boxes.append(box)
        else:
            largest = max(LEAST_SIDE, 0.99 * largest)
    return tuple(boxes)


def box_at_iou(box_xyxy_px: BoxXYXY, iou: float, rng: np.random.Generator) -> BoxXYXY:
    """A box that is shifted, shrunk or grown, at random, until it has a given IoU with the first.

    With sides w, h and shares a, 1 - a of the change for x and y: shifting by (1 - q^a) w and (1 - q^(1-a)) h
    with q = 2 IoU / (1 + IoU) gives the IoU; so do sides w IoU^a, h IoU^(1-a) inside the box, and their
    inverse around it.
    """
    low, high = np.array(box_xyxy_px[:2]), np.array(box_xyxy_px[2:])
    size = high - low
    share = rng.uniform()
    shares = np.array([share, 1 - share])
    moves = [_shifted, _grown, _shrunk]
    for move in (moves[i] for i in rng.permutation(len(moves))):
        x1y1, x2y2 = move(low, size, iou, shares, rng)
        if (x1y1 >= 0).all() and (x2y2 <= SIDE).all():
            return _box(np.rint(x1y1), np.rint(x2y2))
    x1y1, x2y2 = _shrunk(low, size, iou, shares, rng)
    return _box(np.rint(x1y1), np.rint(x2y2))


def jittered(box_xyxy_px: BoxXYXY, rng: np.random.Generator) -> BoxXYXY:
    """A box as an imperfect model sees it: IoU of mean 0.70 and standard deviation 0.12."""
    iou = float(np.clip(rng.normal(MEAN_IOU, SD_IOU), LOWEST_IOU, HIGHEST_IOU))
    return box_at_iou(box_xyxy_px, iou, rng)


def shrunk_about_center(box_xyxy_px: BoxXYXY, iou: float) -> BoxXYXY:
    """The box of the same center and shape with a given IoU.

    Boxes of rising IoU contain each other, rounded ones too, so that their IoU never falls.
    """
    low, high = np.array(box_xyxy_px[:2]), np.array(box_xyxy_px[2:])
    center, half = (low + high) / 2, (high - low) / 2 * np.sqrt(iou)
    return _box(np.rint(center - half), np.rint(center + half))


def box_apart(others: tuple[BoxXYXY, ...], rng: np.random.Generator, y1: float | None = None) -> BoxXYXY:
    """A random box that overlaps given ones as little as can be had in 64 draws."""
    size = rng.integers(LEAST_SIDE, 300, (_TRIES, 2), endpoint=True)
    low = rng.integers(0, SIDE - size, endpoint=True)
    if y1 is not None:
        low[:, 1] = round(y1)
    high = np.minimum(low + size, SIDE)
    drawn = np.concatenate([low, high], axis=1).astype(np.float64)
    overlap = iou_matrix(drawn, as_array(others)).max(axis=1, initial=0.0)
    best = drawn[int(overlap.argmin())]
    return _box(best[:2], best[2:])


def _shifted(
    low: np.ndarray, size: np.ndarray, iou: float, shares: np.ndarray, rng: np.random.Generator
) -> _Corners:
    step = size * (1 - (2 * iou / (1 + iou)) ** shares) * rng.choice([-1, 1], 2)
    # Turned back where the image ends: the overlap is the same on either side.
    outside = (low + step < 0) | (low + size + step > SIDE)
    step = np.where(outside, -step, step)
    return low + step, low + size + step


def _shrunk(
    low: np.ndarray, size: np.ndarray, iou: float, shares: np.ndarray, rng: np.random.Generator
) -> _Corners:
    smaller = size * iou**shares
    start = low + (size - smaller) * rng.uniform(size=2)
    return start, start + smaller


def _grown(
    low: np.ndarray, size: np.ndarray, iou: float, shares: np.ndarray, rng: np.random.Generator
) -> _Corners:
    larger = size / iou**shares
    start = low - (larger - size) * rng.uniform(size=2)
    return start, start + larger


def _box(low: np.ndarray, high: np.ndarray) -> BoxXYXY:
    (x1, y1), (x2, y2) = low.tolist(), high.tolist()
    return (x1, y1, x2, y2)
