"""An order: where each of some parts belongs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from vrft.rewards.reward_term import AnswerReward
from vrft.tasks.attacks import Attack, AuditCase, by_name
from vrft.tasks.defined.answer_type import AnswerType, TypeSuggestion, values_of
from vrft.tasks.jigsaw.jigsaw import TASK, places, solved
from vrft.tasks.metrics.metric import Metric
from vrft.types import Answer, CoordinateFrame, Fault, Permutation, Provides, Record, Value, expect

_LISTED = 5
"""Parts whose orders are listed."""
_LIST = re.compile(r"[\[(]?\s*([0-9]{1,3}(?:\s*[,;\s]\s*[0-9]{1,3}){1,99})\s*[\])]?\.?")


def same_order(case: AuditCase, rng: np.random.Generator) -> str:
    """The parts as they are numbered, for every question."""
    return case.write(Permutation(tuple(sorted(case.target.order))))


def one_part_everywhere(case: AuditCase, rng: np.random.Generator) -> str:
    """The first part in every place, which is right in one of them."""
    return case.answer(str([case.target.order[0]] * case.target.size))


def right_order_backwards(case: AuditCase, rng: np.random.Generator) -> str:
    """The right order from its last part to its first."""
    return case.write(Permutation(case.target.order[::-1]))


def inverse_order(case: AuditCase, rng: np.random.Generator) -> str:
    """For each part its place, where the part at each place is asked for; another order where both agree."""
    order, first = case.target.order, min(case.target.order)
    inverse = tuple(order.index(part) + first for part in sorted(order))
    return case.write(Permutation(inverse) if inverse != order else case.other)


def order_begun_one_later(case: AuditCase, rng: np.random.Generator) -> str:
    """The right order, its first part at the end: neighbours are right, and no place is."""
    return case.write(Permutation((*case.target.order[1:], case.target.order[0])))


def first_half_alone(case: AuditCase, rng: np.random.Generator) -> str:
    """The first half of the right order, the rest from its end; of two parts the wrong order."""
    order, half = case.target.order, case.target.size // 2
    turned = (*order[:half], *reversed(order[half:]))
    return case.write(Permutation(turned) if turned != order else case.other)


def last_half_alone(case: AuditCase, rng: np.random.Generator) -> str:
    """The last half of the right order, the rest from its end; of three parts another order."""
    order, half = case.target.order, case.target.size // 2
    turned = (*reversed(order[:half]), *order[half:])
    return case.write(Permutation(turned) if turned != order else case.other)


def two_parts_exchanged(case: AuditCase, rng: np.random.Generator) -> str:
    """The right order with two parts in each other's place."""
    return _exchanged(case, *rng.permutation(case.target.size)[:2].tolist())


def neighbours_exchanged(case: AuditCase, rng: np.random.Generator) -> str:
    """The right order with two neighbours in each other's place."""
    place = int(rng.integers(case.target.size - 1))
    return _exchanged(case, place, place + 1)


def _exchanged(case: AuditCase, one: int, other: int) -> str:
    order = [*case.target.order]
    order[one], order[other] = order[other], order[one]
    return case.write(Permutation(tuple(order)))


class PermutationAnswer(AnswerType):
    """The numbers of all parts, each once."""

    size: Annotated[int, Field(ge=2, le=100)]
    """How many parts there are."""
    first: Annotated[int, Field(ge=0, le=1)] = 1
    """The number of the first part."""
    order: Literal["fixed"] = "fixed"
    """Of the numbers; where it is free, the type is ``set``."""

    name = "permutation"
    value = Permutation
    reads: ClassVar[tuple[Provides, ...]] = (("question", "permutation"), ("image", "permutation"))
    right_rules: ClassVar[Mapping[str, AnswerReward]] = {"places": places, "exact": solved}
    metrics: ClassVar[Sequence[Metric]] = TASK.metrics
    lists = True
    success_rule = "every part in its place"
    attacks: ClassVar[Mapping[str, Attack]] = by_name(
        same_order,
        one_part_everywhere,
        right_order_backwards,
        inverse_order,
        order_begun_one_later,
        first_half_alone,
        last_half_alone,
    )
    near_misses: ClassVar[Mapping[str, Attack]] = by_name(two_parts_exchanged, neighbours_exchanged)

    def target(self, values: Sequence[Value], kind: str, record: Record) -> Permutation | None:
        """The one order of so many parts."""
        found = expect(values[0], Permutation) if len(values) == 1 else None
        return found if found is not None and self._is_order(found.order) else None

    def _is_order(self, order: Sequence[int]) -> bool:
        return sorted(order) == list(range(self.first, self.first + self.size))

    def shown(self, as_json: bool) -> str:
        return '{"answer": [number, number, ...]}' if as_json else "[number, number, ...]"

    def instruction(self, frame: CoordinateFrame | None) -> str:
        return f"Name each number from {self.first} to {self.first + self.size - 1} once."

    def content(self, value: Value, frame: CoordinateFrame | None, as_json: bool) -> str:
        listed = str([*expect(value, Permutation).order])
        return f'{{"answer": {listed}}}' if as_json else listed

    def understand(self, content: str, tagged: bool) -> tuple[Value | None, tuple[Fault, ...]]:
        found = _LIST.fullmatch(content)
        order = tuple(map(int, re.findall("[0-9]+", found[1]))) if found else ()
        return (Permutation(order) if self._is_order(order) else None), ()

    def similarity(self, one: Value, other: Value) -> float:
        """The share of places where both name the same part."""
        return TASK.similarity(one, other)

    def success(self, answer: Answer, target: Value) -> bool:
        return solved(answer, target) == 1

    @classmethod
    def suggest(cls, records: Sequence[Record], provides: Provides) -> TypeSuggestion | None:
        """Orders of one length."""
        orders = [expect(value, Permutation).order for _, _, value in values_of(records, provides)]
        sizes, first = {len(order) for order in orders}, min((min(o) for o in orders if o), default=1)
        if len(sizes) != 1 or first not in (0, 1):
            return None
        (size,) = sizes
        options = {"size": (str(size), "all labels have so many parts")}
        if first == 0:
            options["first"] = ("0", "the labels count from 0")
        asked = "{subject}" if provides[0] == "question" else "In which order are the parts?"
        because = "each part in its place earns its share"
        return TypeSuggestion(0.95, f"{len(orders)} labels are orders", asked, "places", because, options)

    def draw(self, count: int, rng: np.random.Generator) -> list[Value]:
        """Of few parts each order as often as the others, so that a share of questions is no chance."""
        parts = range(self.first, self.first + self.size)
        if math.factorial(min(self.size, _LISTED)) <= count and self.size <= _LISTED:
            orders = [*permutations(parts)]
            return [Permutation(orders[place % len(orders)]) for place in rng.permutation(count).tolist()]
        return [Permutation(tuple(rng.permutation(parts).tolist())) for _ in range(count)]

    def mistaken(self, target: Value, rng: np.random.Generator) -> Value:
        """Two parts have changed places."""
        order = [*expect(target, Permutation).order]
        one, other = rng.permutation(self.size)[:2]
        order[one], order[other] = order[other], order[one]
        return Permutation(tuple(order))


ANSWER_TYPE = PermutationAnswer
