"""Edits that make a puzzle of an image: tiles shuffled, all of it turned, a part blank."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, ClassVar

from vrft.types.media import PixelEdit

if TYPE_CHECKING:
    from PIL import Image as PILImage


@dataclass(frozen=True, slots=True)
class TileShuffle(PixelEdit):
    """Tiles in another order. What a grid leaves over at the right and the bottom stays as it is."""

    kind: ClassVar[str] = "tile_shuffle"
    rows: int
    columns: int
    order: tuple[int, ...]
    """For each place, row by row, the tile of the original that is shown there, from 1."""

    def apply(self, image: PILImage.Image) -> PILImage.Image:
        width, height = image.width // self.columns, image.height // self.rows
        corners = [(c * width, r * height) for r, c in product(range(self.rows), range(self.columns))]
        shown = image.copy()
        for place, tile in zip(corners, self.order, strict=True):
            left, top = corners[tile - 1]
            shown.paste(image.crop((left, top, left + width, top + height)), place)
        return shown


@dataclass(frozen=True, slots=True)
class QuarterTurn(PixelEdit):
    """Turned counter-clockwise by quarters; of a square image the size stays."""

    kind: ClassVar[str] = "quarter_turn"
    quarters: int

    def apply(self, image: PILImage.Image) -> PILImage.Image:
        from PIL import Image

        turns = (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
        turn = turns[self.quarters % 4]
        return image if turn is None else image.transpose(turn)


@dataclass(frozen=True, slots=True)
class BlankBox(PixelEdit):
    """A part without content, in the middle gray; pixels of the image as it is shown."""

    kind: ClassVar[str] = "blank_box"
    xyxy_px: tuple[int, int, int, int]

    def apply(self, image: PILImage.Image) -> PILImage.Image:
        shown = image.copy()
        shown.paste((127, 127, 127), self.xyxy_px)
        return shown
