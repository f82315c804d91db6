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
from vrft.types import FrameName

Features = tuple[torch.Tensor, list[torch.Tensor]]
"""One image's features in the text model's width, and those of deeper layers where a family has them."""
Inputs = Mapping[str, torch.Tensor]
"""One image's arguments of ``get_image_features``."""
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class Processed:
    """One image as a family's model takes it.

    ``inputs`` are arguments of ``get_image_features``, ``input_wh`` the size in pixels after the
    processor's resize (thumbnails left out), and ``text`` is what the prompt has in place of the template's
    one image mark.
    """

    inputs: Inputs
    input_wh: tuple[int, int]
    text: str


@dataclass(frozen=True)
class Family(ABC):
    """One architecture; a subclass says what is its own.

    Args:
        model_type: as in ``config.json``.
        frame: how the family writes coordinates (its model card's, or else what our prompt asks for).
        vision: beginnings of the names of all parameters between pixels and image features.
        decoder: name of the text model's module.
        adapted: linear layers of the text model that a LoRA adapter goes to, by the last part of their names.
        not_adapted: all others.
        never_ids: entries of the configuration whose ids stand for images and are never sampled.
        never_tokens: further such tokens, by their text.
        token_types: the argument that says which tokens are an image's, where the model needs it.
        two_way: whether an image's tokens see each other in both directions.
        several_images: whether one prompt may show several images in the way that the family knows them.
        served: whether vLLM takes its images at ``input_wh``, and one placeholder of each.
        turn_end: the token that ends an answer, where it is not the tokenizer's end token.
    """

    model_type: str
    frame: FrameName
    vision: tuple[str, ...] = ("model.vision_tower.", "model.multi_modal_projector.")
    decoder: str = "language_model"
    adapted: tuple[str, ...] = PROJECTIONS
    not_adapted: tuple[str, ...] = ("lm_head",)
    never_ids: tuple[str, ...] = ("image_token_id", "video_token_id")
    never_tokens: tuple[str, ...] = ()
    token_types: str | None = None
    two_way: bool = False
    several_images: bool = True
    served: bool = False
    turn_end: str | None = None

    @abstractmethod
    def prepare(self, processor: Any, config: Any, min_pixels: int | None, max_pixels: int | None) -> None:
        """Set the image processor (and what of the configuration must agree with it) up as the family's own
        processor does, within a budget of pixels that the tower sees per image; None keeps the folder's
        setting.

        Raises:
            ModelError: the family cannot see an image in so few pixels.
        """

    def most_pixels(self, processor: Any) -> int | None:
        """Pixels that the tower sees of an image at most; None where it sees a few tiles of one size."""
        return None

    @abstractmethod
    def process(self, image: Image.Image, processor: Any, tokenizer: Any, config: Any) -> Processed:
        """Process an image and say how the family's own processor would write it."""

    def refusal(self, size_wh: tuple[int, int], processor: Any) -> str | None:
        """Why the image processor refuses images of this size in pixels, by its own arithmetic and without an
        image; None where it takes them."""
        return None

    def marker(self, tokenizer: Any, config: Any) -> str:
        """The text by which the chat template marks the place of an image."""
        return str(tokenizer.convert_ids_to_tokens(config.image_token_id))

    def together(self, images: Sequence[Inputs]) -> dict[str, torch.Tensor]:
        """The arguments of one pass over several images, at least one."""
        return {name: torch.cat([one[name] for one in images]) for name in images[0]}

    def encode(self, model: Any, images: Sequence[Inputs]) -> list[Features]:
        """Encode images in one pass; ``model`` has no head, images are on its device and in its precision."""
        pooled = model.get_image_features(**self.together(images), return_dict=True).pooler_output
        counts = [len(one["pixel_values"]) for one in images]
        return [(features, []) for features in pooled.split(counts)]

    def joined(self, features: Sequence[Features]) -> BaseModelOutputWithPooling:
        """Features of several images as ``mm_encoder_outputs`` takes them."""
        return BaseModelOutputWithPooling(pooler_output=torch.cat([pooled for pooled, _ in features]))

    def positions(
        self, model: Any, ids_PT: torch.Tensor, mask_PT: torch.Tensor, images: Sequence[Inputs]
    ) -> torch.Tensor:
        """``position_ids`` of whole rows that are padded on the left, the right, or both: here (P, T)."""
        return (mask_PT.cumsum(-1) - 1).clamp(min=0)

    def pixels_for(self, tokens: int, imaged: int, input_wh: tuple[int, int], config: Any) -> int:
        """A pixel budget under which an image that now has ``imaged`` tokens at the size ``input_wh`` has
        at most ``tokens``; 0 where the family has none."""
        return input_wh[0] * input_wh[1] * tokens // max(imaged, 1)

    def spread(self, positions_RA: torch.Tensor) -> torch.Tensor:
        """``position_ids`` of text."""
        return positions_RA

    def extra(self, imaged_PT: torch.Tensor) -> dict[str, torch.Tensor]:
        """Further arguments of a forward pass over whole rows; ``imaged_PT`` is True on image tokens."""
        return {}


def tiles_within(pixels: int, tile_wh: tuple[int, int], least: int, model_type: str) -> int:
    """How many tiles of one size fit into a pixel budget; ModelError where that is fewer than ``least``."""
    area = tile_wh[0] * tile_wh[1]
    if pixels < least * area:
        raise ModelError(
            f"model.max_pixels: a model of type '{model_type}' sees an image as {least} or more tiles of "
            f"{tile_wh[0]}x{tile_wh[1]} pixels, and {pixels} pixels are allowed. "
            f"Set it to {least * area} or more, or leave it out."
        )
    return pixels // area
