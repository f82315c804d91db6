"""LLaVA-OneVision: the whole image as one tile, then tiles of it in the best of some resolutions.

Tiles are joined, the padding of the resolution is cut off, each row of features ends in a newline, and a grid
of more than a few tiles is interpolated down. Source: arXiv 2408.03326 (section 3.2, AnyRes). Coordinates are
0 to 1 as in LLaVA's own data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from PIL import Image
from transformers.image_processing_utils import select_best_resolution
from transformers.modeling_outputs import BaseModelOutputWithPooling

from vrft.models.families.family import Family, Features, Inputs, Processed, tiles_within

LARGEST_RATIO = 1.1
"""Grids of more than ``LARGEST_RATIO**2`` times the most tiles are interpolated down."""


@dataclass(frozen=True)
class LlavaOnevision(Family):
    """The whole image, then tiles of it."""

    vision: tuple[str, ...] = ("model.vision_tower.", "model.multi_modal_projector.", "model.image_newline")
    # Its own processor shows the images of such a prompt without tiles, each in another number of tokens.
    several_images: bool = False

    def prepare(self, processor: Any, config: Any, min_pixels: int | None, max_pixels: int | None) -> None:
        """Resolutions outside the budget are dropped."""
        side = int(config.vision_config.image_size)
        tiles = {tuple(p): p[0] * p[1] // side**2 + 1 for p in processor.image_grid_pinpoints}
        kept = list(tiles)
        if max_pixels is not None:
            most = tiles_within(max_pixels, (side, side), min(tiles.values()), self.model_type)
            kept = [p for p in kept if tiles[p] <= most]
        if min_pixels is not None:
            kept = [p for p in kept if tiles[p] * side**2 >= min_pixels] or kept[-1:]
        # The model reads the resolutions from its configuration: both must hold the same.
        processor.image_grid_pinpoints = [list(p) for p in kept]
        config.image_grid_pinpoints = [list(p) for p in kept]

    def process(self, image: Image.Image, processor: Any, tokenizer: Any, config: Any) -> Processed:
        found = processor(images=[image], return_tensors="pt")
        inputs = {"pixel_values": found["pixel_values"][0], "image_sizes": found["image_sizes"]}
        height, width = select_best_resolution(image.size[::-1], processor.image_grid_pinpoints)
        count = tokens_of(image.size, (width, height), config)
        return Processed(inputs, (width, height), self.marker(tokenizer, config) * count)

    def pixels_for(self, tokens: int, imaged: int, input_wh: tuple[int, int], config: Any) -> int:
        """Every tile but the first has at most one newline per row, and two are the least."""
        side = int(config.vision_config.image_size)
        grid = side // int(config.vision_config.patch_size)
        tiles = (tokens + grid) // (grid**2 + grid)
        return tiles * side**2 if tiles > 1 else 0

    def encode(self, model: Any, images: Sequence[Inputs]) -> list[Features]:
        found = model.get_image_features(**self.together(images), return_dict=True)
        return [(pooled, []) for pooled in found.pooler_output]

    def joined(self, features: Sequence[Features]) -> BaseModelOutputWithPooling:
        return BaseModelOutputWithPooling(pooler_output=tuple(pooled for pooled, _ in features))


def tokens_of(original_wh: tuple[int, int], canvas_wh: tuple[int, int], config: Any) -> int:
    """Image tokens: the whole image's, those of the tiles without padding, and a newline per row."""
    side = int(config.vision_config.image_size)
    grid = side // int(config.vision_config.patch_size)
    columns, rows = (grid * (length // side) for length in canvas_wh)
    width, height = original_wh
    # The products are rounded as the model rounds them, so that no image is one row off.
    if width / height > columns / rows:
        rows -= (rows - int(round(height * (columns / width), 7))) // 2 * 2
    else:
        columns -= (columns - int(round(width * (rows / height), 7))) // 2 * 2
    most = int(config.vision_aspect_ratio.removeprefix("anyres_max_"))
    ratio = sqrt(rows * columns / (most * grid**2))
    if ratio > LARGEST_RATIO:
        rows, columns = int(rows // ratio), int(columns // ratio)
    return grid**2 + rows * columns + rows


FAMILIES = (LlavaOnevision("llava_onevision", "norm1"),)
