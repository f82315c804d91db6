"""Images of digits whose sum is asked for, and the thought that works it out.

Digits that pretraining never locates are left out, so that reading an image is a skill of the base.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np

from vrft.miniature.glyphs import Split
from vrft.miniature.scenes import BASE, DIGITS, Scene, SceneObject, draw_scene_of

READABLE = tuple(name for name in DIGITS if name in BASE)
NUMBERS = (
    *DIGITS, "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen", "twenty", "twenty one", "twenty two", "twenty three", "twenty four", "twenty five",
    "twenty six", "twenty seven",
)  # fmt: skip
"""Words of all sums of up to three digits."""
SUM = "What is the sum of the digits in the image?"
SUM_OF_OTHERS = "the digit that is the sum of the other two"


def number_of(word: str) -> int:
    """The number that a word names."""
    return NUMBERS.index(word)


def in_order(objects: Sequence[SceneObject]) -> tuple[SceneObject, ...]:
    """The digits among objects, from left to right."""
    return tuple(sorted((o for o in objects if o.category in DIGITS), key=lambda o: o.box_xyxy_px))


def total_of(digits: Sequence[str]) -> str:
    """The sum of digits, as a word."""
    return NUMBERS[sum(map(number_of, digits))]


def sum_thought(digits: Sequence[str]) -> str:
    """What is read, and one addition after the other.

    Example:
        >>> sum_thought(("two", "five", "one"))
        'The digits are two, five and one. two plus five is seven. seven plus one is eight.'
    """
    return " ".join([_read(digits), *_steps(digits)])


def others_thought(digits: Sequence[str]) -> str:
    """What is read, and the addition of two digits that gives the third.

    Example:
        >>> others_thought(("two", "seven", "five"))
        'The digits are two, seven and five. two plus five is seven.'
    """
    place = place_of_sum(digits)
    return " ".join([_read(digits), *_steps([*digits[:place], *digits[place + 1 :]])])


def place_of_sum(digits: Sequence[str]) -> int:
    """Which of three digits is the sum of the other two."""
    whole = sum(map(number_of, digits))
    return next(i for i, digit in enumerate(digits) if 2 * number_of(digit) == whole)


def draw_sum(rng: np.random.Generator, split: Split, count: int) -> Scene:
    """An image of so many digits, any of those that can be read."""
    return draw_scene_of(rng, split, [str(name) for name in rng.choice(READABLE, count)])


def draw_sum_of_others(rng: np.random.Generator, split: Split) -> Scene:
    """An image of three digits of which exactly one is the sum of the other two."""
    known = _triples()
    return draw_scene_of(rng, split, known[rng.integers(len(known))])


@cache
def _triples() -> tuple[tuple[str, str, str], ...]:
    """Two digits and their sum, in every order; with a zero, two digits would be the sum of the others."""
    found = ((DIGITS[a], DIGITS[b], DIGITS[c]) for a, b, c in product(range(1, 10), repeat=3) if a + b == c)
    readable = [triple for triple in found if set(triple) <= set(READABLE)]
    return tuple(
        sorted({(t[i], t[j], t[k]) for t in readable for i, j, k in ((0, 1, 2), (0, 2, 1), (2, 0, 1))})
    )


def _read(digits: Sequence[str]) -> str:
    return f"The digits are {', '.join(digits[:-1])} and {digits[-1]}."


def _steps(digits: Sequence[str]) -> list[str]:
    return [
        f"{total_of(digits[:i])} plus {digits[i]} is {total_of(digits[: i + 1])}."
        for i in range(1, len(digits))
    ]
