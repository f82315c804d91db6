"""The upright boxes around shapes that label tools draw, in pixels to a millionth."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vrft.types import BoxXYXY, PointXY


def around(points_xy_px: Sequence[PointXY]) -> BoxXYXY:
    """The box around points.

    Example:
        >>> around([(3, 4), (1, 9)])
        (1, 4, 3, 9)
    """
    xs, ys = zip(*points_xy_px, strict=True)
    return (round(min(xs), 6), round(min(ys), 6), round(max(xs), 6), round(max(ys), 6))


def around_ellipse(center_xy_px: PointXY, radii_px: tuple[float, float], degrees: float = 0.0) -> BoxXYXY:
    """The box around an ellipse that is turned clockwise around its center.

    Example:
        >>> around_ellipse((20, 10), (8, 2), 90)
        (18.0, 2.0, 22.0, 18.0)
    """
    (x, y), (a, b), turn = center_xy_px, radii_px, math.radians(degrees)
    reach_x = math.hypot(a * math.cos(turn), b * math.sin(turn))
    reach_y = math.hypot(a * math.sin(turn), b * math.cos(turn))
    return around([(x - reach_x, y - reach_y), (x + reach_x, y + reach_y)])


def around_turned(corners_xyxy_px: Sequence[float], degrees: float) -> BoxXYXY:
    """The box around a box that is turned clockwise around its center; corners as they are without a turn.

    Example:
        >>> around_turned((0, 0, 8, 2), 90)
        (3.0, -3.0, 5.0, 5.0)
    """
    x1, y1, x2, y2 = corners_xyxy_px
    if not degrees % 360:
        return (x1, y1, x2, y2)
    turn, cx, cy = math.radians(degrees), (x1 + x2) / 2, (y1 + y2) / 2
    cos, sin = math.cos(turn), math.sin(turn)
    ends = [(x - cx, y - cy) for x in (x1, x2) for y in (y1, y2)]
    return around([(cx + x * cos - y * sin, cy + x * sin + y * cos) for x, y in ends])
