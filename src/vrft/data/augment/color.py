"""Changing a picture's light; its hue stays, because a class may be a colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance

from vrft.data.augment.change import Region
from vrft.types import BoxXYXY, Example

STRENGTH = 0.3
"""Each factor is drawn evenly from 1 - STRENGTH to 1 + STRENGTH."""


@dataclass(frozen=True)
class Colour:
    """Brightness, contrast and saturation, each as a factor of what it was; 1.0 changes nothing."""

    size_wh: tuple[int, int]
    brightness: float
    contrast: float
    saturation: float

    def pixels(self, image: Image.Image) -> Image.Image:
        """The picture in another light."""
        image = ImageEnhance.Brightness(image).enhance(self.brightness)
        image = ImageEnhance.Contrast(image).enhance(self.contrast)
        return ImageEnhance.Color(image).enhance(self.saturation)

    def box(self, box_xyxy_px: BoxXYXY) -> BoxXYXY:
        """The same box."""
        return box_xyxy_px

    def region(self, region: Region) -> Region:
        """The same region."""
        return region


def draw_colour(example: Example, rng: np.random.Generator) -> Colour:
    """A random light for an example's picture.

    Args:
        example: the question; all suit.
        rng: gives the three factors.
    """
    brightness, contrast, saturation = rng.uniform(1 - STRENGTH, 1 + STRENGTH, 3).tolist()
    return Colour(example.image_wh, brightness, contrast, saturation)
