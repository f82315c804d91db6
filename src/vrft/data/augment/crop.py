"""Cutting a window out of a picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from vrft.data.augment.change import Region, kept_boxes
from vrft.data.augment.side_words import speaks_of_places
from vrft.types import BoxXYXY, Example

LEAST_AREA = 0.8
"""Share of the picture that a window has at least, where nothing marks what must be seen."""
LEAST_AREA_AROUND_BOXES = 0.5
"""The same where boxes must stay whole: a window tight around them would give the answer away."""


@dataclass(frozen=True)
class Crop:
    """What lies in a window remains."""

    window_xyxy_px: tuple[int, int, int, int]

    @property
    def size_wh(self) -> tuple[int, int]:
        """The window's width and height in pixels."""
        left, top, right, bottom = self.window_xyxy_px
        return (right - left, bottom - top)

    def pixels(self, image: Image.Image) -> Image.Image:
        """The window's pixels."""
        return image.crop(self.window_xyxy_px)

    def box(self, box_xyxy_px: BoxXYXY) -> BoxXYXY:
        """The box in the window's pixels; the window was drawn around it."""
        x1, y1, x2, y2 = box_xyxy_px
        left, top = self.window_xyxy_px[:2]
        return (x1 - left, y1 - top, x2 - left, y2 - top)

    def region(self, region: Region) -> Region:
        """The window's part of the region."""
        left, top, right, bottom = self.window_xyxy_px
        return region[top:bottom, left:right]


def draw_crop(example: Example, rng: np.random.Generator) -> Crop | None:
    """A random window that keeps every labelled box, and the mask, whole.

    A question that speaks of a place in the picture ('the cup in the middle') keeps its whole picture. What a
    question only refers to ('the cup beside the plate') has no label and may be cut off.

    Args:
        example: the question.
        rng: gives the window's size and place.

    Returns:
        A window smaller than the picture, or None.
    """
    if speaks_of_places(example.question):
        return None
    boxes = kept_boxes(example.target)
    least_side = math.sqrt(LEAST_AREA_AROUND_BOXES if boxes else LEAST_AREA)
    columns, rows = (
        _draw_part(side, least_side, [b[axis] for b in boxes], [b[axis + 2] for b in boxes], rng)
        for axis, side in enumerate(example.image_wh)
    )
    crop = Crop((columns[0], rows[0], columns[1], rows[1]))
    return None if crop.size_wh == example.image_wh else crop


def _draw_part(
    side: int, least_share: float, starts: list[float], ends: list[float], rng: np.random.Generator
) -> tuple[int, int]:
    """A random stretch of whole pixels of a picture's side, around all starts and ends."""
    first = max(math.floor(min(starts, default=side)), 0)
    last = min(math.ceil(max(ends, default=0)), side)
    least = max(math.ceil(least_share * side), last - first)
    length = int(rng.integers(least, side, endpoint=True))
    begin = int(rng.integers(max(0, last - length), min(first, side - length), endpoint=True))
    return begin, begin + length
