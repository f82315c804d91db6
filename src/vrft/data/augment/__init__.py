"""Random changes of training images. A change says what is shown of an image (``vrft.types.Image``); labels
stay.

It is drawn from an example alone, without its pixels, which change when the image is opened. Files are never
touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from pydantic import Field

from vrft.data.augment.changes import draw_color, draw_crop, draw_flip, draw_scale
from vrft.types import Example
from vrft.types.options import Options

__all__ = ["AugmentOptions", "augmented"]

DRAWS: Mapping[str, tuple[bytes, Callable[[Example, np.random.Generator], Example]]] = {
    "crop": (b"crop", draw_crop),
    "scale": (b"scale", draw_scale),
    "flip": (b"flip", draw_flip),
    # The sources of chance keep their first names, so that a run draws what it always drew.
    "color": (b"colour", draw_color),
}
"""By their options, in the order in which they are drawn: the name of the source of chance, and the draw."""


class AugmentOptions(Options):
    """Chances that a training image is changed; no other image ever is."""

    flip: float = Field(0.0, ge=0, le=1)
    """Mirrored, unless the question or a class name speaks of sides, in English; leave it at 0 where words of
    another language do, or where a mirrored thing is another thing (letters, digits, signs)."""
    crop: float = Field(0.0, ge=0, le=1)
    """Cut to a window around every labelled box, unless the question speaks of a place in the image."""
    scale: float = Field(0.0, ge=0, le=1)
    """Made smaller, as far as its smallest box allows."""
    color: float = Field(0.0, ge=0, le=1)
    """Brightness, contrast and saturation changed, never the hue."""


def augmented(example: Example, options: AugmentOptions, *seeds: int) -> Example:
    """An example whose image is changed at random.

    What is drawn depends on the arguments alone, so a resumed run sees the same images; and each kind of
    change has its own source of chance, so switching one on or off does not draw the others anew.

    Args:
        example: a training question; one that does not show exactly one image comes back as it is.
        options: chances of the changes; where all are 0, the example itself comes back.
        seeds: not negative; of a run, its seed, step, draw and place, so that no question has another's.

    Example:
        >>> from pathlib import Path
        >>> from vrft.types import Boxes, Image
        >>> cup = Image(Path("a.png"), (100, 80))
        >>> example = Example("a#cup", "a", "detection", (cup,), "cup", Boxes(((10.0, 0.0, 30.0, 20.0),)))
        >>> augmented(example, AugmentOptions(flip=1.0), 0).image.mirrored
        True
    """
    if [medium.kind for medium in example.media] != ["image"]:
        return example
    for name, (source, draw) in DRAWS.items():
        if not (chance := getattr(options, name)):
            continue
        rng = np.random.default_rng([*seeds, int.from_bytes(source, "big")])
        if rng.random() < chance:
            example = draw(example, rng)
    return example
