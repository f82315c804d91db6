"""Patch fit: which of several patches fills the hole in an image, a puzzle that needs no label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import cycle

import numpy as np

from vrft.errors import InputError
from vrft.tasks.choice_puzzle import ChoicePuzzle
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.puzzle import Puzzle
from vrft.types import BlankBox, ColorShift, CoordinateFrame, Example, Image, Number, QuarterTurn, expect

PART = 4
"""The patch's side is the image's shorter one divided by this."""
LEAST_SIDE_PX = 8
MOST_DECOYS = 7
_ALTERED = ("mirrored", "turned", "lighter", "elsewhere")


@dataclass(frozen=True)
class PatchFit(ChoicePuzzle):
    """A square of an image is blank; which of the patches after it was there?

    Args:
        decoys: patches that were not: the right one mirrored, turned or lighter, and others of the image.

    Raises:
        InputError: there are none, or too many.
    """

    decoys: int = 3

    name = "patch_fit"
    help = "Say which of several patches fills the hole in an image; needs no labels."
    example_answer = "number"
    what = "one square is blank"

    def __post_init__(self) -> None:
        if not 1 <= self.decoys <= MOST_DECOYS:
            raise InputError(f"patch_fit: {self.decoys} decoys are not 1 to {MOST_DECOYS}. Change decoys.")

    @property
    def choices(self) -> range:
        return range(1, self.decoys + 2)

    def puzzle(self, image: Image, rng: np.random.Generator) -> Puzzle | None:
        """Decoys are made in every way before any way serves again."""
        side = min(image.size_wh) // PART
        if side < LEAST_SIDE_PX:
            return None
        left, top = (int(rng.integers(length - side + 1)) for length in image.size_wh)
        hole = (left, top, left + side, top + side)
        right = replace(image, window_px=hole)
        ways = cycle(map(str, rng.permutation(_ALTERED)))
        patches: list[Image] = []
        while len(patches) < self.decoys:
            decoy = _decoy(next(ways), right, rng)
            if decoy != right and decoy not in patches:
                patches.append(decoy)
        place = int(rng.integers(self.decoys + 1))
        patches.insert(place, right)
        holed = replace(image, edits=(BlankBox(hole),))
        return Puzzle((holed, *patches), Number(float(place + 1)))

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        count = len(example.media) - 1
        return (
            f"In the first image, {self.what}. The {count} images after it are patches, numbered from 1 to "
            f"{count}. Which of them was in the blank square?\n"
            + answer_instructions(self.example_answer, example.form)
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        number = expect(example.target, Number).number
        return in_tags(f"{number:.0f}", "I compare the edges.", example.form)


def _decoy(way: str, right: Image, rng: np.random.Generator) -> Image:
    """A patch that is not the right one, made of it or taken from elsewhere in the image."""
    left, top, corner, _ = right.window_px or (0, 0, *right.size_wh)
    side = corner - left
    x, y = (int(rng.integers(length - side + 1)) for length in right.size_wh)
    turn, light = QuarterTurn(int(rng.integers(1, 4))), float(rng.choice([0.6, 1.4]))
    apart = max(abs(x - left), abs(y - top)) >= side // 2
    return {
        "mirrored": replace(right, mirrored=True),
        "turned": replace(right, edits=(turn,)),
        "lighter": replace(right, edits=(ColorShift(light, 1.0, 1.0),)),
        "elsewhere": replace(right, window_px=(x, y, x + side, y + side)) if apart else right,
    }[way]


TASK = PatchFit()
