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
from vrft.tasks.parsing.choices import read_choice, read_choices
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
from vrft.types.texts import SEPARATOR

GROUP = "question"
"""All questions count alike: no two need share words."""
LETTERS, UNLETTERED, SEVERAL = "letters", "unlettered", "several"
"""Fields of an example: the letters of its options, where they are not A, B, C; that none are shown; and that
any number of the options may be right."""
_CHOOSE = {
    (False, False): ("Choose one and give its letter", "letter"),
    (True, False): ("Choose one of these", "choice"),
    (False, True): ("Choose all that are right and give their letters", "letter, letter, ..."),
    (True, True): ("Choose all of these that are right", "choice; choice; ..."),
}
"""What the prompt asks for, without letters or with them, one or several."""
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
            fields={
                **self.example_fields,
                **({LETTERS: letters} if own else {}),
                **({SEVERAL: True} if target.several else {}),
            },
        )

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        offered = choices_of(example)
        if not offered:
            return f"{example.question}\n" + answer_instructions(self.example_answer, example.form)
        unlettered, several = (bool(example.fields.get(field)) for field in (UNLETTERED, SEVERAL))
        lines = [f"- {text}" if unlettered else f"({letter}) {text}" for letter, text in offered.items()]
        choose, shown = _CHOOSE[unlettered, several]
        listed = "\n".join(lines)
        return f"{example.question}\n{listed}\n{choose} as a {self.example_answer}.\n" + answer_instructions(
            shown, example.form
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The letter of the right choice, or its text where no letters are shown; the first right answer."""
        target = expect(example.target, Text)
        content = (target.chosen or target.text) if example.fields.get(UNLETTERED) else target.text
        return in_tags(content, "I look at the image.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """A choice in any of the ways in which models state one; a text as it is written, on one line where
        it is in no tags."""
        sections = split_tags(text, example.form)
        content = sections.content
        offered, unlettered = choices_of(example), bool(example.fields.get(UNLETTERED))
        if offered:
            said = _taken(content, example)
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
        taken = _taken(value.text, example)
        found = taken and replace(value, text=taken.text, choices=taken.choices, several=taken.several)
        return found or value

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


def _taken(content: str, example: Example) -> Text | None:
    """The choice, or the choices, that an answer takes."""
    offered, lettered = choices_of(example), not example.fields.get(UNLETTERED)
    several = bool(example.fields.get(SEVERAL))
    if several:
        letters = read_choices(content, offered, lettered)
    else:
        letter = read_choice(content, offered, lettered)
        letters = None if letter is None else (letter,)
    if letters is None:
        return None
    return Text(SEPARATOR.join(letters), choices=tuple(offered.items()), several=several)


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
