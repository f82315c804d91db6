"""Coordinate frames: how a model writes places in what it is shown, and the way back to the file's pixels.

A convention is a property of the model family (Qwen2-VL and Qwen3-VL write 0-1000 of the shown image,
Qwen2.5-VL pixels of the resized one). A frame binds it to one medium. Nothing guesses a convention from
numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

BoxXYXY = tuple[float, float, float, float]
"""x1, y1, x2, y2 with x1 < x2 and y1 < y2; x to the right, y downwards."""
PointXY = tuple[float, float]
FrameName = Literal["norm1000", "resized_pixels", "norm1", "norm100"]
_EXTENTS: Mapping[str, float] = {"norm1000": 1000.0, "norm100": 100.0, "norm1": 1.0}
"""The number of the far border, where it is a share of the window; each has a thousand steps."""
_DECIMALS = {"norm100": 1, "norm1": 3}
MAX_SIDE_PX = 1_000_000
"""No image is wider or higher; a longer side in a file is a mistake there."""


@dataclass(frozen=True)
class CoordinateFrame:
    """How places in one medium are written. Crop, mirror and resize change the frame; values never move.

    Args:
        name: the convention: ``norm1000``, ``norm1`` and ``norm100`` (percent, as Molmo points) are shares
            of the window, ``resized_pixels`` are pixels of what the model was given.
        window_px: x1, y1, x2, y2 of the part that is shown, in pixels of the file.
        input_wh: width and height in pixels after the family's resize.
        mirrored: left and right of the shown part change places.
    """

    name: FrameName
    window_px: BoxXYXY
    input_wh: tuple[int, int]
    mirrored: bool = False

    @classmethod
    def whole(
        cls, name: FrameName, size_wh: tuple[int, int], input_wh: tuple[int, int] | None = None
    ) -> CoordinateFrame:
        """The frame of a whole image that is not mirrored; without ``input_wh`` the model is given its size.

        Example:
            >>> CoordinateFrame.whole("norm1000", (640, 480)).box_to_px((100, 100, 500, 500))
            (64.0, 48.0, 320.0, 240.0)
        """
        return cls(name, (0.0, 0.0, float(size_wh[0]), float(size_wh[1])), input_wh or size_wh)

    @property
    def window_wh(self) -> tuple[float, float]:
        """Width and height of the shown part, in pixels of the file."""
        left, top, right, bottom = self.window_px
        return (right - left, bottom - top)

    @property
    def extent_wh(self) -> tuple[float, float]:
        """The written numbers of the shown part's right and lower border."""
        extent = _EXTENTS.get(self.name)
        return (float(self.input_wh[0]), float(self.input_wh[1])) if extent is None else (extent, extent)

    @property
    def step_px(self) -> tuple[float, float]:
        """How many pixels of the file lie between two numbers that can be written, across and down."""
        extent = (1000.0, 1000.0) if self.name in _EXTENTS else self.extent_wh
        return self.window_wh[0] / extent[0], self.window_wh[1] / extent[1]

    @property
    def clause(self) -> str:
        """The words of a prompt that explain the convention; ``norm1000`` reads as in Visual-RFT, Table 1."""
        if self.name == "norm1000":
            return "between 0 and 1000, integer"
        if self.name == "norm1":
            return "between 0 and 1, with three decimal places"
        if self.name == "norm100":
            return "between 0 and 100 per cent, with one decimal place"
        return f"in pixels of the {self.input_wh[0]}x{self.input_wh[1]} image, integer"

    def to_px(self, x: float, y: float) -> PointXY | None:
        """A written pair in pixels of the file; None where it is not finite, or outside of what is shown.

        Example:
            >>> half = CoordinateFrame("norm1000", (100.0, 0.0, 200.0, 100.0), (64, 64), mirrored=True)
            >>> half.to_px(100, 500)
            (190.0, 50.0)
        """
        if not (math.isfinite(x) and math.isfinite(y)):
            return None
        left, top, right, _ = self.window_px
        (width, height), (extent_x, extent_y) = self.window_wh, self.extent_wh
        px, py = x * width / extent_x, y * height / extent_y
        if not (0 <= px <= width and 0 <= py <= height):
            return None
        return (right - px if self.mirrored else left + px, top + py)

    def from_px(self, x: float, y: float) -> PointXY:
        """A place in pixels of the file as the numbers a model writes, whole ones but for shares of 1 and
        100."""
        left, top, right, _ = self.window_px
        (width, height), (extent_x, extent_y) = self.window_wh, self.extent_wh
        px, decimals = (right - x if self.mirrored else x - left), _DECIMALS.get(self.name, 0)
        return (round(px * extent_x / width, decimals), round((y - top) * extent_y / height, decimals))

    def box_to_px(self, numbers: BoxXYXY) -> BoxXYXY | None:
        """Four written numbers as a box in pixels of the file.

        Returns:
            The box; None where a corner is not finite or outside of what is shown, or the corners are
            inverted or equal.
        """
        left, top, right, bottom = self.window_px
        width, height = right - left, bottom - top
        extent_x, extent_y = self.extent_wh
        x1, x2 = numbers[0] * width / extent_x, numbers[2] * width / extent_x
        y1, y2 = numbers[1] * height / extent_y, numbers[3] * height / extent_y
        if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):  # of NaN, too
            return None
        x1, x2 = (right - x2, right - x1) if self.mirrored else (left + x1, left + x2)
        y1, y2 = top + y1, top + y2
        # Corners that differ by less than a float's precision fall together.
        return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None

    def box_from_px(self, box_xyxy_px: BoxXYXY) -> BoxXYXY:
        """A box in pixels of the file as the four numbers a model writes.

        Example:
            >>> CoordinateFrame.whole("norm1000", (640, 480)).box_from_px((64.0, 48.0, 320.0, 240.0))
            (100.0, 100.0, 500.0, 500.0)
        """
        a, b = self.from_px(*box_xyxy_px[:2]), self.from_px(*box_xyxy_px[2:])
        x1, x2 = (b[0], a[0]) if self.mirrored else (a[0], b[0])
        return (x1, a[1], x2, b[1])

    def box_text(self, box_xyxy_px: BoxXYXY) -> str:
        """The four numbers of a box as a model writes them, ``'x1, y1, x2, y2'``."""
        return self._text(self.box_from_px(box_xyxy_px))

    def point_text(self, point_px: PointXY) -> str:
        """The two numbers of a point as a model writes them, ``'x, y'``.

        Example:
            >>> CoordinateFrame.whole("norm100", (640, 480)).point_text((338.56, 210.72))
            '52.9, 43.9'
        """
        return self._text(self.from_px(*point_px))

    def _text(self, numbers: Sequence[float]) -> str:
        decimals = _DECIMALS.get(self.name, 0)
        return ", ".join(f"{n:.{decimals}f}" if decimals else str(int(n)) for n in numbers)
