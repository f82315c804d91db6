"""Measuring: a distance, a size, a depth, an angle: one number with a unit, from rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vrft.rewards import number_rewards as numbers
from vrft.rewards import text_rewards as texts
from vrft.rewards.papers import vsi_bench
from vrft.rewards.papers.onethinker.onethinker_number import regression_term
from vrft.rewards.papers.onethinker.onethinker_reading import plain_setting
from vrft.tasks.metrics.number_metrics import MRA, WITHIN_5_PERCENT, mean_absolute_error
from vrft.tasks.number_answers import ATTACKS, NumberTask, closeness, number_text, passed_over
from vrft.tasks.parsing.answer_parsers import parse_number_answer
from vrft.tasks.prompt_text import answer_instructions, in_tags
from vrft.tasks.task import Setting, audit_example
from vrft.types import Answer, CoordinateFrame, Example, Fault, Number, Record, Value, expect

SETTINGS: Mapping[str, Setting] = {
    "recommended": {"snra": numbers.snra_sharp, "format": texts.format_reward},
    "accuracy": {"accuracy": numbers.within, "format": texts.format_reward},
    "snra": {"snra": numbers.snra, "format": texts.format_reward},
    "mra": {"mra": numbers.mra, "format": texts.format_reward},
    "linear": {"linear": numbers.linear, "format": texts.format_reward},
    "onethinker": plain_setting(regression_term),
    "vsi_bench": vsi_bench.SETTING,
}
"""``snra`` grows sharper with the training, as AP-GRPO has it; the last two are released code with its
holes."""
TERMS: Setting = {
    "accuracy": numbers.within,
    "exact": numbers.exact,
    "snra": numbers.snra,
    "snra_sharp": numbers.snra_sharp,
    "mra": numbers.mra,
    "linear": numbers.linear,
    **texts.usual_terms(numbers.mra),
}
"""What ``reward.weights`` may add to a setting."""

GROUP = "question"
"""All questions count alike."""
UNIT, LEAST, MOST = "unit", "least", "most"
"""Fields of a question, which its prompt says and its answers are read by."""


@dataclass(frozen=True)
class Measuring(NumberTask):
    """One number, in the unit that the question asks for.

    Args:
        unit: of answers; labels in other units are converted. Empty: each label's own.
        least: the smallest number that an answer may give, in that unit; None where there is none.
        most: the largest.
    """

    unit: str = ""
    least: float | None = None
    most: float | None = None

    name = "measuring"
    help = "Answer a question about an image with a number in a unit."
    needs = frozenset({("question", "number")})
    is_default = True
    settings = SETTINGS
    terms = TERMS
    metrics = (MRA, WITHIN_5_PERCENT, mean_absolute_error("units"))
    success_rule = "at most 5 % off"
    score_rule = "1 - |a - b| / max(|a|, |b|) of the number and the label, times 100"
    attacks = ATTACKS

    @property
    def example_fields(self) -> Mapping[str, object]:
        return self._fields(self.unit)

    def _fields(self, unit: str) -> Mapping[str, object]:
        said = {UNIT: unit or None, LEAST: self.least, MOST: self.most}
        return {key: value for key, value in said.items() if value is not None}

    def examples(self, records: Sequence[Record]) -> list[Example]:
        """One question for each whose number is known, in this unit and within the bounds."""
        found = []
        for record in records:
            for place, (asked, number) in enumerate(record.about("question", Number)):
                target = self._target(number)
                if target is not None:
                    fields = self._fields(target.unit)
                    found.append(self.example(record, place, asked.name, target, GROUP, fields=fields))
        return found

    def unused_label_notes(self, records: Sequence[Record]) -> Sequence[str]:
        """Numbers of another quantity than the unit that is asked for, or out of bounds."""
        said = [(record, number) for record in records for _, number in record.about("question", Number)]
        other = [one for one in said if self.unit and one[1].in_unit(self.unit) is None]
        outside = [one for one in said if one not in other and self._target(one[1]) is None]
        bounds = f"an answer lies from {self.least} to {self.most}"
        return [*passed_over(other, f"no such number is in {self.unit}"), *passed_over(outside, bounds)]

    def _target(self, number: Number) -> Number | None:
        """A label in the unit that is asked for; None where it is of another quantity, or out of bounds."""
        target = number.in_unit(self.unit) if self.unit else number
        return target if target is not None and _inside(target.number, self._fields(target.unit)) else None

    def question(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The question, with its unit and its bounds."""
        fields = example.fields
        asked = f"Answer with one number in {fields[UNIT]}" if UNIT in fields else "Answer with one number"
        bounds = [
            f"{word} {number_text(Number(float(str(fields[key]))))}"
            for key, word in ((LEAST, "at least"), (MOST, "at most"))
            if key in fields
        ]
        asked += f", {' and '.join(bounds)}." if bounds else "."
        return f"{example.question}\n{asked}\n" + answer_instructions(self.example_answer, example.form)

    def gold(self, example: Example, frames: Sequence[CoordinateFrame]) -> str:
        """The number alone, which has the question's unit."""
        number = expect(example.target, Number)
        written = replace(number, unit="") if number.unit == example.fields.get(UNIT) else number
        return in_tags(number_text(written), "I compare it with things of known size.", example.form)

    def parse(self, text: str, example: Example, frames: Sequence[CoordinateFrame]) -> Answer:
        """The number, in the question's unit; in whichever is written where the question has none."""
        unit = example.fields.get(UNIT)
        answer = parse_number_answer(text, example.form, str(unit) if unit is not None else None)
        said = answer.as_(Number)
        if said is None or _inside(said.number, example.fields):
            return answer
        faults = (*answer.faults, Fault.OUT_OF_RANGE)
        return replace(answer, value=None, formatted=False, faults=faults)

    def similarity(self, one: Value, other: Value) -> float:
        """1 for equal numbers, less the further apart."""
        return closeness(one, other)

    def success(self, answer: Answer, target: Value) -> bool:
        return numbers.within(answer, target) == 1

    def audit_examples(self, count: int, rng: np.random.Generator) -> list[Example]:
        """Lengths, and temperatures below and above 0, with two decimals."""
        lengths = np.exp(rng.uniform(np.log(0.1), np.log(20.0), count)).round(2)
        degrees = rng.uniform(-30, 40, count).round(2)
        made = []
        for i, (length, degree) in enumerate(zip(lengths.tolist(), degrees.tolist(), strict=True)):
            asked, target = "How long is the table?", Number(length, "m")
            if i % 4 == 3:
                asked, target = "What does the thermometer show?", Number(degree, "°C")
            one = audit_example(self.name, i, asked, target, GROUP)
            made.append(replace(one, fields={UNIT: target.unit}))
        return made

    def audit_beliefs(self, examples: Sequence[Example], rng: np.random.Generator) -> list[Value]:
        """Off by 10 per cent on average: near enough to count as right in about a third of the questions."""
        off = rng.normal(0, 0.125, len(examples)).tolist()
        right = [expect(example.target, Number) for example in examples]
        return [
            Number(round(one.number * (1 + step), 2), one.unit) for one, step in zip(right, off, strict=True)
        ]


def _inside(number: float, fields: Mapping[str, object]) -> bool:
    """Whether a number is within the bounds of a question."""
    least, most = fields.get(LEAST), fields.get(MOST)
    above = not isinstance(least, int | float) or number >= least
    return above and (not isinstance(most, int | float) or number <= most)


TASK = Measuring()
