"""Which images a model's image processor refuses, by their sizes: before weights or pixels are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from transformers import AutoImageProcessor

from vrft.errors import ImageError
from vrft.models.adapter_folder import adapter_chain
from vrft.models.families import family_of
from vrft.models.families.family import Family
from vrft.models.model_options import ModelOptions
from vrft.models.model_source import cannot_load, innermost, quiet, read_config, resolve_source
from vrft.types import Example, Image, Medium


@dataclass(frozen=True)
class ImageLimits:
    """What an image processor takes."""

    family: Family
    processor: Any

    def refusal(self, medium: Medium) -> ImageError | None:
        """Why this image, as it is shown, is refused; None where it is taken, and of other media."""
        if not isinstance(medium, Image):
            return None
        why = self.family.refusal(medium.shown_wh, self.processor)
        if why is None:
            return None
        width, height = medium.shown_wh
        return ImageError(
            f"The image has {width}x{height} pixels, and the image processor of '{self.family.model_type}' "
            f"models refuses it ({why}).",
            str(medium.path),
            "Crop it, or pad its shorter side.",
        )

    def divided(self, examples: Iterable[Example]) -> tuple[list[Example], list[ImageError]]:
        """The questions about images that are taken, and why each other image is refused."""
        taken: list[Example] = []
        refused: dict[Medium, ImageError] = {}
        for example in examples:
            found = {medium: why for medium in example.media if (why := self.refusal(medium)) is not None}
            refused |= found
            if not found:
                taken.append(example)
        return taken, list(refused.values())


def image_limits(options: ModelOptions) -> ImageLimits:
    """What a model's image processor takes; reads the model's settings, not its weights.

    Raises:
        ModelError: the source is missing or broken, or is not a vision-language model that vrft can train.
    """
    source = options.path
    folder = resolve_source(source)
    base = innermost(adapter_chain(folder), folder)
    config = read_config(base, source)
    family = family_of(config.model_type, source)
    try:
        with quiet():
            processor = AutoImageProcessor.from_pretrained(base, backend="pil", trust_remote_code=False)
    except (OSError, ValueError, ImportError) as error:
        raise cannot_load(source, "the image processor", error) from error
    family.prepare(processor, config, options.min_pixels, options.max_pixels)
    return ImageLimits(family, processor)
