"""Random changes of training pictures, each of which takes the labels along.

A change is drawn from an example alone, without its pixels, and is told by a few numbers (``Change``): it
moves the target at once, and the pixels when the policy reads the picture. Files are never touched.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vrft.data.augment.change import Draw, applied
from vrft.data.augment.color import draw_colour
from vrft.data.augment.crop import draw_crop
from vrft.data.augment.flip import draw_flip
from vrft.data.augment.scale import draw_scale
from vrft.types import Example

DRAWS: Mapping[str, Draw] = {
    "crop": draw_crop,
    "scale": draw_scale,
    "flip": draw_flip,
    "colour": draw_colour,
}
"""By their names in the configuration, in the order in which they are applied."""


def augmented(example: Example, chances: Mapping[str, float], *seeds: int) -> Example:
    """An example with its picture changed at random, and its target with it.

    What is drawn depends on the arguments alone, so a resumed run sees the same pictures; and each kind of
    change has its own source of chance, so switching one on or off does not draw the others anew.

    Args:
        example: a training question.
        chances: in [0, 1], of names of ``DRAWS``; where all are 0, the example itself comes back.
        seeds: not negative; of a run, its seed, step, draw and place, so that no question has another's.

    Example:
        >>> from pathlib import Path
        >>> from vrft.types import BoxesTarget
        >>> target = BoxesTarget(((10.0, 0.0, 30.0, 20.0),))
        >>> example = Example("a#cup", "a", Path("a.png"), (100, 80), "detection", "cup", target)
        >>> augmented(example, {"flip": 1.0}, 0).target.boxes_xyxy_px
        ((70.0, 0.0, 90.0, 20.0),)
    """
    for name, draw in DRAWS.items():
        chance = chances.get(name, 0.0)
        if not chance:
            continue
        rng = np.random.default_rng([*seeds, int.from_bytes(name.encode(), "big")])
        if rng.random() < chance and (change := draw(example, rng)) is not None:
            example = applied(example, change)
    return example
