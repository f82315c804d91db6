"""Puzzles whose answer is one of a few numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

from vrft.rewards import number_rewards as numbers
from vrft.rewards import text_rewards as texts
from vrft.tasks.metrics.number_metrics import EXACT
from vrft.tasks.parsing.answer_parsers import parse_number_answer
from vrft.tasks.puzzle import PuzzleTask
from vrft.tasks.task import Setting
from vrft.types import Answer, CoordinateFrame, Example, Fault, Number

SETTINGS: Mapping[str, Setting] = {"recommended": {"exact": numbers.exact, "format": texts.format_reward}}
"""Right or wrong, as the binary puzzles of Puzzle Curriculum GRPO (2512.14944)."""
TERMS: Setting = {"no_repetition": texts.no_repetition}


class ChoicePuzzle(PuzzleTask):
    """A puzzle with the answer among ``choices``, in a unit or in none."""

    answer = Number
    settings = SETTINGS
    terms = TERMS
    metrics = (EXACT,)
    success_rule = "the right number"
    score_rule = "100 for the right number, 0 for another"
    right_or_wrong = True
    unit = ""

    @property
    @abstractmethod
    def choices(self) -> Sequence[int]:
        """The numbers that an answer may be."""

    def n_choices(self, example: Example) -> int:
        return len(self.choices)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """One number, with or without its unit; any but the choices is out of range."""
        answer = parse_number_answer(text, example.form, self.unit)
        said = answer.as_(Number)
        if said is None or said.number in self.choices:
            return answer
        return replace(answer, value=None, formatted=False, faults=(*answer.faults, Fault.OUT_OF_RANGE))
