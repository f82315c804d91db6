"""Gemma 3: every image as one square of fixed size, whose tokens see each other in both directions.

Source: arXiv 2503.19786 (section 2.1). Pan and scan stays off, as in its processor. No way to write
coordinates is documented; our prompt asks for 0 to 1000.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from vrft.models.families.family import Family, Processed, tiles_within


@dataclass(frozen=True)
class Gemma3(Family):
    """One square per image."""

    never_ids: tuple[str, ...] = ("image_token_id", "boi_token_id", "eoi_token_id")
    token_types: str | None = "token_type_ids"
    two_way: bool = True
    turn_end: str | None = "<end_of_turn>"

    def prepare(self, processor: Any, config: Any, min_pixels: int | None, max_pixels: int | None) -> None:
        processor.do_pan_and_scan = False
        if max_pixels is not None:
            side = int(processor.size["width"]), int(processor.size["height"])
            tiles_within(max_pixels, side, 1, self.model_type)

    def process(self, image: Image.Image, processor: Any, tokenizer: Any, config: Any) -> Processed:
        """One image mark is written as a line of image tokens between its two ends."""
        pixel_values = processor(images=[image], return_tensors="pt")["pixel_values"]
        height, width = (int(n) for n in pixel_values.shape[-2:])
        begin, token, end = tokenizer.convert_ids_to_tokens(
            [config.boi_token_id, config.image_token_id, config.eoi_token_id]
        )
        text = f"\n\n{begin}{token * int(config.mm_tokens_per_image)}{end}\n\n"
        return Processed({"pixel_values": pixel_values}, (width, height), text)

    def pixels_for(self, tokens: int, imaged: int, input_wh: tuple[int, int], config: Any) -> int:
        return 0

    def marker(self, tokenizer: Any, config: Any) -> str:
        """The template writes the token that begins an image."""
        return str(tokenizer.convert_ids_to_tokens(config.boi_token_id))

    def extra(self, imaged_PT: torch.Tensor) -> dict[str, torch.Tensor]:
        """The model makes its two-way masks from these."""
        return {"token_type_ids": imaged_PT.long()}


FAMILIES = (Gemma3("gemma3", "norm1000"),)
