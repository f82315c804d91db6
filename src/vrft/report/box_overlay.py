"""Boxes drawn into a picture, for `vrft predict` and whoever wants a file to look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from vrft.types import BoxXYXY

COLOURS = {"truth": "#12a150", "base": "#8a63d2", "sft": "#e07b16", "rft": "#1f6feb"}
SPARE = "#d6336c"
"""For a name without a colour."""


def draw_boxes(
    image: Image.Image,
    boxes: Mapping[str, Sequence[BoxXYXY]],
    colours: Mapping[str, str] = COLOURS,
) -> Image.Image:
    """A copy of a picture with named boxes on it.

    Args:
        image: any mode; it is left as it is.
        boxes: by name, in pixels of this picture; each box is drawn with its name beside it.
        colours: by name, as Pillow reads them ('#rrggbb', 'red').

    Returns:
        An RGB picture of the same size.

    Example:
        >>> drawn = draw_boxes(Image.new("RGB", (64, 48)), {"cat": [(8, 8, 40, 40)]}, {"cat": "#ff0000"})
        >>> drawn.size, drawn.getpixel((8, 24))
        ((64, 48), (255, 0, 0))
    """
    drawn = image.convert("RGB")
    if drawn is image:
        drawn = image.copy()
    pen = ImageDraw.Draw(drawn)
    line = max(1, round(max(drawn.size) / 250))
    font = ImageFont.load_default(size=max(9, round(max(drawn.size) / 45)))
    for name, listed in boxes.items():
        colour = colours.get(name, SPARE)
        for box in listed:
            pen.rectangle(box, outline=colour, width=line)
        for x1, y1, _, _ in listed:
            _name(pen, name, (x1, y1), colour, font, drawn.width)
    return drawn


def _name(
    pen: ImageDraw.ImageDraw,
    name: str,
    corner: tuple[float, float],
    colour: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    picture_width: int,
) -> None:
    """The name on a plate above the box's corner, or inside the box where the picture ends above it.

    A plate that would run out of the picture stands further left.
    """
    left, top, right, bottom = pen.textbbox((0, 0), name, font=font)
    width, height = right - left + 4, bottom - top + 4
    x, y = corner[0], corner[1] - height if corner[1] >= height else corner[1]
    x = max(0, min(x, picture_width - 1 - width))
    pen.rectangle((x, y, x + width, y + height), fill=colour)
    pen.text((x + 2 - left, y + 2 - top), name, fill="white", font=font)
