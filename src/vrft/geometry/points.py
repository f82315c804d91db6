"""Points against the places where they are right, and the matching of points one to one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pycocotools import mask as coco_mask
from scipy.optimize import linear_sum_assignment

from vrft.geometry.mask_points import inner_points
from vrft.types import BoxXYXY, Mask, Points, PointXY

RADIUS = 30 / 840
"""How far from a labelled point that has neither box nor mask another one is still right, as a share of the
image's side (of a square of its area): VisionReasoner's 30 pixels of 840."""


def radius_px(size_wh: tuple[int, int]) -> float:
    """``RADIUS`` in pixels of an image.

    Example:
        >>> radius_px((840, 840))
        30.0
    """
    return RADIUS * float(np.sqrt(size_wh[0] * size_wh[1]))


def center(box_xyxy_px: BoxXYXY) -> PointXY:
    """The middle of a box."""
    x1, y1, x2, y2 = box_xyxy_px
    return ((x1 + x2) / 2, (y1 + y2) / 2)


def in_box(point: PointXY, box_xyxy_px: BoxXYXY) -> bool:
    """Whether a point is in a box, its border included.

    Example:
        >>> in_box((0.0, 10.0), (0.0, 0.0, 10.0, 10.0)), in_box((10.1, 5.0), (0.0, 0.0, 10.0, 10.0))
        (True, False)
    """
    x1, y1, x2, y2 = box_xyxy_px
    return x1 <= point[0] <= x2 and y1 <= point[1] <= y2


def in_mask(point: PointXY, mask: Mask) -> bool:
    """Whether the pixel in which a point lies is one of a mask; on the image's far border, its last pixel.

    Example:
        >>> left = Mask((2, 2), "022")
        >>> in_mask((0.5, 2.0), left), in_mask((1.0, 0.5), left)
        (True, False)
    """
    height, width = mask.size_hw
    if not (0 <= point[0] <= width and 0 <= point[1] <= height):
        return False
    # Runs go down the columns. One pixel is compared: decoded masks of large photos would fill the memory.
    place = min(int(point[0]), width - 1) * height + min(int(point[1]), height - 1)
    runs = {"size": [height, width], "counts": [place, 1, height * width - place - 1]}
    pixel = coco_mask.frPyObjects(runs, height, width)
    return bool(coco_mask.area(coco_mask.merge([mask.rle, pixel], intersect=True)))


def deepest_point(mask: Mask) -> PointXY | None:
    """The middle of the pixel that is farthest from a mask's edge (``inner_points``); None without a pixel.

    Example:
        >>> deepest_point(Mask((3, 3), "09"))
        (1.5, 1.5)
    """
    return next(iter(inner_points(mask)), None)


def matched_pairs(fit: np.ndarray) -> list[tuple[int, int]]:
    """The one-to-one matching whose sum of fits is greatest (scipy's ``linear_sum_assignment``).

    Args:
        fit: (n, m), 0 where a pair does not fit; such pairs are left out.

    Example:
        >>> matched_pairs(np.array([[1.0, 0.9], [1.0, 0.0]]))
        [(0, 1), (1, 0)]
    """
    rows, columns = linear_sum_assignment(fit, maximize=True)
    return [(i, j) for i, j in zip(rows.tolist(), columns.tolist(), strict=True) if fit[i, j] > 0]


def right_places(points: Sequence[PointXY], target: Points) -> np.ndarray:
    """Which points are right for which of a target's: in its mask, else its box, else within the radius.

    Args:
        points: n points in pixels of the file.
        target: m labelled ones.

    Returns:
        (n, m) of truth values.

    Example:
        >>> cup = Points(((5.0, 5.0),), boxes=((0.0, 0.0, 10.0, 10.0),))
        >>> right_places([(9.0, 1.0), (11.0, 1.0)], cup).tolist()
        [[True], [False]]
    """
    found = np.zeros((len(points), target.size), dtype=bool)
    none = (None,) * target.size
    places = zip(target.xy_px, target.boxes or none, target.masks or none, strict=True)
    for column, (place, box, mask) in enumerate(places):
        for row, point in enumerate(points):
            if mask is not None:
                found[row, column] = in_mask(point, mask)
            elif box is not None:
                found[row, column] = in_box(point, box)
            else:
                found[row, column] = np.hypot(point[0] - place[0], point[1] - place[1]) <= target.radius_px
    return found


def distances(one: Sequence[PointXY], other: Sequence[PointXY]) -> np.ndarray:
    """(n, m) distances of points, in their own units."""
    first, second = (np.array(points, dtype=np.float64).reshape(-1, 2) for points in (one, other))
    return np.asarray(np.hypot(*(first[:, None] - second[None]).transpose(2, 0, 1)))
