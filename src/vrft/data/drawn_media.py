"""What a question shows, with shapes drawn on it: one image, or those of a sequence side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from vrft import types
from vrft.data.images import apply_view, open_rgb
from vrft.geometry.overlay import draw_shapes
from vrft.types import Medium, Shape


def as_shown(medium: Medium, placed: bool, path: Path | None = None) -> Image.Image:
    """The whole file where places in its pixels are drawn, and elsewhere what a model sees of it, in RGB.

    ``path``: where the file lies now.
    """
    seen = open_rgb(path or medium.path)
    return seen if placed or not isinstance(medium, types.Image) else apply_view(seen, medium)


def drawn_media(
    media: Sequence[Medium],
    layers: Mapping[str, Sequence[Shape]],
    colors: Mapping[str, str] | None = None,
) -> Image.Image:
    """Images with named layers of shapes, each shape on its own image; in RGB, from left to right."""
    placed = any(shape.kind != "caption" for shapes in layers.values() for shape in shapes)
    drawn = [
        draw_shapes(as_shown(medium, placed), layers, colors, frame=place)
        for place, medium in enumerate(media)
    ]
    if len(drawn) == 1:
        return drawn[0]
    sheet = Image.new("RGB", (sum(one.width for one in drawn), max(one.height for one in drawn)), "white")
    left = 0
    for one in drawn:
        sheet.paste(one, (left, 0))
        left += one.width
    return sheet
