"""Classification: the name of the one thing an image shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vrft.rewards import label_rewards as labels
from vrft.rewards import text_rewards as texts
from vrft.rewards.label_rewards import exact_match
from vrft.rewards.papers.visual_rft_released import released_classification as released
from vrft.rewards.papers.visual_rft_released.released_reading import format_term
from vrft.rewards.reward_term import RewardTerm
from vrft.tasks.classification.classification_sections import SECTIONS
from vrft.tasks.classification.naming import named_class
from vrft.tasks.fusion import NAME_RULES
from vrft.tasks.metrics.shared_metrics import ACCURACIES
from vrft.tasks.parsing.answer_parsers import parse_label_answer
from vrft.tasks.parsing.label_reading import nearest_names, read_label
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.task import Setting, Task, audit_example, chosen
from vrft.types import Answer, CoordinateFrame, Example, Label, Record, Value, expect

SETTINGS: Mapping[str, Setting] = {
    "paper": {"accuracy": labels.accuracy, "format": texts.format_reward},
    "released_fixed": {"accuracy": labels.accuracy_substring, "format": texts.format_reward},
    "recommended": {"accuracy": labels.accuracy, "format": texts.format_reward},
    "released": {
        "accuracy": RewardTerm(released.accuracy_term, unsafe=True),
        "format": RewardTerm(format_term, unsafe=True),
    },
}
"""``released_fixed`` has the rule of the released code, except that an empty answer is wrong; ``released``
is that code with all its holes, for the audit and for comparison."""

TERMS: Setting = {
    "accuracy_substring": labels.accuracy_substring,
    **texts.usual_terms(labels.accuracy),
}
"""What ``reward.weights`` may add to a setting. Aliases and credit by hierarchy need tables of their own:
``vrft.rewards.label_rewards`` has ``accuracy_with`` and ``graded``, which make terms for
``reward.custom``."""


NAMES: Mapping[str, tuple[str, ...]] = {
    "plant": (
        "rose", "pink primrose", "lenten rose", "desert-rose", "petunia", "mexican petunia", "marigold",
        "english marigold", "mallow", "tree mallow", "garden phlox", "sweet pea", "sweet william",
        "globe thistle",
    ),
    "aircraft": (
        "737-200", "737-300", "737-400", "737-800", "A320", "A321", "A330-200", "A330-300", "A340-300",
        "DC-9-30", "DC-10", "MD-11",
    ),
    "car": (
        "Audi S4 Sedan 2007", "Audi S4 Sedan 2012", "Audi S5 Coupe 2012", "BMW M3 Coupe 2012",
        "BMW 1 Series Coupe 2012", "BMW 1 Series Convertible 2012", "Ford F-150 Regular Cab 2007",
        "Ford F-150 Regular Cab 2012", "Dodge Caliber Wagon 2007", "Dodge Caliber Wagon 2012",
        "Honda Accord Coupe 2012", "Honda Accord Sedan 2012", "Volvo C30 Hatchback 2012",
        "Volvo XC90 SUV 2007",
    ),
}  # fmt: skip
"""Forty class names by kind of thing; as in fine-grained sets, many look alike and some contain others."""
ALL_NAMES = tuple(name for names in NAMES.values() for name in names)
KINDS = {name: kind for kind, names in NAMES.items() for name in names}


ASPECTS = {"plant": "species", "pet": "species", "dog": "species", "aircraft": "model", "car": "model"}
"""What the paper's prompts ask of a kind of thing; 'class' for any other kind."""
WRONG = 0.4
"""Share of the audit's questions in which the honest policy is wrong."""


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
    rules = NAME_RULES
    takes_options = True
    success_rule = "the right class name"
    score_rule = "100 for the right class, 0 for another"
    right_or_wrong = True

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question per image whose class is known."""
        labelled = [(record, label) for record in records for _, label in record.about("image", Label)]
        names = tuple(sorted({label.name for _, label in labelled}))
        options = () if self.open_naming else names
        return [
            self.example(record, None, self.subject, Label(label.name, names), label.name, options=options)
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

    def class_name_warnings(self, names: Sequence[str]) -> Sequence[str]:
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

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        """60 per cent right, otherwise the name that reads most alike."""
        wrong = chosen(len(examples), WRONG, rng)
        labels = [expect(example.target, Label) for example in examples]
        return [
            Label(nearest_names(label.name, label.vocabulary)[0] if missed else label.name)
            for label, missed in zip(labels, wrong, strict=True)
        ]


TASK = Classification()
