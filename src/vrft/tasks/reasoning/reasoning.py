"""Reasoning: a free question about an image, answered by a word or a number that a thought works out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vrft.rewards import text_rewards as texts
from vrft.rewards.label_rewards import exact_match
from vrft.tasks.fusion import NAME_RULES
from vrft.tasks.metrics.shared_metrics import ACCURACY, ACCURACY_CLASS_MEAN
from vrft.tasks.parsing.answer_parsers import parse_label_answer
from vrft.tasks.parsing.label_reading import read_label
from vrft.tasks.parsing.short_answers import short_form
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.task import Setting, Task, audit_example
from vrft.types import Answer, CoordinateFrame, Example, Label, Record, Value, expect

GROUP = "question"
"""All questions count alike: no two need share words."""

_WORKED = re.compile(
    r"\b(?:plus|minus|times|divided by|multiplied by|equals|adds? up to|sums? to)\b"
    r"|[0-9)] ?[-+*/×÷−] ?[0-9(]|\w\s?=\s?\w",
    re.IGNORECASE,
)


def accuracy(answer: Answer, target: Value) -> float:
    """Whether the answer is right, 0 or 1: Visual-RFT's Eq. 9 of the short forms of both."""
    named = answer.as_(Label)
    return float(named is not None and _alike(named.name, expect(target, Label).name))


def _alike(one: str, other: str) -> bool:
    return exact_match(short_form(one), short_form(other))


def shows_arithmetic(thought: str) -> bool:
    """Whether a thought works something out: an operation or an equation is in it, right or wrong.

    Example:
        >>> shows_arithmetic("The digits are two and five. two plus five is seven.")
        True
        >>> shows_arithmetic("2+5 = 7"), shows_arithmetic("I look at the image.")
        (True, False)
    """
    return _WORKED.search(thought) is not None


SETTINGS: Mapping[str, Setting] = {
    "recommended": {"accuracy": accuracy, "format": texts.format_reward},
}
"""Eq. 9 of Visual-RFT, whose classes are here the answers; the paper has no such task."""
TERMS: Setting = {
    **texts.usual_terms(accuracy),
}
"""What ``reward.weights`` may add to a setting."""


@dataclass(frozen=True)
class Reasoning(Task):
    """A question whose answer has to be worked out from what an image shows.

    The label holds the answer and not how it is found: what supervised fine-tuning on labels cannot teach,
    and a reward for right answers can, where the policy sometimes works it out.
    """

    name = "reasoning"
    help = "Answer a question about an image with a word or a number."
    answer = Label
    needs = frozenset({("question", "label")})
    is_default = True
    example_answer = "short answer"
    settings = SETTINGS
    terms = TERMS
    metrics = (ACCURACY, ACCURACY_CLASS_MEAN)
    rules = NAME_RULES
    success_rule = "the right word or number"
    score_rule = "100 for the right answer, 0 for another"
    right_or_wrong = True
    not_in_labels = (
        "A label holds the answer and not the way to it, so SFT on labels can only learn to guess better; a "
        "reward for right answers also reaches the thoughts that lead to them."
    )

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question per question whose answer is known."""
        asked = [
            (record, index, question.name, replace(label, name=short_form(label.name)))
            for record in records
            for index, (question, label) in enumerate(record.about("question", Label))
        ]
        known = tuple(sorted({label.name for *_, label in asked}))
        return [
            self.example(record, index, question, replace(label, vocabulary=known), GROUP)
            for record, index, question, label in asked
        ]

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        return f"{example.question}\n" + answer_instructions(self.example_answer, example.form)

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The label after a thought that says nothing of how it is found: no label does."""
        return in_tags(expect(example.target, Label).name, "I look at the image.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        answer = parse_label_answer(text, example.form)
        label = answer.as_(Label)
        return answer if label is None else replace(answer, value=replace(label, name=short_form(label.name)))

    def shows_work(self, thought: str) -> bool:
        return shows_arithmetic(thought)

    def similarity(self, one: Value, other: Value) -> float:
        """1 where two answers are the same but for case, gaps, quotes and how a number is written."""
        if not (isinstance(one, Label) and isinstance(other, Label)):
            return 0.0
        return float(_alike(one.name, other.name))

    def canonical(self, value: Value, example: Example) -> Value:
        return replace(value, name=short_form(value.name)) if isinstance(value, Label) else value

    def class_name_warnings(self, names: Sequence[str]) -> Sequence[str]:
        return [
            f"The answer '{name[:60]}' cannot be read back from a model's text. Make it a word or a number."
            for name in names
            if read_label(name, True)[0] != name
        ]

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """Sums of two numbers up to nine."""
        known = tuple(str(number) for number in range(19))
        sums = rng.integers(0, 10, (count, 2)).sum(1)
        asked = "What is the sum of the two digits in the image?"
        return [audit_example(self.name, i, asked, Label(str(n), known), GROUP) for i, n in enumerate(sums)]


TASK = Reasoning()
