"""Mirroring a picture, left to right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps

from vrft.data.augment.change import Region
from vrft.data.augment.side_words import speaks_of_sides
from vrft.types import BoxXYXY, ClassTarget, Example


@dataclass(frozen=True)
class Flip:
    """Left and right change places."""

    size_wh: tuple[int, int]

    def pixels(self, image: Image.Image) -> Image.Image:
        """The mirrored picture."""
        return ImageOps.mirror(image)

    def box(self, box_xyxy_px: BoxXYXY) -> BoxXYXY:
        """The mirrored box."""
        x1, y1, x2, y2 = box_xyxy_px
        width = self.size_wh[0]
        return (width - x2, y1, width - x1, y2)

    def region(self, region: Region) -> Region:
        """The mirrored region."""
        return region[:, ::-1]


def draw_flip(example: Example, rng: np.random.Generator) -> Flip | None:
    """Mirror an example's picture, unless its words speak of sides.

    Looked at are the question, the names to choose from and the name that is right. What is not looked at is
    what a class means: whether a mirrored digit, letter, or road sign is still one is the user's to know.

    Args:
        example: the question.
        rng: not drawn from.
    """
    names = (example.target.name, *example.target.names) if isinstance(example.target, ClassTarget) else ()
    if any(speaks_of_sides(text) for text in {example.question, *example.options, *names}):
        return None
    return Flip(example.image_wh)
