"""Regions from boxes: a Segment Anything Model (SAM, arXiv 2304.02643) asked for what each box encloses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from transformers import AutoImageProcessor, SamModel

from vrft.data.images import open_rgb
from vrft.errors import ModelError
from vrft.geometry.masks import mask_of_region
from vrft.models.load_policy import natural_device
from vrft.models.model_source import cannot_load, check_weights, quiet, read_config
from vrft.types import BoxXYXY, Mask

MODEL_TYPE = "sam"
"""As in ``config.json``. Later generations are left out: their image processors need torchvision."""
BOXES_TOGETHER = 16
"""Boxes in one pass of the mask decoder: an answer may have hundreds, and memory grows with each."""


class Segmenter:
    """A SAM with its image processor; it keeps the embedding of the last image, so ask for all boxes of one
    image before those of the next."""

    def __init__(self, model: Any, processor: Any) -> None:
        self._model, self._processor = model, processor
        self._last: tuple[bytes, _Embedding] | None = None

    @classmethod
    def load(cls, source: str, device: str = "auto") -> Segmenter:
        """Load a SAM, in float32: positions of boxes are too coarse in half precision.

        Args:
            source: a folder or hub id; Visual-RFT's released evaluation uses 'facebook/sam-vit-huge'.
            device: 'auto' (CUDA where there is one), or a torch device.

        Raises:
            ModelError: the source is missing, broken, or not a SAM.
        """
        config = read_config(source, source)
        if config.model_type != MODEL_TYPE:
            raise ModelError(
                f"{source}: model type '{config.model_type}' is not '{MODEL_TYPE}', the first "
                "Segment Anything Model. Give such a folder, or a hub id such as 'facebook/sam-vit-base'."
            )
        try:
            with quiet():
                model, loading = SamModel.from_pretrained(
                    source, dtype=torch.float32, output_loading_info=True
                )
                # The PIL backend everywhere, as for policies: the other one needs torchvision.
                processor = AutoImageProcessor.from_pretrained(source, backend="pil", trust_remote_code=False)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise cannot_load(source, "the SAM", error) from error
        check_weights(loading, model, source)
        _check_side(config.vision_config.image_size, processor, source)
        return cls(model.to(natural_device() if device == "auto" else device).eval(), processor)

    def masks(self, image: Image.Image, boxes_xyxy_px: Sequence[BoxXYXY]) -> Mask | None:
        """The union of what SAM marks in each box of an RGB image; None where no pixel belongs to it.

        SAM has one mask output for prompts with one meaning and three for those with several, such as a
        point. A box has one meaning, so the one is taken, as SAM's own examples and Visual-RFT's released
        evaluation do.
        """
        if not boxes_xyxy_px:
            return None
        embedded = self._embedding_of(image)
        region = np.zeros((image.height, image.width), dtype=bool)
        for begin in range(0, len(boxes_xyxy_px), BOXES_TOGETHER):
            boxes = embedded.scaled(boxes_xyxy_px[begin : begin + BOXES_TOGETHER])
            with torch.inference_mode():
                found = self._model(
                    image_embeddings=embedded.embedding,
                    input_boxes=boxes.to(self._model.device),
                    multimask_output=False,
                )
            # Masks of the full size one at a time: a photo of 12 megapixels has 48 MB of float32 per box.
            for logits in found.pred_masks[0]:
                (full,) = self._processor.post_process_masks(
                    [logits[None]], [embedded.original_hw], [embedded.resized_hw]
                )
                region |= full[0, 0].cpu().numpy()
        return mask_of_region(region) if region.any() else None

    def in_file(self, image: Path, boxes_xyxy_px: Sequence[BoxXYXY]) -> Mask | None:
        """``masks`` of an image file, read as everywhere in vrft; raises LabelError where that fails."""
        return self.masks(open_rgb(image), boxes_xyxy_px) if boxes_xyxy_px else None

    def _embedding_of(self, image: Image.Image) -> _Embedding:
        digest = sha256(repr((image.size, image.mode)).encode() + image.tobytes()).digest()
        if self._last is None or self._last[0] != digest:
            self._last = (digest, self._embedded(image))
        return self._last[1]

    def _embedded(self, image: Image.Image) -> _Embedding:
        inputs = self._processor(images=image, return_tensors="pt")
        with torch.inference_mode():
            embedding = self._model.get_image_embeddings(inputs["pixel_values"].to(self._model.device))
        resized_height, resized_width = (int(side) for side in inputs["reshaped_input_sizes"][0])
        return _Embedding(embedding, (image.height, image.width), (resized_height, resized_width))


@dataclass(frozen=True)
class _Embedding:
    """What SAM's image encoder made of one image."""

    embedding: torch.Tensor
    original_hw: tuple[int, int]
    resized_hw: tuple[int, int]
    """Before padding."""

    def scaled(self, boxes_xyxy_px: Sequence[BoxXYXY]) -> torch.Tensor:
        """Boxes in pixels of the resized image, (1, boxes, 4)."""
        (height, width), (resized_height, resized_width) = self.original_hw, self.resized_hw
        x, y = resized_width / width, resized_height / height
        return torch.tensor([boxes_xyxy_px], dtype=torch.float32) * torch.tensor([x, y, x, y])


def _check_side(side: int, processor: Any, source: str) -> None:
    """Processor and model must mean the same square."""
    pad, longest = processor.pad_size, processor.size["longest_edge"]
    if {pad["height"], pad["width"], longest} != {side}:
        raise ModelError(
            f"{source}: its image processor makes images of {longest} pixels in a square of "
            f"{pad['height']} x {pad['width']}, its model takes {side}. Set 'size' and 'pad_size' in "
            f"preprocessor_config.json to {side}."
        )
