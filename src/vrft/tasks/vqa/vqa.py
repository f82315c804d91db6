"""Visual question answering: a question with a choice, a number or a short text as its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from string import ascii_uppercase

import numpy as np

from vrft.rewards import text_rewards as texts
from vrft.rewards.papers import anls_codes, video_r1
from vrft.rewards.papers.onethinker.onethinker_reading import plain_setting
from vrft.rewards.papers.onethinker.onethinker_text import answer_term
from vrft.tasks.parsing.answer_parsers import answered
from vrft.tasks.parsing.choices import read_choice
from vrft.tasks.parsing.label_reading import MAX_LABEL_CHARS
from vrft.tasks.parsing.tags import split_tags
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.task import Setting, Task, audit_example
from vrft.tasks.vqa import vqa_attacks
from vrft.tasks.vqa import vqa_measures as measures
from vrft.types import (
    Annotation,
    Answer,
    CoordinateFrame,
    Example,
    Fault,
    Label,
    Record,
    Text,
    Value,
    expect,
)

GROUP = "question"
"""All questions count alike: no two need share words."""
LETTERS, UNLETTERED = "letters", "unlettered"
"""Fields of an example: the letters of its options, where they are not A, B, C; and that none are shown."""
MAX_CHARS = 2_000
"""A longer answer is none."""

SETTINGS: Mapping[str, Setting] = {
    "recommended": {"accuracy": measures.accuracy, "format": texts.format_reward},
    "anls": {"anls": measures.anls, "format": texts.format_reward},
    **{name: {"anls": term, "format": texts.format_reward} for name, term in anls_codes.TERMS.items()},
    "onethinker": plain_setting(answer_term),
    "video_r1": video_r1.setting(),
    "grpo_care": video_r1.setting(guarded=True),
}
"""``recommended`` is Eq. 9 of Visual-RFT for answers instead of classes; ``anls`` pays for what is nearly
read, as is usual for documents; the others are released codes."""
TERMS: Setting = {
    "word_f1": measures.f1,
    "vqa_accuracy": measures.agreement,
    **texts.usual_terms(measures.accuracy),
}
"""What ``reward.weights`` may add to a setting."""


@dataclass(frozen=True)
class Vqa(Task):
    """A free question about an image; its label may list several right answers, and what to choose from.

    Args:
        tolerance: how far a number may be off and be right, as a share of the label; 0.05 is usual for
            charts.
        letters: show the choices with their letters and ask for one; otherwise their texts alone.
    """

    tolerance: float = 0.0
    letters: bool = True

    name = "vqa"
    help = "Answer a question about an image with a choice, a number or a short text."
    answer = Text
    needs = frozenset({("question", "text")})
    or_needs = (frozenset({("question", "label")}),)
    is_default = True
    example_answer = "short answer"
    settings = SETTINGS
    terms = TERMS
    metrics = measures.METRICS
    takes_options = True
    success_rule = "the right choice, number or words"
    score_rule = "100 for the right answer, 0 for another"
    right_or_wrong = True
    attacks = vqa_attacks.ATTACKS

    @property
    def example_fields(self) -> Mapping[str, object]:
        return {} if self.letters else {UNLETTERED: True}

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question per question whose answer is known: texts, or short answers where none is a text."""
        written = any(True for record in records for _ in record.about("question", Text))
        return [
            self._asked(self.example(record, index, question.name, value, GROUP), value)
            for record in records
            for index, (question, value) in enumerate(_answers(record, written))
        ]

    def _asked(self, example: Example, target: Text) -> Example:
        """A question with its label, and with the label's choices to choose from."""
        letters = [letter for letter, _ in target.choices]
        own = letters and letters != list(ascii_uppercase[: len(letters)])
        return replace(
            example,
            target=replace(target, tolerance=target.tolerance or self.tolerance),
            options=tuple(text for _, text in target.choices),
            fields={**self.example_fields, **({LETTERS: letters} if own else {})},
        )

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        offered = choices_of(example)
        if not offered:
            return f"{example.question}\n" + answer_instructions(self.example_answer, example.form)
        if example.fields.get(UNLETTERED):
            listed = "\n".join(f"- {text}" for text in offered.values())
            return (
                f"{example.question}\n{listed}\nChoose one of these as a {self.example_answer}.\n"
                + answer_instructions("choice", example.form)
            )
        listed = "\n".join(f"({letter}) {text}" for letter, text in offered.items())
        return (
            f"{example.question}\n{listed}\nChoose one and give its letter as a {self.example_answer}.\n"
            + answer_instructions("letter", example.form)
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The letter of the right choice, or its text where no letters are shown; the first right answer."""
        target = expect(example.target, Text)
        content = target.text
        if example.fields.get(UNLETTERED):
            content = choices_of(example).get(target.text, target.text)
        return in_tags(content, "I look at the image.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """A choice in any of the ways in which models state one; a text as it is written, on one line where
        it is in no tags."""
        sections = split_tags(text, example.form)
        content = sections.content
        offered, unlettered = choices_of(example), bool(example.fields.get(UNLETTERED))
        if offered:
            letter = read_choice(content, offered, not unlettered)
            said = None if letter is None else Text(letter, choices=tuple(offered.items()))
            as_asked = said is not None and content == (said.chosen if unlettered else said.text)
        else:
            line = len(content) <= MAX_LABEL_CHARS and len(content.splitlines()) == 1
            tagged = Fault.NO_ANSWER_TAG not in sections.faults
            said = Text(content) if line or (tagged and 0 < len(content) <= MAX_CHARS) else None
            as_asked = said is not None
        fault = Fault.EMPTY if not content else Fault.NOT_READABLE if said is None else Fault.OTHER_NOTATION
        return answered(text, sections, () if as_asked else (fault,), said)

    def similarity(self, one: Value, other: Value) -> float:
        """1 where either is right if the other is, numbers without tolerance."""
        if not (isinstance(one, Text) and isinstance(other, Text)) or one.is_empty or other.is_empty:
            return 0.0
        one, other = replace(one, tolerance=0.0), replace(other, tolerance=0.0)
        return float(measures.says(one, other) or measures.says(other, one))

    def score(self, answer: Answer, target: Value) -> float:
        return measures.accuracy(answer, target)

    def canonical(self, value: Value, example: Example) -> Value:
        """A choice by its letter, however it was written."""
        offered = choices_of(example)
        if not isinstance(value, Text) or not offered or value.chosen is not None:
            return value
        letter = read_choice(value.text, offered, not example.fields.get(UNLETTERED))
        return value if letter is None else replace(value, text=letter, choices=tuple(offered.items()))

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """Choices, counts, amounts, years, yes or no, and names."""
        return [
            self._asked(audit_example(self.name, i, asked, target, GROUP), target)
            for i, (asked, target) in enumerate(vqa_attacks.questions(count, rng))
        ]

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        return vqa_attacks.audit_beliefs(examples, rng)


def _answers(record: Record, written: bool) -> Iterator[tuple[Annotation, Text]]:
    if written:
        yield from record.about("question", Text)
    else:
        yield from ((one, Text(label.name)) for one, label in record.about("question", Label))


def choices_of(example: Example) -> dict[str, str]:
    """What an example offers: text by letter."""
    letters = example.fields.get(LETTERS)
    listed = [str(one) for one in letters] if isinstance(letters, list | tuple) else list(_default(example))
    return dict(zip(listed, example.options, strict=False))


def _default(example: Example) -> Sequence[str]:
    """A, B, C, and numbers where there are more options than letters."""
    count = len(example.options)
    return ascii_uppercase[:count] if count <= len(ascii_uppercase) else [str(i + 1) for i in range(count)]


TASK = Vqa()
