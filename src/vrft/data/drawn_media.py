"""What a question shows, with shapes drawn on it: one image, or those of a sequence side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PIL import Image

from vrft.data.images import open_rgb
from vrft.geometry.overlay import draw_shapes
from vrft.types import Medium, Shape


def drawn_media(
    media: Sequence[Medium],
    layers: Mapping[str, Sequence[Shape]],
    colors: Mapping[str, str] | None = None,
) -> Image.Image:
    """Images with named layers of shapes, each shape on its own image; in RGB, from left to right."""
    drawn = [
        draw_shapes(open_rgb(medium.path), layers, colors, frame=place) for place, medium in enumerate(media)
    ]
    if len(drawn) == 1:
        return drawn[0]
    sheet = Image.new("RGB", (sum(one.width for one in drawn), max(one.height for one in drawn)), "white")
    left = 0
    for one in drawn:
        sheet.paste(one, (left, 0))
        left += one.width
    return sheet
