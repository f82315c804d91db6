"""Counting: how many objects of a category an image shows. A whole task outside of vrft, to be copied."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from vrft.rewards.text_rewards import format_reward
from vrft.tasks.metrics import Metric, mean_of
from vrft.tasks.parsing.answer_parsers import parse_answer
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.task import Task, audit_example
from vrft.types import Answer, Boxes, CoordinateFrame, Example, Number, Prediction, Record, Value, expect


def exact(answer: Answer, target: Value) -> float:
    """1 for the right number, 0 for any other."""
    said = answer.as_(Number)
    return float(said is not None and said.number == expect(target, Number).number)


def close(answer: Answer, target: Value) -> float:
    """1 for the right number, and less the further off: 1 - |said - right| / max(right, 1), at least 0."""
    said, right = answer.as_(Number), expect(target, Number).number
    return 0.0 if said is None else max(0.0, 1 - abs(said.number - right) / max(right, 1.0))


def objects_off(prediction: Prediction) -> float:
    """How many objects an answer is off; one that could not be read says 0, and is off by at least 1."""
    said, right = prediction.answer.as_(Number), expect(prediction.example.target, Number).number
    return max(right, 1.0) if said is None else abs(said.number - right)


def read_number(content: str) -> Number | None:
    """A whole number that stands alone: 'one of 1, 2, 3' is not an answer."""
    return Number(float(content)) if re.fullmatch(r"[0-9]{1,6}", content) else None


SETTINGS = {"recommended": {"exact": exact, "close": close, "format": format_reward}}


class CountBoxes(Task):
    """How many objects of a category an image shows, from labelled boxes."""

    name = "count_boxes"
    help = "Count the objects of a category."
    answer = Number
    needs = frozenset({("category", "boxes")})
    example_answer = "number"
    settings = SETTINGS
    metrics = (
        Metric("accuracy", "accuracy", mean_of(lambda p: exact(p.answer, expect(p.example.target, Number)))),
        Metric("mae", "mean absolute error", mean_of(objects_off), unit="objects", higher_is_better=False),
    )
    success_rule = "the right number"
    score_rule = "100 for the right number, 0 for another"
    right_or_wrong = True

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question for each image and category of which every instance is labelled."""
        categories = {one.name for record in records for one, _ in record.about("category", Boxes)}
        counts = [
            Counter(one.name for one, _ in record.about("category", Boxes) if one.counts)
            for record in records
        ]
        return [
            self.example(record, category, category, Number(float(count[category])), category)
            for record, count in zip(records, counts, strict=True)
            for category in sorted(record.known(categories))
        ]

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The prompt."""
        asked = f"How many objects belonging to the category '{example.question}' are in the image?\n"
        return asked + answer_instructions(self.example_answer, example.form)

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The number, as the model should write it."""
        number = expect(example.target, Number).number
        return in_tags(f"{number:.0f}", f"I count each '{example.question}'.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """The number."""
        return parse_answer(text, example.form, read_number)

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """Counts from 0 to 6."""
        numbers = rng.integers(0, 7, count)
        return [audit_example(self.name, i, "cat", Number(float(n)), "cat") for i, n in enumerate(numbers)]


TASK = CountBoxes()
