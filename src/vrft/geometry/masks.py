"""Regions of a picture as run-length encoded masks (``pycocotools.mask``), and the boxes around them."""

from __future__ import annotations

import numpy as np
from pycocotools import mask as coco_mask

from vrft.types import BoxXYXY, Mask


def mask_of_region(region: np.ndarray) -> Mask:
    """Encode a region.

    Args:
        region: (height, width) of truth values.

    Example:
        >>> mask_of_region(np.ones((30, 40), dtype=bool)).size_hw
        (30, 40)
    """
    encoded = coco_mask.encode(np.asfortranarray(region, dtype=np.uint8))
    height, width = region.shape
    return Mask((height, width), encoded["counts"].decode())


def box_of_region(mask: Mask) -> BoxXYXY:
    """The smallest box that encloses all pixels of a mask which is not empty.

    Example:
        >>> region = np.zeros((30, 40), dtype=bool)
        >>> region[5:10, 20:40] = True
        >>> box_of_region(mask_of_region(region))
        (20.0, 5.0, 40.0, 10.0)
    """
    x, y, width, height = coco_mask.toBbox({"size": list(mask.size_hw), "counts": mask.counts.encode()})
    return (float(x), float(y), float(x + width), float(y + height))
