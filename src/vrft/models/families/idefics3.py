"""Idefics3 and SmolVLM: an image in rows and columns of tiles, then the whole of it as one more.

Each tile is named by its row and column in the prompt. Source: arXiv 2408.12637 (section 3.1), 2504.05299.
Neither documents a way to write coordinates; our prompt asks for 0 to 1000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isqrt, sqrt
from typing import Any

import torch
from PIL import Image

from vrft.models.families.family import Family, Features, Inputs, Processed, tiles_within

FAKE = "<fake_token_around_image>"
GLOBAL = "<global-img>"
MOST_A_SIDE = 6
"""Rows and columns that the tokenizers have names for."""


@dataclass(frozen=True)
class Idefics3(Family):
    """Named tiles, then the whole image."""

    vision: tuple[str, ...] = ("model.vision_model.", "model.connector.")
    decoder: str = "text_model"
    turn_end: str | None = "<end_of_utterance>"
    never_tokens: tuple[str, ...] = (
        FAKE,
        GLOBAL,
        "<video>",
        *(f"<row_{r + 1}_col_{c + 1}>" for r in range(MOST_A_SIDE) for c in range(MOST_A_SIDE)),
    )

    def prepare(self, processor: Any, config: Any, min_pixels: int | None, max_pixels: int | None) -> None:
        """The longer side of the resized image follows from a square of tiles."""
        tile = _tile(processor)
        size = dict(processor.size)
        if min_pixels is not None:
            size["longest_edge"] = max(int(size["longest_edge"]), tile * ceil(sqrt(min_pixels) / tile))
        if max_pixels is not None:
            tiles = tiles_within(max_pixels, (tile, tile), 1, self.model_type)
            a_side = max(1, isqrt(max(1, tiles - 1)))
            size["longest_edge"] = min(int(size["longest_edge"]), tile * a_side)
        processor.size = size

    def process(self, image: Image.Image, processor: Any, tokenizer: Any, config: Any) -> Processed:
        found = processor(images=[image], return_tensors="pt", return_row_col_info=True)
        # Tiles are the first axis: images of different size are joined along them.
        inputs = {name: found[name][0] for name in ("pixel_values", "pixel_attention_mask")}
        rows, columns = (int(found[name][0][0]) for name in ("rows", "cols"))
        tile = _tile(processor)
        one = self.marker(tokenizer, config) * tokens_of_tile(config)
        input_wh = (max(1, columns) * tile, max(1, rows) * tile)
        return Processed(inputs, input_wh, text_of(rows, columns, one))

    def together(self, images: Sequence[Inputs]) -> dict[str, torch.Tensor]:
        """All tiles as if they were one image's."""
        return {name: value[None] for name, value in super().together(images).items()}

    def encode(self, model: Any, images: Sequence[Inputs]) -> list[Features]:
        together = self.together(images)
        pooled = torch.cat(list(model.get_image_features(**together, return_dict=True).pooler_output))
        a_tile = len(pooled) // together["pixel_values"].shape[1]
        counts = [len(one["pixel_values"]) * a_tile for one in images]
        return [(features, []) for features in pooled.split(counts)]


def tokens_of_tile(config: Any) -> int:
    """Image tokens of one tile."""
    side = int(config.vision_config.image_size) // int(config.vision_config.patch_size)
    return side**2 // int(config.scale_factor) ** 2


def text_of(rows: int, columns: int, tile: str) -> str:
    """The text of an image in the prompt; rows and columns are 0 where the whole image is the only tile."""
    lines = [
        "".join(f"{FAKE}<row_{row + 1}_col_{column + 1}>{tile}" for column in range(columns)) + "\n"
        for row in range(rows)
    ]
    whole = f"{FAKE}{GLOBAL}{tile}{FAKE}"
    return "".join(lines) + ("\n" if rows else "") + whole


def _tile(processor: Any) -> int:
    return int(processor.max_image_size["longest_edge"])


FAMILIES = (Idefics3("idefics3", "norm1000"), Idefics3("smolvlm", "norm1000"))
