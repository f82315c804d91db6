"""Puzzles whose answer is one of a few numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

from vrft.rewards import text_rewards as texts
from vrft.tasks.metrics.metric import Metric, mean_of
from vrft.tasks.parsing.answer_parsers import parse_number_answer
from vrft.tasks.puzzle import PuzzleTask
from vrft.tasks.task import Setting
from vrft.types import Answer, CoordinateFrame, Example, Fault, Number, Prediction, Value, expect


def exact(answer: Answer, target: Value) -> float:
    """1 for the right number: Puzzle Curriculum GRPO (2512.14944), its binary puzzles.

    Example:
        >>> exact(Answer(Number(90.0)), Number(90.0)), exact(Answer(), Number(90.0))
        (1.0, 0.0)
    """
    said = answer.as_(Number)
    return float(said is not None and said.number == expect(target, Number).number)


def _right(prediction: Prediction) -> float:
    return exact(prediction.answer, expect(prediction.example.target, Number))


SETTINGS: Mapping[str, Setting] = {"recommended": {"exact": exact, "format": texts.format_reward}}
TERMS: Setting = {"no_repetition": texts.no_repetition}


class ChoicePuzzle(PuzzleTask):
    """A puzzle with the answer among ``choices``, in a unit or in none."""

    answer = Number
    settings = SETTINGS
    terms = TERMS
    metrics = (Metric("accuracy", "accuracy", mean_of(_right)),)
    success_rule = "the right number"
    score_rule = "100 for the right number, 0 for another"
    right_or_wrong = True
    unit = ""

    @property
    @abstractmethod
    def choices(self) -> Sequence[int]:
        """The numbers that an answer may be."""

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """One number, with or without its unit; any but the choices is out of range."""
        answer = parse_number_answer(text, example.form, self.unit)
        said = answer.as_(Number)
        if said is None or said.number in self.choices:
            return answer
        return replace(answer, value=None, formatted=False, faults=(*answer.faults, Fault.OUT_OF_RANGE))

    def similarity(self, one: Value, other: Value) -> float:
        return float(isinstance(one, Number) and isinstance(other, Number) and one.number == other.number)
