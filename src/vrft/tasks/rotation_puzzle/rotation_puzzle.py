"""Rotation puzzle: by how much an image was turned, a question that needs no label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vrft.tasks.choice_puzzle import ChoicePuzzle
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.puzzle import Puzzle, centred
from vrft.types import CoordinateFrame, Example, Image, Number, QuarterTurn, expect


@dataclass(frozen=True)
class RotationPuzzle(ChoicePuzzle):
    """The middle square of an image is turned by quarters; by how many degrees?"""

    name = "rotation_puzzle"
    help = "Say by how many degrees an image was turned; needs no labels."
    example_answer = "degrees"
    unit = "°"
    choices = (0, 90, 180, 270)
    what = "rotated"

    def puzzle(self, image: Image, rng: np.random.Generator) -> Puzzle:
        side, quarters = min(image.size_wh), int(rng.integers(4))
        shown = replace(centred(image, side, side), edits=(QuarterTurn(quarters),))
        return Puzzle((shown,), Number(float(self.choices[quarters]), self.unit))

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        return (
            f"The image was {self.what} counter-clockwise by 0, 90, 180 or 270 degrees. "
            "By how many degrees was it rotated?\n" + answer_instructions(self.example_answer, example.form)
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        degrees = expect(example.target, Number).number
        return in_tags(f"{degrees:.0f}", "I look for what should be up.", example.form)


TASK = RotationPuzzle()
