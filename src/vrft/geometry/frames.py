"""Frames: how a model family writes coordinates, and the way back to pixels of the original picture.

A Frame is a property of the family (Qwen2-VL and Qwen3-VL write 0-1000 of the original picture, Qwen2.5-VL
pixels of the resized one). A ``View`` binds it to one picture. Nothing guesses a frame from numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from vrft.types import BoxXYXY

FrameKind = Literal["thousand", "input_pixels", "unit"]


@dataclass(frozen=True)
class View:
    """One picture as the model sees it.

    Args:
        kind: how coordinates are written.
        original_wh: width and height of the original picture in pixels.
        input_wh: width and height after the processor's resize in pixels.
    """

    kind: FrameKind
    original_wh: tuple[int, int]
    input_wh: tuple[int, int]

    @property
    def extent_wh(self) -> tuple[float, float]:
        """The written numbers of the picture's right and lower border."""
        pixels = _floats(self.input_wh)
        return {"thousand": (1000.0, 1000.0), "unit": (1.0, 1.0), "input_pixels": pixels}[self.kind]

    @property
    def clause(self) -> str:
        """The words of the prompt that tell the convention.

        ``thousand`` reads as in the paper's detection prompt (Table 1).
        """
        if self.kind == "thousand":
            return "between 0 and 1000, integer"
        if self.kind == "unit":
            return "between 0 and 1, with three decimal places"
        return f"in pixels of the {self.input_wh[0]}x{self.input_wh[1]} image, integer"

    def write(self, box_xyxy_px: BoxXYXY) -> tuple[float, float, float, float]:
        """Original pixels to the numbers a model writes.

        Args:
            box_xyxy_px: a box in original pixels.

        Returns:
            Four numbers, whole for the integer frames.

        Example:
            >>> View("thousand", (640, 480), (640, 480)).write((64.0, 48.0, 320.0, 240.0))
            (100.0, 100.0, 500.0, 500.0)
        """
        decimals = 3 if self.kind == "unit" else 0
        x1, y1, x2, y2 = (
            round(value * extent / side, decimals)
            for value, extent, side in zip(box_xyxy_px, 2 * self.extent_wh, 2 * self.original_wh, strict=True)
        )
        return (x1, y1, x2, y2)

    def read(self, numbers: tuple[float, float, float, float]) -> BoxXYXY | None:
        """Numbers a model wrote to original pixels.

        Args:
            numbers: x1, y1, x2, y2 as written.

        Returns:
            The box in original pixels, or None where a number is not finite, lies outside the picture, or
            the corners are inverted or equal.

        Example:
            >>> View("thousand", (640, 480), (640, 480)).read((100, 100, 500, 500))
            (64.0, 48.0, 320.0, 240.0)
        """
        if not all(math.isfinite(n) for n in numbers):
            return None
        x1, y1, x2, y2 = (
            n * side / extent
            for n, extent, side in zip(numbers, 2 * self.extent_wh, 2 * self.original_wh, strict=True)
        )
        inside = 0 <= x1 < x2 <= self.original_wh[0] and 0 <= y1 < y2 <= self.original_wh[1]
        return (x1, y1, x2, y2) if inside else None

    def figures(self, box_xyxy_px: BoxXYXY) -> str:
        """The four numbers of a box as a model of this frame writes them, ``'x1, y1, x2, y2'``."""
        numbers = self.write(box_xyxy_px)
        return ", ".join(f"{n:.3f}" if self.kind == "unit" else str(int(n)) for n in numbers)


def _floats(pair: tuple[int, int]) -> tuple[float, float]:
    return (float(pair[0]), float(pair[1]))
