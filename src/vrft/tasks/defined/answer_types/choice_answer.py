"""A choice: one of a few names."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import field_validator

from vrft.rewards import label_rewards
from vrft.rewards.reward_term import AnswerReward
from vrft.tasks.defined.answer_type import AnswerType, TypeSuggestion, as_json_content, values_of
from vrft.tasks.metrics.metric import Metric
from vrft.tasks.metrics.shared_metrics import ACCURACIES
from vrft.tasks.parsing.choices import read_choice
from vrft.tasks.parsing.label_reading import nearest_names, read_label
from vrft.types import CoordinateFrame, Fault, Label, Number, Provides, Record, Text, Value, expect
from vrft.types.names import plain_name

SHOWN = "one option"
"""What stands in the prompt for an answer, which is none where somebody copies it."""
MOST_NAMES, MOST_ANSWERS = 200, 20
"""Of a choice that is proposed: classes of images, and answers to questions."""


def _name_of(value: Value) -> str:
    """A label as a name."""
    if isinstance(value, Label):
        return value.name
    if isinstance(value, Text):
        return value.chosen or value.text
    return f"{value.number:g}" if isinstance(value, Number) else ""


def options_that_differ(options: tuple[str, ...]) -> tuple[str, ...]:
    """Names to choose from, of which no two are read alike; ValueError where that is not so."""
    seen: dict[str, str] = {}
    for option in options:
        plain = plain_name(option)
        if not plain:
            raise ValueError(f"'{option}' is no name. Write words")
        if plain in seen:
            raise ValueError(f"'{option}' and '{seen[plain]}' are read alike. Leave one out")
        if "," in option or "\n" in option:
            raise ValueError(f"'{option}' holds a comma or a line break, which part names. Reword it")
        seen[plain] = option
    if len(seen) < 2:
        raise ValueError("with fewer than two options there is nothing to choose. Add others")
    return options


class ChoiceAnswer(AnswerType):
    """One of the options."""

    options: tuple[str, ...]
    """What there is to choose from."""

    name = "choice"
    value = Label
    reads: ClassVar[tuple[Provides, ...]] = (
        ("image", "label"),
        ("question", "label"),
        ("question", "text"),
        ("question", "number"),
    )
    right_rules: ClassVar[Mapping[str, AnswerReward]] = {
        "exact": label_rewards.accuracy,
        "contains": label_rewards.accuracy_substring,
    }
    metrics: ClassVar[Sequence[Metric]] = ACCURACIES
    placeholders = ("options",)
    success_rule = "the right option"

    _differ = field_validator("options")(options_that_differ)

    @property
    def options_shown(self) -> tuple[str, ...]:
        return self.options

    def option(self, name: str) -> str | None:
        """The option that a name means, as it is spelt here."""
        plain = plain_name(name)
        return next((option for option in self.options if plain_name(option) == plain), None)

    def target(self, values: Sequence[Value], kind: str, record: Record) -> Label | None:
        """The option that the one label names; None where it names none."""
        name = self.option(_name_of(values[0])) if len(values) == 1 else None
        return None if name is None else Label(name, self.options)

    def group(self, target: Value, subject: str) -> str:
        return expect(target, Label).name

    def shown(self, as_json: bool) -> str:
        return as_json_content(SHOWN) if as_json else SHOWN

    def words(self) -> Mapping[str, str]:
        return {"options": ", ".join(self.options)}

    def content(self, value: Value, frame: CoordinateFrame | None, as_json: bool) -> str:
        name = expect(value, Label).name
        return as_json_content(name) if as_json else name

    def understand(self, content: str, tagged: bool) -> tuple[Value | None, tuple[Fault, ...]]:
        """The option that the answer takes, or the name in its tags as it was written, which is none of them;
        without tags words that take no option are no answer."""
        taken = read_choice(content, {option: option for option in self.options}, lettered=False)
        if taken is not None:
            return Label(taken), () if self.option(content) is not None else (Fault.OTHER_NOTATION,)
        name, faults = read_label(content, tagged)
        if name is None or not tagged or plain_name(name) == SHOWN:
            return None, faults
        return Label(name), (*faults, Fault.OTHER_NOTATION)

    def similarity(self, one: Value, other: Value) -> float:
        if not (isinstance(one, Label) and isinstance(other, Label)):
            return 0.0
        return float(label_rewards.exact_match(one.name, other.name))

    def canonical(self, value: Value) -> Value:
        """The option as it is spelt here; a name that is none of them as it was written."""
        name = self.option(expect(value, Label).name)
        return value if name is None else Label(name, self.options)

    @classmethod
    def suggest(cls, records: Sequence[Record], provides: Provides) -> TypeSuggestion | None:
        """Few names, each of several labels."""
        said = Counter(_name_of(value) for _, _, value in values_of(records, provides))
        try:
            options_that_differ(tuple(said))
        except ValueError:
            return None
        whole = provides[0] == "image"
        if len(said) > (MOST_NAMES if whole else MOST_ANSWERS) or (
            not whole and said.total() < 3 * len(said)
        ):
            return None
        listed = ", ".join(json.dumps(name, ensure_ascii=False) for name in sorted(said))
        asked = "What does the image show? Choose one of: {options}."
        return TypeSuggestion(
            0.9 if whole else 0.8,
            f"{said.total()} labels say one of {len(said)} names",
            asked if whole else "{subject} Choose one of: {options}.",
            "exact",
            "one option is right and the others are wrong",
            {"options": (f"[{listed}]", "all that the labels say")},
        )

    def draw(self, count: int, rng: np.random.Generator) -> list[Value]:
        """Each option as often as the others."""
        places = rng.permutation(count) % len(self.options)
        return [Label(self.options[place], self.options) for place in places.tolist()]

    def mistaken(self, target: Value, rng: np.random.Generator) -> Value:
        return Label(nearest_names(expect(target, Label).name, self.options)[0], self.options)


ANSWER_TYPE = ChoiceAnswer
