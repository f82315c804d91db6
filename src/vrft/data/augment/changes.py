"""Draws of single changes: each gives the example with its image shown in another way, or as it was.

Words that tie a question to where things are in its image forbid some; English alone is known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vrft.types import BoxXYXY, ColorShift, Example

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
    """The example with its one image shown otherwise; ``changes`` are fields of ``types.Image``."""
    return replace(example, media=(replace(example.image, **changes),))


def draw_color(example: Example, rng: np.random.Generator) -> Example:
    """A random light."""
    factors = rng.uniform(1 - COLOR_STRENGTH, 1 + COLOR_STRENGTH, 3).tolist()
    return shown_as(example, edits=(*example.image.edits, ColorShift(*factors)))


def draw_flip(example: Example, rng: np.random.Generator) -> Example:
    """Mirrored, unless words speak of sides or the target is another one then."""
    words = () if example.target is None else example.target.words
    holds = example.target is None or example.target.survives_mirror
    if not holds or any(map(speaks_of_sides, {example.question, *example.options, *words})):
        return example
    return shown_as(example, mirrored=not example.image.mirrored)


def draw_crop(example: Example, rng: np.random.Generator) -> Example:
    """A random window that keeps every labelled box, and the mask, whole."""
    boxes = _evidence(example)
    if boxes is None or speaks_of_places(example.question):
        return example
    image = example.image
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
    boxes, sides_wh = _evidence(example), example.image.shown_wh
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
    if boxes is None or example.image.window_px is None:
        return boxes
    left, top = example.image.window_px[:2]
    return [(x1 - left, y1 - top, x2 - left, y2 - top) for x1, y1, x2, y2 in boxes]


def speaks_of_sides(text: str) -> bool:
    """Whether a text may be untrue of the mirrored image: left and right, east and west, turns, counting."""
    return _SIDE_PARTS.search(text) is not None or _has(_SIDE_WORDS, text)


def speaks_of_places(text: str) -> bool:
    """Whether a text may be untrue of a part of the image: sides, top and bottom, middle, corners."""
    return speaks_of_sides(text) or _has(_PLACE_WORDS, text)


def _has(words: re.Pattern[str], text: str) -> bool:
    return any(words.fullmatch(token.lower()) for token in _TOKENS.findall(text))
