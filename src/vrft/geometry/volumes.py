"""How far upright boxes in space overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from vrft.types import PointXY
from vrft.types.boxes_3d import Box3D, Up, corners_of


def iou_3d(one: Box3D, other: Box3D, up: Up = "z") -> float:
    """Intersection over union of volumes, in [0, 1]: the ground's by clipping polygons, times the height.

    Example:
        >>> lying = (0.0, 0.0, 0.0, 2.0, 1.0, 1.0, 0.0)
        >>> [round(iou_3d(lying, (*lying[:6], yaw)), 4) for yaw in (0.0, math.pi / 2, math.pi)]
        [1.0, 0.3333, 1.0]
    """
    # In one order, so that it is the same to the last digit the other way round.
    one, other = sorted((one, other))
    axis = "xyz".index(up)
    low = max(one[axis] - one[axis + 3] / 2, other[axis] - other[axis + 3] / 2)
    high = min(one[axis] + one[axis + 3] / 2, other[axis] + other[axis + 3] / 2)
    reach = (math.hypot(*one[3:6]) + math.hypot(*other[3:6])) / 2
    if high <= low or math.dist(one[:3], other[:3]) >= reach:
        return 0.0
    shared = (high - low) * abs(_area(_clipped(_ground(one, up), _ground(other, up))))
    union = math.prod(one[3:6]) + math.prod(other[3:6]) - shared
    return min(shared / union, 1.0) if union > 0 else 0.0


def iou_matrix_3d(some: Sequence[Box3D], others: Sequence[Box3D], up: Up = "z") -> np.ndarray:
    """(n, m) overlaps of every pair."""
    found = np.array([[iou_3d(one, other, up) for other in others] for one in some], dtype=float)
    return found.reshape(len(some), len(others))


def _ground(box: Box3D, up: Up) -> list[PointXY]:
    """The lower face as a polygon that turns to the left, around the other box's place."""
    first, second = ((0, 1), (2, 0))[up == "y"]
    return [(corner[first], corner[second]) for corner in corners_of(box, up)[:4]]


def _clipped(polygon: list[PointXY], window: list[PointXY]) -> list[PointXY]:
    """The part of a polygon in a convex window (Sutherland and Hodgman 1974)."""
    for (ax, ay), (bx, by) in zip(window, window[1:] + window[:1], strict=True):
        kept: list[PointXY] = []
        side = [(bx - ax) * (y - ay) - (by - ay) * (x - ax) for x, y in polygon]
        for i, (x, y) in enumerate(polygon):
            (px, py), before, here = polygon[i - 1], side[i - 1], side[i]
            if (before < 0) != (here < 0):
                share = before / (before - here)
                kept.append((px + share * (x - px), py + share * (y - py)))
            if here >= 0:
                kept.append((x, y))
        polygon = kept
    return polygon


def _area(polygon: Sequence[PointXY]) -> float:
    if not polygon:
        return 0.0
    # Around the first corner, so that a place far away costs no digits.
    (ox, oy), *_ = polygon
    moved = [(x - ox, y - oy) for x, y in polygon]
    return sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairwise(moved)) / 2
