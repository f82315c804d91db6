"""What vrft must know about an architecture beyond what transformers knows, and what most have in common.

Axes: P prompts, T tokens, R answer rows, A answer tokens.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from transformers.modeling_outputs import BaseModelOutputWithPooling

from vrft.errors import ModelError
from vrft.geometry.frames import FrameKind

Features = tuple[torch.Tensor, list[torch.Tensor]]
"""One picture's features in the text model's width, and those of deeper layers where a family has them."""
Inputs = Mapping[str, torch.Tensor]
"""One picture's arguments of ``get_image_features``."""


@dataclass(frozen=True)
class Seen:
    """One picture as a family's model takes it.

    Args:
        inputs: arguments of ``get_image_features``.
        input_wh: width and height after the processor's resize in pixels, thumbnails left out.
        written: what stands in the prompt for the template's one picture token.
    """

    inputs: Inputs
    input_wh: tuple[int, int]
    written: str


@dataclass(frozen=True)
class Family(ABC):
    """One architecture; a subclass says what is its own.

    Args:
        model_type: as in ``config.json``.
        frame: how the family writes coordinates (its model card's convention, or else the one our prompt asks
            for).
        vision: beginnings of the names of all parameters between pixels and picture features.
        decoder: name of the text model's module.
        never_ids: entries of the configuration whose ids stand for pictures and are never sampled.
        never_tokens: further such tokens, by their text.
        two_way: whether a picture's tokens see each other in both directions.
        turn_end: the token that ends an answer, where it is not the tokenizer's end token.
    """

    model_type: str
    frame: FrameKind
    vision: tuple[str, ...] = ("model.vision_tower.", "model.multi_modal_projector.")
    decoder: str = "language_model"
    never_ids: tuple[str, ...] = ("image_token_id", "video_token_id")
    never_tokens: tuple[str, ...] = ()
    two_way: bool = False
    turn_end: str | None = None

    @abstractmethod
    def prepare(self, processor: Any, config: Any, min_pixels: int | None, max_pixels: int | None) -> None:
        """Set the image processor up as the family's own processor does, within a pixel budget.

        Args:
            processor: transformers' image processor; changed in place.
            config: the model's configuration; changed in place where it must agree with the processor.
            min_pixels: least pixels of all that the tower sees of a picture; None keeps the folder's setting.
            max_pixels: most pixels of all that the tower sees of a picture; None keeps the folder's setting.

        Raises:
            ModelError: the family cannot see a picture in so few pixels.
        """

    @abstractmethod
    def see(self, image: Image.Image, processor: Any, tokenizer: Any, config: Any) -> Seen:
        """Process a picture and say how the family's own processor would write it."""

    def marker(self, tokenizer: Any, config: Any) -> str:
        """The text by which the chat template marks the place of a picture."""
        return str(tokenizer.convert_ids_to_tokens(config.image_token_id))

    def encode(self, model: Any, pictures: Sequence[Inputs]) -> list[Features]:
        """Encode pictures in one pass.

        Args:
            model: the model with its tower, without head.
            pictures: at least one, on the model's device and in its precision.
        """
        together = {name: torch.cat([one[name] for one in pictures]) for name in pictures[0]}
        pooled = model.get_image_features(**together, return_dict=True).pooler_output
        counts = [len(one["pixel_values"]) for one in pictures]
        return [(features, []) for features in pooled.split(counts)]

    def joined(self, features: Sequence[Features]) -> BaseModelOutputWithPooling:
        """Features of several pictures as ``mm_encoder_outputs`` takes them."""
        return BaseModelOutputWithPooling(pooler_output=torch.cat([pooled for pooled, _ in features]))

    def positions(
        self, model: Any, ids_PT: torch.Tensor, mask_PT: torch.Tensor, pictures: Sequence[Inputs]
    ) -> torch.Tensor:
        """``position_ids`` of whole rows that are padded on the left, the right, or both: here (P, T)."""
        return (mask_PT.cumsum(-1) - 1).clamp(min=0)

    def pixels_for(self, tokens: int, pictured: int, input_wh: tuple[int, int], config: Any) -> int:
        """A pixel budget under which a picture has at most ``tokens`` tokens; 0 where the family has none.

        Args:
            tokens: how many there is room for.
            pictured: how many the picture has now.
            input_wh: its size now, as in ``Seen``.
            config: the model's configuration.
        """
        return input_wh[0] * input_wh[1] * tokens // max(pictured, 1)

    def spread(self, positions_RA: torch.Tensor) -> torch.Tensor:
        """``position_ids`` of text."""
        return positions_RA

    def extra(self, pictured_PT: torch.Tensor) -> dict[str, torch.Tensor]:
        """Further arguments of a forward pass over whole rows; ``pictured_PT`` is True on picture tokens."""
        return {}


def tiles_within(pixels: int, tile_wh: tuple[int, int], least: int, model_type: str) -> int:
    """How many tiles of one size a pixel budget pays for.

    Args:
        pixels: the budget.
        tile_wh: a tile's width and height in pixels.
        least: tiles that the family cannot go below.
        model_type: for the message.

    Raises:
        ModelError: fewer than ``least``.

    Example:
        >>> tiles_within(500_000, (448, 448), 1, "internvl")
        2
    """
    area = tile_wh[0] * tile_wh[1]
    if pixels < least * area:
        raise ModelError(
            f"A model of type '{model_type}' sees a picture as {least} or more tiles of "
            f"{tile_wh[0]}x{tile_wh[1]} pixels; model.max_pixels is {pixels}. "
            f"Set it to {least * area} or more, or leave it out."
        )
    return pixels // area
