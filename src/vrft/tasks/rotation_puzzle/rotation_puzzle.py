"""Rotation puzzle: by how much an image was turned, a puzzle that needs no label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vrft.rewards import text_rewards as texts
from vrft.tasks.metrics.metric import Metric, mean_of
from vrft.tasks.parsing.answer_parsers import parse_number_answer
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.puzzle import PuzzleTask, centred
from vrft.tasks.task import Setting
from vrft.types import (
    Answer,
    CoordinateFrame,
    Example,
    Fault,
    Image,
    Number,
    Prediction,
    QuarterTurn,
    Value,
    expect,
)

DEGREES = (0, 90, 180, 270)
UNIT = "°"


def exact(answer: Answer, target: Value) -> float:
    """1 for the right angle: Puzzle Curriculum GRPO (2512.14944), its rotation puzzle.

    Example:
        >>> exact(Answer(Number(90.0)), Number(90.0)), exact(Answer(), Number(90.0))
        (1.0, 0.0)
    """
    said = answer.as_(Number)
    return float(said is not None and said.number == expect(target, Number).number)


SETTINGS: Mapping[str, Setting] = {"recommended": {"exact": exact, "format": texts.format_reward}}
TERMS: Setting = {"no_repetition": texts.no_repetition}


def _right(prediction: Prediction) -> float:
    return exact(prediction.answer, expect(prediction.example.target, Number))


@dataclass(frozen=True)
class RotationPuzzle(PuzzleTask):
    """The middle square of an image is turned by quarters; by how many degrees?"""

    name = "rotation_puzzle"
    help = "Say by how many degrees an image was turned; needs no labels."
    answer = Number
    settings = SETTINGS
    terms = TERMS
    metrics = (Metric("accuracy", "accuracy", mean_of(_right)),)
    example_answer = "degrees"
    success_rule = "the right angle"
    score_rule = "100 for the right angle, 0 for another"
    right_or_wrong = True
    what = "rotated"

    def puzzle(self, image: Image, rng: np.random.Generator) -> tuple[Image, Value] | None:
        side, quarters = min(image.size_wh), int(rng.integers(4))
        shown = replace(centred(image, side, side), edits=(QuarterTurn(quarters),))
        return shown, Number(float(DEGREES[quarters]), UNIT)

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        return (
            f"The image was {self.what} counter-clockwise by 0, 90, 180 or 270 degrees. "
            "By how many degrees was it rotated?\n" + answer_instructions(self.example_answer, example.form)
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        degrees = expect(example.target, Number).number
        return in_tags(f"{degrees:.0f}", "I look for what should be up.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """An angle in degrees, with or without its unit; any other angle is out of range."""
        answer = parse_number_answer(text, example.form, UNIT)
        said = answer.as_(Number)
        if said is None or said.number in DEGREES:
            return answer
        return replace(answer, value=None, formatted=False, faults=(*answer.faults, Fault.OUT_OF_RANGE))

    def similarity(self, one: Value, other: Value) -> float:
        return float(isinstance(one, Number) and isinstance(other, Number) and one.number == other.number)


TASK = RotationPuzzle()
