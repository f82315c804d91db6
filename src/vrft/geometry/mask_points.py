"""Points deep inside of masks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.ndimage import distance_transform_edt

from vrft.geometry.masks import region_of_mask
from vrft.types import Mask, ObjectRegion, PointXY

GRID = 256
"""Most rows and columns in which the depth of a mask is measured."""


def points_of(region: ObjectRegion, count: int = 1) -> tuple[PointXY, ...]:
    """The points of an object: those that it has, or else points inside its mask; none without a mask."""
    if region.points_xy_px or region.mask is None:
        return region.points_xy_px
    return inner_points(region.mask, count)


@lru_cache(maxsize=4096)
def inner_points(mask: Mask, count: int = 1) -> tuple[PointXY, ...]:
    """Points deep inside of a mask, each the middle of a pixel; none of an empty mask.

    The first is the center of the largest circle that the mask holds, of equal ones that nearest to the
    middle of its box; each further one is that of the largest circle in what the former circles leave
    (Seg-Zero, arXiv 2503.06520, takes two such points). A centroid would miss an object that is bent or has
    a hole. Of a large mask every second pixel is looked at, or every third, and so on (``GRID``).

    Example:
        >>> from vrft.geometry.masks import mask_of_region
        >>> bent = np.zeros((9, 9), dtype=bool)
        >>> bent[:3], bent[:, :3] = True, True
        >>> inner_points(mask_of_region(bent), 2)
        ((4.5, 1.5), (1.5, 4.5))
    """
    box = mask.box_xyxy_px
    if box is None:
        return ()
    left, top, right, bottom = map(int, box)
    whole = region_of_mask(mask)[top:bottom, left:right]
    step = -(-max(whole.shape) // GRID)
    step = step if whole[::step, ::step].any() else 1
    part = np.pad(whole[::step, ::step], 1)
    rows, columns = np.indices(part.shape)
    off_middle = np.hypot(rows - (part.shape[0] - 1) / 2, columns - (part.shape[1] - 1) / 2)
    found: list[PointXY] = []
    while len(found) < count and part.any():
        depth = distance_transform_edt(part)
        deepest = np.flatnonzero(depth == depth.max())
        row, column = divmod(int(deepest[off_middle.ravel()[deepest].argmin()]), part.shape[1])
        found.append((left + step * (column - 1) + 0.5, top + step * (row - 1) + 0.5))
        part &= np.hypot(rows - row, columns - column) >= depth[row, column]
    # A mask of few pixels has fewer circles: they are taken again.
    return tuple(found[i % len(found)] for i in range(count))
