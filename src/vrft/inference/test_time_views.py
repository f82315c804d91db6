"""The same question about the image mirrored or scaled; answers are in pixels of the file all the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vrft.data.augment import LEAST_IMAGE_SIDE_PX, speaks_of_sides
from vrft.errors import InputError
from vrft.types import PLAIN, Answer, Example, Image


@dataclass(frozen=True)
class TTAView:
    """One way of showing an example's media: ``plain``, ``flip``, or ``scale`` with its factor."""

    name: str
    example: Example
    mirrored: bool = False

    def believed(self, answer: Answer) -> Answer:
        """The answer, unread where it may be wrong of the unmirrored image, as a name of a side is."""
        value = answer.value
        if value is None or not self.mirrored:
            return answer
        holds = value.survives_view(None, mirrored=True) and not any(map(speaks_of_sides, value.words))
        return answer if holds else replace(answer, value=None)


def views_of(example: Example, flip: bool = True, scales: Sequence[float] = ()) -> list[TTAView]:
    """The media as they are, then every other view that the question allows."""
    others = ([flipped(example)] if flip else []) + [scaled(example, factor) for factor in scales]
    return [TTAView(PLAIN, example), *(view for view in others if view is not None)]


def may_be_mirrored(example: Example) -> bool:
    """Whether question and class names do not speak of sides; the target is not known when it is asked."""
    return not any(speaks_of_sides(text) for text in (example.question, *example.options))


def flipped(example: Example) -> TTAView | None:
    """The mirrored images; None where that may change the answer, or where other media are shown."""
    images = _images(example)
    if images is None or not may_be_mirrored(example):
        return None
    mirrored = tuple(replace(image, mirrored=not image.mirrored) for image in images)
    return TTAView("flip", replace(example, media=mirrored), mirrored=True)


def scaled(example: Example, factor: float) -> TTAView | None:
    """The images in fewer or more pixels; None where their sizes would stay, or a side become too short."""
    if not (math.isfinite(factor) and factor > 0):
        raise InputError(f"views: an image cannot be scaled by {factor}. Give a number above 0.")
    images = _images(example)
    if images is None:
        return None
    sizes = [(round(w * factor), round(h * factor)) for w, h in (image.shown_wh for image in images)]
    too_small = factor < 1 and min(map(min, sizes)) < LEAST_IMAGE_SIDE_PX
    if too_small or sizes == [image.shown_wh for image in images]:
        return None
    media = tuple(replace(image, resized_wh=size) for image, size in zip(images, sizes, strict=True))
    return TTAView(f"scale {factor:g}", replace(example, media=media))


def _images(example: Example) -> list[Image] | None:
    images = [medium for medium in example.media if isinstance(medium, Image)]
    return images if images and len(images) == len(example.media) else None
