"""SAM 3 asked with words: every thing in an image that a short phrase means, with mask, box and score.

This is SAM 3's detector; its tracker, which takes boxes and points, is in ``vrft.models.segmenter``.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, NamedTuple

import torch
from PIL import Image
from safetensors import SafetensorError
from torch.nn.functional import interpolate
from transformers import AutoTokenizer, Sam3Model

from vrft.errors import ModelError
from vrft.geometry.masks import mask_of_region
from vrft.models.load_policy import natural_device
from vrft.models.model_source import cannot_load, check_weights, quiet, read_config
from vrft.models.segmenter import HALVES, Squeezed
from vrft.types import BoxXYXY, Mask

KINDS = ("sam3", "sam3_video")
"""Model types of ``config.json``; the hub's folder of SAM 3 is that of its video model."""
MAX_TOKENS = 32
"""Of a phrase: a longer one is cut, since the text encoder has no more places."""
THRESHOLD = 0.3
"""Least score of a thing, as transformers has it."""


class FoundThing(NamedTuple):
    """One thing that words mean."""

    mask: Mask
    xyxy_px: BoxXYXY
    score: float


class WordSegmenter:
    """SAM 3's detector; it keeps the features of the last image, so ask for all that is in one image before
    the next."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._squeezed = Squeezed(int(model.config.vision_config.image_size), *HALVES)
        self._last: tuple[bytes, Any] | None = None

    @classmethod
    def load(cls, source: str, device: str = "auto") -> WordSegmenter:
        """Load SAM 3 with its tokenizer, in float32.

        Args:
            source: a folder or hub id, such as 'facebook/sam3'.
            device: 'auto' (CUDA where there is one), or a torch device.

        Raises:
            ModelError: the source is missing, broken, or not SAM 3.
        """
        kind = read_config(source, source).model_type
        if kind not in KINDS:
            raise ModelError(
                f"{source}: model type '{kind}' is not asked with words ({', '.join(KINDS)}). Give such a "
                "folder, or the hub id 'facebook/sam3'."
            )
        try:
            with quiet():
                model, loading = Sam3Model.from_pretrained(
                    source, dtype=torch.float32, output_loading_info=True
                )
                check_weights(loading, model, source)
                tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise cannot_load(source, "SAM 3", error) from error
        return cls(model.to(natural_device() if device == "auto" else device).eval(), tokenizer)

    def find(self, image: Image.Image, words: str, threshold: float = THRESHOLD) -> list[FoundThing]:
        """What the words mean in an RGB image, the surest first; none where nothing is.

        Args:
            image: the whole image, upright.
            words: a noun or a short phrase, of at most 32 tokens.
            threshold: a thing's score, its own times that of any being there, must be above.
        """
        asked = self._tokenizer(
            words, padding="max_length", max_length=MAX_TOKENS, truncation=True, return_tensors="pt"
        ).to(self._model.device)
        with torch.inference_mode():
            made = self._model(
                vision_embeds=self._features(image),
                input_ids=asked["input_ids"],
                attention_mask=asked["attention_mask"],
            )
        scores = made.pred_logits[0].sigmoid() * made.presence_logits[0].sigmoid()
        found: list[FoundThing] = []
        for place in scores.argsort(descending=True).tolist():
            score = float(scores[place])
            if score <= threshold:
                break
            # One at a time: a photo of 12 megapixels has 48 MB of float32 per thing.
            full = interpolate(
                made.pred_masks[0, place].sigmoid()[None, None],
                (image.height, image.width),
                mode="bilinear",
                align_corners=False,
            )
            region = (full[0, 0] > 0.5).cpu().numpy()
            x1, y1, x2, y2 = (min(max(side, 0.0), 1.0) for side in made.pred_boxes[0, place].tolist())
            box = (x1 * image.width, y1 * image.height, x2 * image.width, y2 * image.height)
            if region.any() and box[0] < box[2] and box[1] < box[3]:
                found.append(FoundThing(mask_of_region(region), box, score))
        return found

    def _features(self, image: Image.Image) -> Any:
        digest = sha256(repr((image.size, image.mode)).encode() + image.tobytes()).digest()
        if self._last is None or self._last[0] != digest:
            pixels, _ = self._squeezed.pixels(image)
            self._last = (digest, self._model.get_vision_features(pixels.to(self._model.device)))
        return self._last[1]
