"""Regions from boxes and points: a Segment Anything Model (SAM) asked for the object that each encloses.

The first generation (arXiv 2304.02643), the second and the third are loaded alike. The image processors of
the later two need torchvision, so their images are prepared here: squeezed to a square, where the first keeps
the shape and pads. An object is one prompt of its box and its points, and one mask is taken for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from torch.nn.functional import interpolate
from transformers import AutoImageProcessor, Sam2Model, Sam3TrackerModel, SamModel

from vrft.data.images import open_rgb
from vrft.errors import ModelError
from vrft.geometry.flood_fill import FLOOD_FILL, flood_fill
from vrft.geometry.masks import mask_of_region, merge_masks
from vrft.models.load_policy import natural_device
from vrft.models.model_source import cannot_load, check_weights, quiet, read_config
from vrft.types import Mask, ObjectRegion, RegionPrompt

BOXES_TOGETHER = 16
"""Objects in one pass of the mask decoder: an answer may have hundreds, and memory grows with each."""
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


class MaskMaker(ABC):
    """Whatever makes masks of boxes and points in an image."""

    @abstractmethod
    def objects(self, image: Image.Image, prompts: Sequence[RegionPrompt]) -> list[Mask | None]:
        """The mask of each object in an RGB image; None where no pixel belongs to it.

        Args:
            image: the whole image, upright.
            prompts: for each object the four numbers of its box, then x and y of each point on it, in pixels.
        """

    def masks(self, image: Image.Image, prompts: Sequence[RegionPrompt]) -> Mask | None:
        """The union of the masks of all objects; None where no pixel belongs to it."""
        found = [mask for mask in self.objects(image, prompts) if mask is not None]
        return merge_masks(found) if found else None

    def in_file(self, image: Path, prompts: Sequence[RegionPrompt]) -> Mask | None:
        """``masks`` of an image file, read as everywhere in vrft; raises LabelError where that fails."""
        return self.masks(open_rgb(image), prompts) if prompts else None


class FloodFill(MaskMaker):
    """The stand-in of ``vrft.geometry.flood_fill`` for drawn scenes; it is no SAM, and no result of one."""

    def objects(self, image: Image.Image, prompts: Sequence[RegionPrompt]) -> list[Mask | None]:
        return flood_fill(np.asarray(image.convert("RGB")), [ObjectRegion.of(one) for one in prompts])


class Segmenter(MaskMaker):
    """A SAM; it keeps the embedding of the last image, so ask for all objects of one image before those of
    the next."""

    def __init__(self, model: Any, preparation: Preparation) -> None:
        self._model, self._preparation = model, preparation
        self._last: tuple[bytes, _Embedding] | None = None

    @classmethod
    def load(cls, source: str, device: str = "auto") -> Segmenter:
        """Load a SAM, in float32: positions of boxes are too coarse in half precision.

        Args:
            source: a folder or hub id; Visual-RFT's released evaluation uses 'facebook/sam-vit-huge',
                VisionReasoner's 'facebook/sam2.1-hiera-large'.
            device: 'auto' (CUDA where there is one), or a torch device.

        Raises:
            ModelError: the source is missing, broken, or not a SAM.
        """
        config = read_config(source, source)
        kind = KINDS.get(config.model_type)
        if kind is None:
            raise ModelError(
                f"{source}: model type '{config.model_type}' is not a Segment Anything Model that takes boxes"
                f" and points ({', '.join(KINDS)}). Give such a folder, or a hub id such as "
                "'facebook/sam-vit-base' or 'facebook/sam2.1-hiera-small'."
            )
        try:
            with quiet():
                model, loading = kind.model.from_pretrained(
                    source, dtype=torch.float32, output_loading_info=True
                )
                check_weights(loading, model, source)
                preparation = kind.prepared(source, model.config)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise cannot_load(source, "the SAM", error) from error
        return cls(model.to(natural_device() if device == "auto" else device).eval(), preparation)

    def objects(self, image: Image.Image, prompts: Sequence[RegionPrompt]) -> list[Mask | None]:
        """As ``MaskMaker.objects``.

        SAM has one mask output for prompts with one meaning and three for those with several, such as a
        point. A box has one meaning, so the one is taken, with points as well as without, as SAM's own
        examples and Visual-RFT's released evaluation do.
        """
        found: list[Mask | None] = [None] * len(prompts)
        # Those of one pass have equally many points.
        order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
        for _, alike in groupby(order, key=lambda place: len(prompts[place])):
            places = list(alike)
            for begin in range(0, len(places), BOXES_TOGETHER):
                some = places[begin : begin + BOXES_TOGETHER]
                made = self._pass(self._embedding_of(image), [prompts[place] for place in some])
                for place, mask in zip(some, made, strict=True):
                    found[place] = mask
        return found

    def _pass(self, embedded: _Embedding, prompts: Sequence[RegionPrompt]) -> list[Mask | None]:
        """The masks of objects with equally many points."""
        places = embedded.scaled(prompts).to(self._model.device)  # (objects, 2 + points, 2)
        asked = {"input_boxes": places[None, :, :2].flatten(2)}
        if places.shape[1] > 2:
            points = places[None, :, 2:]
            asked |= {
                "input_points": points,
                "input_labels": torch.ones_like(points[..., 0], dtype=torch.int),
            }
        with torch.inference_mode():
            made = self._model(image_embeddings=embedded.embedding, multimask_output=False, **asked)
        found: list[Mask | None] = []
        # Masks of the full size one at a time: a photo of 12 megapixels has 48 MB of float32 per object.
        for logits in made.pred_masks[0]:
            region = self._preparation.full_size(logits, embedded.original_hw, embedded.resized_hw)
            found.append(mask_of_region(region) if region.any() else None)
        return found

    def _embedding_of(self, image: Image.Image) -> _Embedding:
        digest = sha256(repr((image.size, image.mode)).encode() + image.tobytes()).digest()
        if self._last is None or self._last[0] != digest:
            self._last = (digest, self._embedded(image))
        return self._last[1]

    def _embedded(self, image: Image.Image) -> _Embedding:
        pixels, resized_hw = self._preparation.pixels(image)
        with torch.inference_mode():
            embedding = self._model.get_image_embeddings(pixels.to(self._model.device))
        return _Embedding(embedding, (image.height, image.width), resized_hw)


@dataclass(frozen=True)
class _Embedding:
    """What SAM's image encoder made of one image."""

    embedding: Any
    original_hw: tuple[int, int]
    resized_hw: tuple[int, int]
    """Before padding."""

    def scaled(self, prompts: Sequence[RegionPrompt]) -> torch.Tensor:
        """Corners and points in pixels of the resized image, (objects, places, 2)."""
        (height, width), (resized_height, resized_width) = self.original_hw, self.resized_hw
        places = torch.tensor([list(one) for one in prompts], dtype=torch.float32)
        return places.reshape(len(prompts), -1, 2) * torch.tensor(
            [resized_width / width, resized_height / height]
        )


