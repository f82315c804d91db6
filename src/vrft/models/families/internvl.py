"""InternVL in Hugging Face's form: tiles in the grid nearest to the image's shape, and a thumbnail.

Source: arXiv 2312.14238, 2404.16821 (section 3.2, dynamic resolution); coordinates are 0 to 1000 (its model
card).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from PIL import Image
from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import get_optimal_tiled_canvas

from vrft.models.families.family import Family, Processed, tiles_within
from vrft.models.model_source import quiet


@dataclass(frozen=True)
class InternVL(Family):
    """Tiles, then a thumbnail."""

    never_tokens: tuple[str, ...] = ("<img>", "</img>", "<video>")

    def prepare(self, processor: Any, config: Any, min_pixels: int | None, max_pixels: int | None) -> None:
        """From two tiles on, the thumbnail is one more."""
        # The family's processor always cuts tiles, whatever the folder's setting.
        processor.crop_to_patches = True
        tile_wh = _tile_wh(processor)
        if max_pixels is not None:
            tiles = tiles_within(max_pixels, tile_wh, 1, self.model_type)
            processor.max_patches = max(1, tiles - 1)
            processor.min_patches = min(int(processor.min_patches), processor.max_patches)
        if min_pixels is not None:
            tiles = ceil(min_pixels / (tile_wh[0] * tile_wh[1]))
            processor.min_patches = min(max(1, tiles - 1), int(processor.max_patches))

    def process(self, image: Image.Image, processor: Any, tokenizer: Any, config: Any) -> Processed:
        with quiet():  # of sides of 1 or 3 pixels it says that they might be channels, and takes them rightly
            pixel_values = processor(images=[image], return_tensors="pt")["pixel_values"]
        begin = getattr(tokenizer, "start_image_token", "<img>")
        end = getattr(tokenizer, "end_image_token", "</img>")
        count = int(config.image_seq_length) * len(pixel_values)
        text = f"{begin}{self.marker(tokenizer, config) * count}{end}"
        tile = width, height = _tile_wh(processor)
        columns, rows = get_optimal_tiled_canvas(
            image.size[::-1], tile[::-1], int(processor.min_patches), int(processor.max_patches)
        )
        return Processed({"pixel_values": pixel_values}, (columns * width, rows * height), text)


def _tile_wh(processor: Any) -> tuple[int, int]:
    return int(processor.size["width"]), int(processor.size["height"])


FAMILIES = (InternVL("internvl", "norm1000"),)
