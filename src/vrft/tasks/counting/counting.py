"""Counting: how many things of a category an image shows, from labelled boxes or from rows with numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vrft.rewards import number_rewards as numbers
from vrft.rewards import text_rewards as texts
from vrft.rewards.papers import vsi_bench
from vrft.rewards.papers.onethinker.onethinker_number import numerical_term
from vrft.rewards.papers.onethinker.onethinker_reading import plain_setting
from vrft.tasks.metrics.number_metrics import EXACT, MRA, WITHIN_ONE, mean_absolute_error
from vrft.tasks.number_answers import ATTACKS, NumberTask, number_text, passed_over, with_some_zeros
from vrft.tasks.parsing.answer_parsers import parse_number_answer
from vrft.tasks.parsing.extractor import read_point_tag
from vrft.tasks.parsing.points import points_in_pixels
from vrft.tasks.parsing.tags import split_tags
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.task import Setting, audit_example, chosen
from vrft.types import (
    About,
    Answer,
    Boxes,
    CoordinateFrame,
    Example,
    Fault,
    Number,
    Points,
    Record,
    Value,
    expect,
)

SETTINGS: Mapping[str, Setting] = {
    "recommended": {"accuracy": numbers.exact, "format": texts.format_reward},
    "snra": {"snra": numbers.snra, "format": texts.format_reward},
    "mra": {"mra": numbers.mra, "format": texts.format_reward},
    "onethinker": plain_setting(numerical_term),
    "vsi_bench": vsi_bench.SETTING,
}
"""``snra`` and ``mra`` are smooth rivals of the exact reward; the others are released code with its holes."""
TERMS: Setting = {
    "accuracy": numbers.exact,
    "within": numbers.within,
    "snra": numbers.snra,
    "snra_sharp": numbers.snra_sharp,
    "mra": numbers.mra,
    "linear": numbers.linear,
    **texts.usual_terms(numbers.exact),
}
"""What ``reward.weights`` may add to a setting."""

QUESTION_GROUP, IMAGE_GROUP, ABSENT_GROUP = "question", "image", "nothing there"
"""Groups of questions that are about no category, or about one that the image does not show: of so many shots
of each category all show it, and as many in all show none of what is asked for."""
_ORDER: tuple[About, ...] = ("category", "question", "image")
ABOUT = "about"
"""The field of a question that says what its text is: a category, a whole question, or nothing."""


@dataclass(frozen=True)
class Counting(NumberTask):
    """How many things there are. 0 is a number like any other, and 'none' is another word for it."""

    name = "counting"
    help = "Count the things of a category, or answer a question with a whole number."
    needs = frozenset({("category", "boxes")})
    or_needs = (
        frozenset({("category", "number")}),
        frozenset({("question", "number")}),
        frozenset({("image", "number")}),
    )
    settings = SETTINGS
    terms = TERMS
    metrics = (EXACT, mean_absolute_error("things"), WITHIN_ONE, MRA)
    success_rule = "the right number"
    score_rule = "100 for the right number, 0 for another"
    right_or_wrong = True
    attacks = ATTACKS

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """Questions about boxes, where some record has any; else those that rows state with their numbers.

        Boxes of a category are counted where all of them are labelled (``Record.known``). Of the categories
        that an image does not show it is asked about three, or as many as it shows, by a draw that depends on
        the image and the categories alone. Numbers that are no counts are not asked about.
        """
        categories = {one.name for record in records for one, _ in record.about("category", Boxes)}
        if categories:
            return [one for record in records for one in self._from_boxes(record, categories)]
        about = _stated(records)
        return [one for record in records for one in self._from_numbers(record, about)]

    def unused_label_notes(self, records: Sequence[Record]) -> Sequence[str]:
        """Numbers that are below 0, not whole, or have a unit."""
        about = _stated(records)
        numbers = [
            (record, number)
            for record in records
            for _, number in record.about(about, Number)
            if not _is_count(number)
        ]
        return passed_over(numbers, "a count is a whole number from 0 without a unit")

    def _from_boxes(self, record: Record, categories: set[str]) -> Iterator[Example]:
        count = Counter(one.name for one, _ in record.about("category", Boxes) if one.counts)
        known = record.known(categories)
        shown = known & count.keys()
        for category in with_some_zeros(record.id, known, shown):
            yield self._example(record, "category", category, category, float(count[category]))

    def _from_numbers(self, record: Record, about: About) -> Iterator[Example]:
        for place, (one, number) in enumerate(record.about(about, Number)):
            if _is_count(number):
                key = one.name if about == "category" else f"{about[0]}{place}"
                yield self._example(record, about, key, one.name, number.number)

    def _example(self, record: Record, about: str, key: str, name: str, number: float) -> Example:
        groups = {"question": QUESTION_GROUP, "image": IMAGE_GROUP}
        group = groups.get(about, name if number else ABSENT_GROUP)
        return self.example(record, key, name or "objects", Number(number), group, fields={ABOUT: about})

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The prompt: a stated question as it is; else how many things of the category there are."""
        asked = example.question
        about = example.fields.get(ABOUT) or ("question" if asked.rstrip().endswith("?") else "category")
        if about == "category":
            asked = f"How many objects belonging to the category '{asked}' are in the image?"
        elif about == "image":
            asked = f"How many {asked} are in the image?"
        return f"{asked}\nAnswer with a whole number.\n" + answer_instructions(
            self.example_answer, example.form
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        number = expect(example.target, Number)
        thought = "I count the things that are asked for, one by one."
        return in_tags(number_text(number), thought, example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """The number; points that the answer marks are its other value, and must be as many."""
        answer = parse_number_answer(text, example.form, counts=True)
        if "<point" not in text:
            return answer
        tags = split_tags(text, example.form).content.split("<point")[1:]
        marked = [one for tag in tags for one in read_point_tag(f"<point{tag.partition('>')[0]}")]
        said = answer.as_(Number)
        if said is not None and marked and len(marked) != said.number:
            several = (*answer.faults, Fault.SEVERAL_NUMBERS)
            return replace(answer, value=None, formatted=False, faults=several)
        frame = replace(frames[0], name="norm100") if frames else None
        points, _ = points_in_pixels(tuple(marked), frame)
        return replace(answer, other=Points(points) if points else None)

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """Counts from 0 to 12, small ones more often."""
        drawn = rng.binomial(12, rng.uniform(0, 0.6, count))
        return [audit_example(self.name, i, "cat", Number(float(n)), "cat") for i, n in enumerate(drawn)]

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        """60 per cent right, else one or two more or fewer."""
        wrong = chosen(len(examples), 0.4, rng)
        right = [expect(example.target, Number).number for example in examples]
        off = rng.choice((-2.0, -1.0, 1.0, 2.0), len(right)).tolist()
        return [
            Number(number + (step if number + step >= 0 else -step) if missed else number)
            for number, step, missed in zip(right, off, wrong, strict=True)
        ]


def _stated(records: Sequence[Record]) -> About:
    """What the numbers of rows are about; of several kinds the first that has a count, if any has."""
    numbers = [(about, n) for record in records for about in _ORDER for _, n in record.about(about, Number)]
    counts = {about for about, number in numbers if _is_count(number)}
    return min(counts or {about for about, _ in numbers}, key=_ORDER.index, default=_ORDER[0])


def _is_count(value: Number) -> bool:
    return value.number >= 0 and value.number.is_integer() and not value.unit


TASK = Counting()
