"""A stand-in for a segmenter in drawn scenes: like colors around a point. It is no Segment Anything Model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import label

from vrft.geometry.mask_points import points_of
from vrft.geometry.masks import mask_of_region
from vrft.geometry.points import center
from vrft.types import Mask, ObjectRegion

FLOOD_FILL = "flood_fill"
"""Its name where a segmenter is asked for."""
TOLERANCE = 40
"""Greatest difference of a color channel, of 255, to the color at the point."""


def flood_fill(
    pixels_hwc: np.ndarray, prompts: Sequence[ObjectRegion], tolerance: int = TOLERANCE
) -> list[Mask | None]:
    """A mask for each object: the pixels of like color that hang together with its points, within its box.

    Neighbors share a side. Without a point the middle of the box is taken. The same input gives the same
    masks; None where the box encloses no pixel of the image.

    Args:
        pixels_hwc: (height, width, 3), 0 to 255.
        prompts: boxes and points of objects, in pixels.
        tolerance: 0 to 255.

    Example:
        >>> image = np.zeros((20, 40, 3), dtype=np.uint8)
        >>> image[5:10, 10:30] = (200, 30, 30)
        >>> from vrft.geometry.masks import mask_area
        >>> (found,) = flood_fill(image, [ObjectRegion((8.0, 0.0, 40.0, 20.0), ((12.0, 7.0),))])
        >>> mask_area(found)
        100
    """
    height, width = pixels_hwc.shape[:2]
    found: list[Mask | None] = []
    for one in prompts:
        x1, y1, x2, y2 = one.xyxy_px
        left, top = max(round(x1), 0), max(round(y1), 0)
        right, bottom = max(min(round(x2), width), 0), max(min(round(y2), height), 0)
        part = pixels_hwc[top:bottom, left:right].astype(np.int16)
        region = np.zeros((height, width), dtype=bool)
        filled = region[top : top + part.shape[0], left : left + part.shape[1]]
        for x, y in points_of(one) or (center(one.xyxy_px),):
            row, column = min(int(y), height - 1) - top, min(int(x), width - 1) - left
            if 0 <= row < part.shape[0] and 0 <= column < part.shape[1]:
                parts, _ = label((np.abs(part - part[row, column]) <= tolerance).all(-1))
                filled |= parts == parts[row, column]
        found.append(mask_of_region(region) if region.any() else None)
    return found
