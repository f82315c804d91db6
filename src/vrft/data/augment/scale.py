"""Making a picture smaller."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vrft.data.augment.change import Region, kept_boxes
from vrft.types import BoxXYXY, Example

LEAST_FACTOR = 0.5
"""No side becomes shorter than this share of itself."""
LEAST_BOX_SIDE_PX = 16
"""No labelled box becomes narrower or lower; one that already is keeps its picture's size."""
LEAST_PICTURE_SIDE_PX = 64
"""The same of the picture's own sides."""


@dataclass(frozen=True)
class Scale:
    """The whole picture in fewer pixels."""

    from_wh: tuple[int, int]
    size_wh: tuple[int, int]

    def pixels(self, image: Image.Image) -> Image.Image:
        """The smaller picture; Pillow's filter covers all pixels that become one."""
        return image.resize(self.size_wh, Image.Resampling.BICUBIC)

    def box(self, box_xyxy_px: BoxXYXY) -> BoxXYXY:
        """The smaller box; each axis by its own factor, since sides are whole pixels."""
        x1, y1, x2, y2 = (
            value * to / side
            for value, to, side in zip(box_xyxy_px, 2 * self.size_wh, 2 * self.from_wh, strict=True)
        )
        return (x1, y1, x2, y2)

    def region(self, region: Region) -> Region:
        """The smaller region: the pixels of which at least half lies inside."""
        smaller = Image.fromarray(region * 255).resize(self.size_wh, Image.Resampling.BOX)
        return (np.asarray(smaller) >= 128).astype(np.uint8)


def draw_scale(example: Example, rng: np.random.Generator) -> Scale | None:
    """Make an example's picture smaller by a random factor, as far as its smallest box allows.

    Args:
        example: the question.
        rng: gives the factor.

    Returns:
        A smaller size, or None.
    """
    boxes = kept_boxes(example.target)
    smallest = min((side for x1, y1, x2, y2 in boxes for side in (x2 - x1, y2 - y1)), default=math.inf)
    least = max(LEAST_FACTOR, LEAST_BOX_SIDE_PX / smallest, LEAST_PICTURE_SIDE_PX / min(example.image_wh))
    if least >= 1:
        return None
    factor = rng.uniform(least, 1.0)
    width, height = (math.ceil(side * factor) for side in example.image_wh)
    return None if (width, height) == example.image_wh else Scale(example.image_wh, (width, height))
