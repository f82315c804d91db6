"""Qwen2-VL, Qwen2.5-VL and Qwen3-VL: images of any size, positions of three axes.

Sources: the families' model cards and arXiv 2409.12191 (section 2.1), 2502.13923, 2511.21631. Qwen2.5-VL
writes pixels of the resized image, the others 0 to 1000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

from vrft.models.families.family import Family, Features, Inputs, Processed


@dataclass(frozen=True)
class QwenVL(Family):
    """One of Qwen's families; one placeholder per merged patch."""

    vision: tuple[str, ...] = ("model.visual.",)
    never_ids: tuple[str, ...] = (
        "image_token_id",
        "video_token_id",
        "vision_start_token_id",
        "vision_end_token_id",
    )
    token_types: str | None = "mm_token_type_ids"
    served: bool = True

    def prepare(self, processor: Any, config: Any, min_pixels: int | None, max_pixels: int | None) -> None:
        """The processor's own bounds are in pixels."""
        size = dict(processor.size)
        if min_pixels is not None:
            size["shortest_edge"] = min_pixels
        if max_pixels is not None:
            size["longest_edge"] = max_pixels
        processor.size = size

    def most_pixels(self, processor: Any) -> int | None:
        """The processor's upper bound."""
        return int(processor.size["longest_edge"])

    def refusal(self, size_wh: tuple[int, int], processor: Any) -> str | None:
        """Sides of more than 200 to 1."""
        try:
            smart_resize(size_wh[1], size_wh[0])
        except ValueError as error:
            return str(error)
        return None

    def process(self, image: Image.Image, processor: Any, tokenizer: Any, config: Any) -> Processed:
        found = processor(images=[image], return_tensors="pt")
        inputs = {name: found[name] for name in ("pixel_values", "image_grid_thw")}
        t, rows, columns = (int(n) for n in inputs["image_grid_thw"][0])
        count = t * rows * columns // int(processor.merge_size) ** 2
        patch = int(processor.patch_size)
        text = self.marker(tokenizer, config) * count
        return Processed(inputs, (columns * patch, rows * patch), text)

    def encode(self, model: Any, images: Sequence[Inputs]) -> list[Features]:
        """Qwen3-VL has deepstack features."""
        found = model.get_image_features(**self.together(images), return_dict=True)
        deep = getattr(found, "deepstack_features", None) or []
        return [(pooled, [layer[i] for layer in deep]) for i, pooled in enumerate(found.pooler_output)]

    def joined(self, features: Sequence[Features]) -> BaseModelOutputWithPooling:
        """One entry per image; deepstack features go along as an attribute."""
        output = BaseModelOutputWithPooling(pooler_output=tuple(pooled for pooled, _ in features))
        if features[0][1]:
            # transformers reads deepstack features as an attribute with one tuple of images per layer.
            output.deepstack_features = list(zip(*(deep for _, deep in features), strict=True))
        return output

    def positions(
        self, model: Any, ids_PT: torch.Tensor, mask_PT: torch.Tensor, images: Sequence[Inputs]
    ) -> torch.Tensor:
        """Temporal, height and width positions, (3, P, T)."""
        positions: torch.Tensor = model.get_rope_index(
            ids_PT,
            mm_token_type_ids=(ids_PT == model.config.image_token_id).int(),
            image_grid_thw=torch.cat([one["image_grid_thw"] for one in images]) if images else None,
            attention_mask=mask_PT,
        )[0]
        return positions

    def spread(self, positions_RA: torch.Tensor) -> torch.Tensor:
        """Text has the same place on all three axes: (3, R, A)."""
        return positions_RA.expand(3, -1, -1)


FAMILIES = (
    QwenVL("qwen2_vl", "norm1000"),
    QwenVL("qwen2_5_vl", "resized_pixels"),
    QwenVL("qwen3_vl", "norm1000"),
)
