"""A number: a count of labelled things, a measurement in a unit, a digit that an image shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import model_validator

from vrft.rewards import number_rewards as numbers
from vrft.rewards.reward_term import AnswerReward
from vrft.tasks.attacks import Attack, AuditCase, by_name
from vrft.tasks.defined.answer_type import (
    GROUP,
    AnswerType,
    TypeSuggestion,
    as_json_content,
    per_subject,
    rounded,
    values_of,
)
from vrft.tasks.defined.labels import Labelled
from vrft.tasks.metrics.metric import Metric
from vrft.tasks.metrics.number_metrics import EXACT, MRA, WITHIN_ONE, mean_absolute_error
from vrft.tasks.number_answers import (
    ATTACKS,
    NEAR_MISSES,
    RULES,
    closeness,
    is_far,
    number_text,
    with_some_zeros,
)
from vrft.tasks.parsing.numbers import read_number
from vrft.types import (
    Answer,
    Boxes,
    CoordinateFrame,
    Fault,
    Label,
    Number,
    Provides,
    Record,
    Text,
    Value,
    expect,
)
from vrft.types.options import did_you_mean
from vrft.types.units import unit_names, unit_of
from vrft.types.values import Finite

ABSENT = "nothing there"
"""The class of questions about a category that an image does not show."""
MOST_LISTED = 50
"""Whole numbers of a range that the audit draws each as often as the others."""


class NumberAnswer(AnswerType):
    """One number."""

    unit: str = ""
    """Of answers; labels in other units of the quantity are converted. Empty: a number without a unit."""
    whole: bool = False
    """Only whole numbers are meant."""
    range: tuple[Finite, Finite] | None = None
    """The least and the greatest number that an answer may be, in the unit."""

    name = "number"
    value = Number
    reads: ClassVar[tuple[Provides, ...]] = (
        ("category", "boxes"),
        ("category", "number"),
        ("question", "number"),
        ("image", "number"),
        ("image", "label"),
        ("question", "label"),
        ("question", "text"),
    )
    right_rules: ClassVar[Mapping[str, AnswerReward]] = {
        "exact": numbers.exact,
        "within": numbers.within,
        "mra": numbers.mra,
        "linear": numbers.linear,
        "snra": numbers.snra,
        "snra_sharp": numbers.snra_sharp,
    }
    metrics: ClassVar[Sequence[Metric]] = (EXACT, MRA, mean_absolute_error("units"), WITHIN_ONE)
    fusion_rules = RULES
    joins = True
    near_misses: ClassVar[Mapping[str, Attack]] = NEAR_MISSES
    success_rule = "the right number; of measurements one at most 5 % off"

    @model_validator(mode="after")
    def _consistent(self) -> NumberAnswer:
        if self.unit and unit_of(self.unit) is None:
            raise ValueError(
                f"unit: '{self.unit}' is not known.{did_you_mean(self.unit, unit_names())} Leave it out, and "
                "name it in the question"
            )
        if self.range is not None:
            low, high = self.range
            if low > high:
                raise ValueError(f"range: [{low:g}, {high:g}] is upside down. Write [{high:g}, {low:g}]")
            if self.whole and np.ceil(low) > np.floor(high):
                raise ValueError(f"range: no whole number is in [{low:g}, {high:g}]. Widen it")
        return self

    @property
    def counts(self) -> bool:
        """Answers are whole numbers from 0: 'none' is one, and 'about 7' is none."""
        return self.whole and not self.unit and (self.range is None or self.range[0] >= 0)

    def of_categories(
        self, record: Record, groups: Sequence[tuple[str, frozenset[str]]], kind: str
    ) -> Iterator[Labelled]:
        """Of boxes their number, and of what an image does not show as many zeros as ``with_some_zeros``."""
        if kind != Boxes.kind:
            yield from super().of_categories(record, groups, kind)
            return
        count = Counter(one.name for one, _ in record.about("category", Boxes) if one.counts)
        found = {subject: sum(count[name] for name in names) for subject, names in groups}
        known = {subject for subject, names in groups if names <= record.known(names)}
        for subject in with_some_zeros(record.id, known, {name for name in known if found[name]}):
            target = self._fitting(Number(float(found[subject])))
            if target is not None:
                yield Labelled(record, subject, subject, target, self.group(target, subject))

    def target(self, values: Sequence[Value], kind: str, record: Record) -> Number | None:
        """The one number of labels, in the unit; None where it is out of range."""
        read = [self.number_of(value) for value in values]
        return self._fitting(read[0]) if len(read) == 1 and read[0] is not None else None

    def number_of(self, value: Value) -> Number | None:
        """The number that a label states; None where it states none."""
        if isinstance(value, Number):
            return value
        text = value.name if isinstance(value, Label) else value.text if isinstance(value, Text) else ""
        read = read_number(text.strip(), None)
        return None if read.number is None or not text else Number(read.number, read.unit)

    def _fitting(self, number: Number) -> Number | None:
        same = number.in_unit(self.unit) if self.unit else number
        return same if same is not None and self._fault(same) is None and not (
            same.unit and not self.unit
        ) else None  # fmt: skip

    def _fault(self, number: Number) -> Fault | None:
        if self.whole and not number.number.is_integer():
            return Fault.NOT_A_COUNT
        outside = self.range is not None and not self.range[0] <= number.number <= self.range[1]
        return Fault.OUT_OF_RANGE if outside else None

    def group(self, target: Value, subject: str) -> str:
        number = expect(target, Number)
        if not subject:
            return number_text(number) if self.whole else GROUP
        return subject if number.number else ABSENT

    def shown(self, as_json: bool) -> str:
        return '{"answer": number}' if as_json else "number"

    def instruction(self, frame: CoordinateFrame | None) -> str:
        """How the number is written, and between which bounds."""
        kind = "a whole number" if self.whole else "one number"
        unit = f" in {self.unit}" if self.unit else ""
        low, high = self.range or (None, None)
        bounds = (
            f" from {number_text(Number(low))} to {number_text(Number(high))}"
            if low is not None and high is not None
            else ""
        )
        return f"Answer with {kind}{unit}{bounds}."

    def words(self) -> Mapping[str, str]:
        low, high = (number_text(Number(one)) for one in self.range or (0.0, 0.0))
        bounds = {"least": low, "most": high} if self.range is not None else {}
        return {**({"unit": self.unit} if self.unit else {}), **bounds}

    def content(self, value: Value, frame: CoordinateFrame | None, as_json: bool) -> str:
        number = expect(value, Number)
        text = number_text(Number(number.number) if number.unit == self.unit else number)
        return f'{{"answer": {text}}}' if as_json and number.unit == self.unit else (
            as_json_content(text) if as_json else text
        )  # fmt: skip

    def understand(self, content: str, tagged: bool) -> tuple[Value | None, tuple[Fault, ...]]:
        read = read_number(content, self.unit, self.counts)
        if read.number is None:
            return None, read.faults
        number = Number(read.number, read.unit)
        fault = self._fault(number)
        return (number, read.faults) if fault is None else (None, (*read.faults, fault))

    def similarity(self, one: Value, other: Value) -> float:
        return closeness(one, other)

    def is_far(self, one: Value, other: Value) -> bool:
        return is_far(one, other)

    def success(self, answer: Answer, target: Value) -> bool:
        return (numbers.exact if self.whole else numbers.within)(answer, target) == 1

    @classmethod
    def suggest(cls, records: Sequence[Record], provides: Provides) -> TypeSuggestion | None:
        """Numbers that labels state, or how many boxes each category has."""
        counted = provides == ("category", Boxes.kind)
        if counted:
            numbers_ = [Number(float(count)) for count in per_subject(records, provides)]
        else:
            read = [cls().number_of(value) for _, _, value in values_of(records, provides)]
            numbers_ = [number for number in read if number is not None]
            if len(numbers_) < len(read):
                return None
        if not numbers_:
            return None
        units = Counter(number.unit for number in numbers_)
        unit = units.most_common(1)[0][0]
        found = [same.number for n in numbers_ if (same := n.in_unit(unit) if unit else n) is not None]
        whole = all(number.is_integer() for number in found)
        low, high = min(found), max(found)
        near, far = (0.0 if low >= 0 else -_round_up(-1.5 * low)), _round_up(1.5 * high)
        if provides[0] == "image" and whole:
            near, far = low, high  # digits and the like: all there are
        says = f"the labels run from {low:g} to {high:g}"
        options = {
            "range": (f"[{near:g}, {far:g}]", f"{says}; an answer outside of the range is read as none")
        }
        if whole:
            options = {"whole": ("true", f"all {len(found)} are whole numbers"), **options}
        if unit:
            options = {"unit": (f'"{unit}"', f"{units[unit]} of {len(numbers_)} labels have it"), **options}
        asked = "What number does the image show?" if provides[0] == "image" else "{subject}"
        asked = "How many {subject} are in the image?" if provides[0] == "category" else asked
        rule = "exact" if whole else "mra"
        because = "counts are right or wrong" if whole else "measured numbers are never met exactly"
        fit = 0.5 if counted else 0.95
        return TypeSuggestion(fit, f"{len(found)} labels say a number", asked, rule, because, options)

    def draw(self, count: int, rng: np.random.Generator) -> list[Value]:
        """Small counts more often where no range is given; numbers of all sizes of the range."""
        if self.whole and self.range is None:
            drawn = rng.binomial(12, rng.uniform(0, 0.6, count)).astype(float)
            return [Number(number, self.unit) for number in drawn.tolist()]
        low, high = self.range or (0.1, 20.0)
        if self.whole and high - low <= MOST_LISTED:
            listed = rng.integers(int(np.ceil(low)), int(np.floor(high)), count, endpoint=True)
            return [Number(float(number), self.unit) for number in listed.tolist()]
        if low >= 0:  # sizes, whose orders of magnitude differ
            least = max(low, high / 1000)
            drawn = np.exp(rng.uniform(np.log(least), np.log(high), count)) if high > 0 else np.zeros(count)
        else:
            drawn = rng.uniform(low, high, count)
        return [Number(self._allowed(one), self.unit) for one in drawn.tolist()]

    def mistaken(self, target: Value, rng: np.random.Generator) -> Value:
        """A count one or two off; a measurement off by an eighth of it."""
        right = expect(target, Number)
        if self.whole:
            step = float(rng.choice((-2.0, -1.0, 1.0, 2.0)))
            near = [right.number + step, right.number - step]
            allowed = [n for n in near if self._fault(Number(n)) is None and (n >= 0 or not self.counts)]
            return Number(allowed[0], right.unit) if allowed else right
        return Number(self._allowed(right.number * (1 + float(rng.normal(0, 0.125)))), right.unit)

    def _allowed(self, number: float) -> float:
        low, high = self.range or (-np.inf, np.inf)
        near = float(round(number)) if self.whole else rounded(number)
        return min(max(near, low), high)

    @property
    def attacks(self) -> Mapping[str, Attack]:  # type: ignore[override]
        """Those of all numbers, and the ends and the middle of the range."""
        own = (self.least_of_the_range, self.middle_of_the_range, self.greatest_of_the_range)
        if self.range is None:
            return ATTACKS
        return {**ATTACKS, **by_name(*own)}

    def least_of_the_range(self, case: AuditCase, rng: np.random.Generator) -> str:
        """The least number of the range for every image."""
        return self._always(case, 0.0)

    def middle_of_the_range(self, case: AuditCase, rng: np.random.Generator) -> str:
        """The middle of the range for every image."""
        return self._always(case, 0.5)

    def greatest_of_the_range(self, case: AuditCase, rng: np.random.Generator) -> str:
        """The greatest number of the range for every image."""
        return self._always(case, 1.0)

    def _always(self, case: AuditCase, share: float) -> str:
        low, high = self.range or (0.0, 0.0)
        return case.write(Number(self._allowed(low + share * (high - low)), self.unit))


def _round_up(number: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 ... that is not below."""
    if number <= 1:
        return 1.0
    size = 10.0 ** np.floor(np.log10(number))
    return float(next(step * size for step in (1, 2, 5, 10) if step * size >= number))


ANSWER_TYPE = NumberAnswer