class Preparation(Protocol):
    """How a generation of SAM sees an image."""

    def pixels(self, image: Image.Image) -> tuple[torch.Tensor, tuple[int, int]]:
        """(1, 3, side, side), and height and width of the image in it."""
        ...

    def full_size(
        self, logits: torch.Tensor, original_hw: tuple[int, int], resized_hw: tuple[int, int]
    ) -> np.ndarray:
        """A mask of (1, h, w) logits as (height, width) truth values of the image."""
        ...


@dataclass(frozen=True)
class _Padded:
    """The first generation: the longer side fits, the rest is padded."""

    processor: Any

    def pixels(self, image: Image.Image) -> tuple[torch.Tensor, tuple[int, int]]:
        inputs = self.processor(images=image, return_tensors="pt")
        height, width = (int(side) for side in inputs["reshaped_input_sizes"][0])
        return inputs["pixel_values"], (height, width)

    def full_size(
        self, logits: torch.Tensor, original_hw: tuple[int, int], resized_hw: tuple[int, int]
    ) -> np.ndarray:
        (full,) = self.processor.post_process_masks([logits[None]], [original_hw], [resized_hw])
        region: np.ndarray = full[0, 0].cpu().numpy()
        return region


@dataclass(frozen=True)
class Squeezed:
    """The later generations: both sides fit, whatever the shape."""

    side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def pixels(self, image: Image.Image) -> tuple[torch.Tensor, tuple[int, int]]:
        colors = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None].float() / 255
        square = interpolate(colors, (self.side, self.side), mode="bilinear", antialias=True)
        mean, std = (torch.tensor(one).view(1, 3, 1, 1) for one in (self.mean, self.std))
        return (square - mean) / std, (self.side, self.side)

    def full_size(
        self, logits: torch.Tensor, original_hw: tuple[int, int], resized_hw: tuple[int, int]
    ) -> np.ndarray:
        full = interpolate(logits[None].float(), original_hw, mode="bilinear", align_corners=False)
        region: np.ndarray = (full[0, 0] > 0).cpu().numpy()
        return region


@dataclass(frozen=True)
class _Generation:
    """What loads a generation's model, and how its images are prepared."""

    model: Any
    prepared: Callable[[str, Any], Preparation]


def _padded(source: str, config: Any) -> Preparation:
    # The PIL backend everywhere, as for policies: the other one needs torchvision.
    processor = AutoImageProcessor.from_pretrained(source, backend="pil", trust_remote_code=False)
    side = config.vision_config.image_size
    pad, longest = processor.pad_size, processor.size["longest_edge"]
    if {pad["height"], pad["width"], longest} != {side}:
        raise ModelError(
            f"{source}: its image processor makes images of {longest} pixels in a square of "
            f"{pad['height']} x {pad['width']}, its model takes {side}. Set 'size' and 'pad_size' in "
            f"preprocessor_config.json to {side}."
        )
    return _Padded(processor)


def _squeezed(colors: tuple[tuple[float, float, float], tuple[float, float, float]]) -> Any:
    return lambda source, config: Squeezed(int(config.prompt_encoder_config.image_size), *colors)


_SECOND, _THIRD = (
    _Generation(Sam2Model, _squeezed(IMAGENET)),
    _Generation(Sam3TrackerModel, _squeezed(HALVES)),
)
KINDS: Mapping[str, _Generation] = {
    "sam": _Generation(SamModel, _padded),
    "sam2": _SECOND,
    "sam2_video": _SECOND,
    "sam3_tracker": _THIRD,
    "sam3_video": _THIRD,
}
"""By the model type in ``config.json``. The hub's folders of the later two are those of their video models;
SAM 3's detector alone ('sam3') is asked with words, and not with points."""


def load_segmenter(source: str, device: str = "auto") -> MaskMaker:
    """What makes masks: a SAM by its folder or hub id, or 'flood_fill', the stand-in for drawn scenes.

    Raises:
        ModelError: as ``Segmenter.load``.
    """
    return FloodFill() if source == FLOOD_FILL else Segmenter.load(source, device)
