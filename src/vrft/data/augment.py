"""Random changes of training images. A change says what is shown of an image (``vrft.types.Image``); labels
stay.

It is drawn from an example alone, without its pixels, which change when the image is opened. Files are never
touched.

Words that tie a question to where things are in its image forbid some changes; English alone is known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import Field

from vrft.types import BoxXYXY, ColorShift, Example, Image
from vrft.types.options import Options

CROP_LEAST_AREA = 0.8
"""Share of the image that a window has at least, where nothing marks what must be seen."""
CROP_LEAST_AREA_AROUND_BOXES = 0.5
"""The same where boxes must stay whole: a window tight around them would give the answer away."""
LEAST_FACTOR = 0.5
"""No side becomes shorter than this share of itself."""
LEAST_BOX_SIDE_PX = 16
"""No labelled box becomes narrower or lower; one that already is keeps its image's size."""
LEAST_IMAGE_SIDE_PX = 64
"""The same of the image's own sides."""
COLOR_STRENGTH = 0.3

_TOKENS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
"""Words of a name in any of its spellings: 'left shoe', 'left_shoe', 'LeftShoe', 'shoe (L)'."""

_SIDE_PARTS = re.compile(
    # As a part of any word ('turnleft', 'rightmost', 'anticlockwise'), but for words of another meaning
    # ('bright', 'fright', 'wright', 'upright', 'copyright', 'righteous', 'cleft', 'leftover').
    r"(?<!c)left(?!over)|(?<!b)(?<!f)(?<!w)(?<!up)(?<!copy)right(?!eous)|clockwise|\bo\W?clock\b|widdershins",
    re.IGNORECASE,
)
_SIDE_WORDS = re.compile(
    r"(north|south)?(east|west)(s|ern|erner|ernmost|erly|ward|wards|bound)?"
    r"|port|portside|larboard|starboard"
    r"|l|r|lh|rh|lhs|rhs|lft|rt|rgt|cw|ccw|acw|e|w|ne|nw|se|sw"
    # Without a 'from', things are counted off from the left.
    r"|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last"
)
_PLACE_WORDS = re.compile(
    r"top|topmost|bottom|bottommost|upper|uppermost|lower|lowest|lowermost|highest"
    r"|middle|mid|cent(er|re)|central|corner|corners|edge|edges|border|half|quarter"
    r"|(north|south)(s|ern|ernmost|erly|ward|wards)?"
)


def shown_as(example: Example, **changes: Any) -> Example:
    """The example with its images shown otherwise, all alike; ``changes`` are fields of ``types.Image``."""
    return replace(example, media=tuple(replace(one, **changes) for one in _images(example)))


def _images(example: Example) -> list[Image]:
    return [medium for medium in example.media if isinstance(medium, Image)]


def draw_color(example: Example, rng: np.random.Generator) -> Example:
    """A random light."""
    factors = rng.uniform(1 - COLOR_STRENGTH, 1 + COLOR_STRENGTH, 3).tolist()
    return shown_as(example, edits=(*_images(example)[0].edits, ColorShift(*factors)))


def draw_flip(example: Example, rng: np.random.Generator) -> Example:
    """Mirrored, unless words speak of sides or the target is another one then."""
    words = () if example.target is None else example.target.words
    holds = example.target is None or example.target.survives_mirror
    if not holds or any(map(speaks_of_sides, {example.question, *example.options, *words})):
        return example
    return shown_as(example, mirrored=not _images(example)[0].mirrored)


def draw_crop(example: Example, rng: np.random.Generator) -> Example:
    """A random window that keeps every labelled box, and the mask, whole."""
    boxes = _evidence(example)
    if boxes is None or speaks_of_places(example.question):
        return example
    image = _images(example)[0]
    least_side = math.sqrt(CROP_LEAST_AREA_AROUND_BOXES if boxes else CROP_LEAST_AREA)
    columns, rows = (
        _draw_part(side, least_side, [b[axis] for b in boxes], [b[axis + 2] for b in boxes], rng)
        for axis, side in enumerate(image.shown_wh)
    )
    if (columns[1] - columns[0], rows[1] - rows[0]) == image.shown_wh:
        return example
    return shown_as(example, window_px=(columns[0], rows[0], columns[1], rows[1]))


def _draw_part(
    side: int, least_share: float, starts: list[float], ends: list[float], rng: np.random.Generator
) -> tuple[int, int]:
    first = max(math.floor(min(starts, default=side)), 0)
    last = min(math.ceil(max(ends, default=0)), side)
    least = max(math.ceil(least_share * side), last - first)
    length = int(rng.integers(least, side, endpoint=True))
    begin = int(rng.integers(max(0, last - length), min(first, side - length), endpoint=True))
    return begin, begin + length


def draw_scale(example: Example, rng: np.random.Generator) -> Example:
    """Made smaller by a random factor, as far as its smallest box allows."""
    boxes, sides_wh = _evidence(example), _images(example)[0].shown_wh
    sides = (side for x1, y1, x2, y2 in boxes or () for side in (x2 - x1, y2 - y1))
    # A point has no side that could become too small.
    smallest = min((side for side in sides if side > 0), default=math.inf)
    least = max(LEAST_FACTOR, LEAST_BOX_SIDE_PX / smallest, LEAST_IMAGE_SIDE_PX / min(sides_wh))
    if least >= 1:
        return example
    factor = rng.uniform(least, 1.0)
    width, height = (math.ceil(side * factor) for side in sides_wh)
    return example if (width, height) == sides_wh else shown_as(example, resized_wh=(width, height))


def _evidence(example: Example) -> Sequence[BoxXYXY] | None:
    """What must stay whole, in pixels of the window that is shown; None where nothing may be cut off."""
    boxes = () if example.target is None else example.target.evidence_boxes
    window = _images(example)[0].window_px
    if boxes is None or window is None:
        return boxes
    left, top = window[:2]
    return [(x1 - left, y1 - top, x2 - left, y2 - top) for x1, y1, x2, y2 in boxes]


def speaks_of_sides(text: str) -> bool:
    """Whether a text may be untrue of the mirrored image: left and right, east and west, turns, counting."""
    return _SIDE_PARTS.search(text) is not None or _has(_SIDE_WORDS, text)


def speaks_of_places(text: str) -> bool:
    """Whether a text may be untrue of a part of the image: sides, top and bottom, middle, corners."""
    return speaks_of_sides(text) or _has(_PLACE_WORDS, text)


def _has(words: re.Pattern[str], text: str) -> bool:
    return any(words.fullmatch(token.lower()) for token in _TOKENS.findall(text))


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
        example: a training question. The images of a sequence are changed alike; where they have different
            sizes, or other media are shown, it comes back as it is.
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
    images = _images(example)
    if not images or images != [replace(images[0], path=one.path) for one in example.media]:
        return example
    for name, (source, draw) in DRAWS.items():
        if not (chance := getattr(options, name)):
            continue
        rng = np.random.default_rng([*seeds, int.from_bytes(source, "big")])
        if rng.random() < chance:
            example = draw(example, rng)
    return example
