"""Classification: the name of the one thing an image shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vrft.rewards.label_rewards import exact_match
from vrft.tasks.classification.audit_names import ALL_NAMES, KINDS
from vrft.tasks.classification.classification_rewards import SETTINGS, TERMS
from vrft.tasks.classification.classification_sections import SECTIONS
from vrft.tasks.classification.naming import named_class
from vrft.tasks.fusion import Rule, best_logprob, self_consistency, vote
from vrft.tasks.metrics.label_metrics import ACCURACIES
from vrft.tasks.parsing.answer_parsers import parse_label_answer
from vrft.tasks.parsing.label_reading import read_label
from vrft.tasks.parsing.names import nearest_names
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.task import Task, audit_example, chosen
from vrft.types import Answer, CoordinateFrame, Example, Label, Record, Value, expect

ASPECTS = {"plant": "species", "pet": "species", "dog": "species", "aircraft": "model", "car": "model"}
"""What the paper's prompts ask of a kind of thing; 'class' for any other kind."""
WRONG = 0.4
"""Share of the audit's questions in which the honest policy is wrong."""
RULES: Mapping[str, Rule] = {
    "vote": vote,
    "best_logprob": best_logprob,
    "self_consistency": self_consistency,
}
"""The usual one first."""


@dataclass(frozen=True)
class Classification(Task):
    """The paper's classification task (Visual-RFT, Table 1 and Eq. 9).

    Args:
        subject: kind of thing that the prompt asks about, such as 'plant'.
        open_naming: leave the class names out of the prompt, as the paper does.
    """

    subject: str = "object"
    open_naming: bool = False

    name = "classification"
    help = "Name the class of the one thing that an image shows."
    answer = Label
    needs = frozenset({("image", "label")})
    is_default = True
    example_answer = "species name"
    settings = SETTINGS
    terms = TERMS
    metrics = ACCURACIES
    sections = SECTIONS
    rules = RULES
    takes_options = True
    success_rule = "the right class name"
    score_rule = "100 for the right class, 0 for another"
    right_or_wrong = True

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question per image whose class is known."""
        labelled = [(record, label) for record in records for _, label in record.about("image", Label)]
        names = tuple(sorted({label.name for _, label in labelled}))
        return [
            Example(
                id=record.id,
                record_id=record.id,
                task=self.name,
                media=record.media,
                question=self.subject,
                target=Label(label.name, names),
                options=() if self.open_naming else names,
                group=label.name,
            )
            for record, label in labelled
        ]

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The prompt; open naming (no options) with a kind of the paper's is the paper's, word for word."""
        kind = example.question
        article = "an" if kind[0] in "aeiou" else "a"
        aspect = ASPECTS.get(kind, "class")
        shown = self.example_answer if kind in ASPECTS else f"{kind} name"
        listed = f"\nChoose one of: {', '.join(example.options)}." if example.options else ""
        return (
            f"This is an image containing {article} {kind}. "
            f"Please identify the {aspect} of the {kind} based on the image.{listed}\n"
            + answer_instructions(shown, example.form)
        )

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        name = expect(example.target, Label).name
        return in_tags(name, f"I look at the {example.question}.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        return parse_label_answer(text, example.form)

    def similarity(self, one: Value, other: Value) -> float:
        """1 where two names are the same but for case, gaps, quotes and a final dot."""
        if not (isinstance(one, Label) and isinstance(other, Label)):
            return 0.0
        return float(exact_match(one.name, other.name))

    def canonical(self, value: Value, example: Example) -> Value:
        """The name as it is spelled among the options; as written where it is none of them."""
        if not isinstance(value, Label):
            return value
        return replace(value, name=named_class(value.name, example.options) or value.name)

    def pseudo_label(
        self, answer: Answer, example: Example, min_confidence: float, classes: Sequence[str]
    ) -> Value | str:
        """The name, as it is spelled among the options, or else among the labelled classes."""
        label = answer.as_(Label)
        if label is None:
            return "abstain"
        names = example.options or tuple(classes)
        name = named_class(label.name, names)
        if name is None and example.options:
            return "no_option"
        return Label(name or label.name, names)

    def check_names(self, names: Sequence[str]) -> Sequence[str]:
        return [
            f"The class name '{name[:60]}' cannot be read back from an answer."
            for name in names
            if read_label(name, True)[0] != name
        ]

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        names = [ALL_NAMES[i % len(ALL_NAMES)] for i in range(count)]
        return [
            audit_example(self.name, i, KINDS[names[place]], Label(names[place], ALL_NAMES), names[place])
            for i, place in enumerate(rng.permutation(count))
        ]

    def believed(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        """60 per cent right, otherwise the name that reads most alike."""
        wrong = chosen(len(examples), WRONG, rng)
        labels = [expect(example.target, Label) for example in examples]
        return [
            Label(nearest_names(label.name, label.vocabulary)[0] if missed else label.name)
            for label, missed in zip(labels, wrong, strict=True)
        ]


TASK = Classification()
