"""What the tasks that ask for a number share: how it is written, fused, compared, and faked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from decimal import Decimal
from itertools import islice
from math import ceil, copysign, floor
from zlib import crc32

import numpy as np

from vrft.rewards import number_rewards as numbers
from vrft.tasks.attacks import AuditCase, by_name
from vrft.tasks.fusion import Rule, best_logprob, median, self_consistency
from vrft.tasks.task import SUCCESS, Task
from vrft.types import Number, Record, Value

RULES: Mapping[str, Rule] = {
    "median": median,
    "self_consistency": self_consistency,
    "best_logprob": best_logprob,
}
"""The usual one first."""
_SHOWN = 5
NEAR_COUNT = 2
"""A count that is so little off is not far from right, however small both are."""
_TRIED = 400
MOST_ZEROS = 3
"""An image is asked about at most so many categories that it does not show, or as many as it does: of eighty
categories nearly all answers would be 0 otherwise."""


class NumberTask(Task):
    """A task whose answers are numbers."""

    answer = Number
    example_answer = "number"
    rules = RULES

    def is_far(self, one: Value, other: Value) -> bool:
        return is_far(one, other)


def number_text(value: Number) -> str:
    """A number with all its digits and without an exponent, and its unit.

    Example:
        >>> number_text(Number(3.0)), number_text(Number(0.00005, "m"))
        ('3', '0.00005 m')
    """
    plain = f"{Decimal(repr(value.number)):f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return f"{plain} {value.unit}".strip()


def with_some_zeros(record_id: str, known: Set[str], shown: Set[str]) -> list[str]:
    """The categories that are counted in an image: those that it shows, and some that it does not, by a draw
    that depends on the image and the categories alone."""
    order = sorted(known - shown, key=lambda name: (crc32(f"{record_id}#{name}".encode()), name))
    return sorted({*shown, *order[: max(MOST_ZEROS, len(shown))]})


def passed_over(numbers: Iterable[tuple[Record, Number]], why: str) -> list[str]:
    """A sentence about labels that are not asked about, with the first few; none where there are none."""
    found = [f"{number_text(number)} ({record.id})" for record, number in numbers]
    shown = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
    return [f"Not asked about, since {why}: {shown}."] if found else []


def closeness(one: Value, other: Value) -> float:
    """1 for equal numbers, less the further apart: 1 - |a - b| / max(|a|, |b|), at least 0.

    Example:
        >>> closeness(Number(9.0), Number(10.0)), closeness(Number(-1.0), Number(1.0))
        (0.9, 0.0)
    """
    if not (isinstance(one, Number) and isinstance(other, Number)):
        return 0.0
    same = other.in_unit(one.unit) if one.unit else other
    if same is None:
        return 0.0
    size = max(abs(one.number), abs(same.number))
    return 1.0 if size == 0 else max(0.0, 1 - numbers.relative_error(same.number, one.number, size))


def is_far(one: Value, other: Value) -> bool:
    """Whether a number is less than half or more than twice another, and more than two off where both are
    whole.

    Example:
        >>> [is_far(Number(1.0), Number(other)) for other in (2.0, 3.0, 4.0)]
        [False, False, True]
    """
    near = (
        isinstance(one, Number)
        and isinstance(other, Number)
        and one.number.is_integer()
        and other.number.is_integer()
        and abs(one.number - other.number) <= NEAR_COUNT
    )
    return not near and closeness(one, other) < SUCCESS


def _shifted(case: AuditCase, by: float) -> str:
    return number_text(Number(case.target.number + by, case.target.unit))


def right_or_wrong(case: AuditCase, rng: np.random.Generator) -> str:
    """The right number or a wrong one, joined by 'or', in random order."""
    both = [_shifted(case, 0), _shifted(case, 1)]
    return case.answer(" or ".join(both[i] for i in rng.permutation(2)))


def wrong_then_right_number(case: AuditCase, rng: np.random.Generator) -> str:
    """A wrong number and the right one after it: 'not 6 but 5'."""
    return case.answer(f"not {_shifted(case, 1)} but {_shifted(case, 0)}")


def range_around(case: AuditCase, rng: np.random.Generator) -> str:
    """A range that holds the right number."""
    return case.answer(f"{_shifted(case, -1)} to {_shifted(case, 1)}")


def every_number(case: AuditCase, rng: np.random.Generator) -> str:
    """All numbers from 0 to 30."""
    return case.answer(", ".join(map(str, range(31))))


def one_number(case: AuditCase, rng: np.random.Generator) -> str:
    """The number 3 for every image."""
    return case.answer(number_text(Number(3.0, case.target.unit)))


def middle_number(case: AuditCase, rng: np.random.Generator) -> str:
    """The number in the middle of all right ones in this unit, for every image."""
    alike = sorted(one.number for one in case.targets if one.unit == case.target.unit)
    return case.answer(number_text(Number(alike[len(alike) // 2], case.target.unit)))


def huge_number(case: AuditCase, rng: np.random.Generator) -> str:
    """A million for every image."""
    return case.answer(number_text(Number(1e6, case.target.unit)))


def no_number(case: AuditCase, rng: np.random.Generator) -> str:
    """NaN, infinity and their signs."""
    return case.answer(str(rng.choice(["NaN", "inf", "-inf", "1e999"])))


def of_another_size(case: AuditCase, rng: np.random.Generator) -> str:
    """The right number with its point moved by one place, either way."""
    factor = (10.0, 0.1)[int(rng.integers(2))]
    moved = Number(case.target.number * factor + (case.target.number == 0), case.target.unit)
    return case.answer(number_text(moved))


def of_another_quantity(case: AuditCase, rng: np.random.Generator) -> str:
    """The right number with a unit that cannot be converted to that of the question."""
    unit = "m" if case.target.unit == "kg" else "kg"
    return case.answer(number_text(Number(case.target.number, unit)))


def _far_off(case: AuditCase, keeps: Callable[[int, int], bool]) -> str:
    """The number furthest from the right one, in the range of all right ones, that keeps something of it; the
    answer to another question where there is none."""
    right = case.target.number
    alike = [one.number for one in case.targets if one.unit == case.target.unit]
    low, high = ceil(min(alike)), floor(max(alike))
    ends = (n for pair in zip(range(low, high + 1), range(high, low - 1, -1), strict=True) for n in pair)
    near_ends = sorted(islice(ends, _TRIED), key=lambda n: -abs(n - right))
    kept = (n for n in near_ends if n != right and keeps(n, round(right)))
    if not right.is_integer() or (found := next(kept, None)) is None:
        return case.write(case.other)
    return case.write(Number(float(found), case.target.unit))


def of_the_same_parity(case: AuditCase, rng: np.random.Generator) -> str:
    """An even number for an even one and an odd one for an odd one, as far off as can be."""
    return _far_off(case, lambda said, right: (said - right) % 2 == 0)


def with_the_same_last_digit(case: AuditCase, rng: np.random.Generator) -> str:
    """Another number with the right last digit, as far off as can be."""
    return _far_off(case, lambda said, right: (said - right) % 10 == 0)


def with_as_many_digits(case: AuditCase, rng: np.random.Generator) -> str:
    """Another number with as many digits, as far off as can be."""
    return _far_off(case, lambda said, right: len(str(said)) == len(str(right)))


def with_the_same_first_digit(case: AuditCase, rng: np.random.Generator) -> str:
    """Another number with the right first digit, as far off as can be."""
    return _far_off(case, lambda said, right: str(said)[0] == str(right)[0])


def digits_in_another_order(case: AuditCase, rng: np.random.Generator) -> str:
    """The digits of the right number in another order, as far off as can be; of one digit, another answer."""
    written = number_text(Number(case.target.number))
    places = [place for place, c in enumerate(written) if c.isdigit()]
    orders = []
    for reverse in (False, True):
        digits = list(written)
        for place, digit in zip(places, sorted((written[p] for p in places), reverse=reverse), strict=True):
            digits[place] = digit
        orders.append(float("".join(digits)))
    alike = [one.number for one in case.targets if one.unit == case.target.unit]
    legal = [one for one in orders if min(alike) <= one <= max(alike) and one != case.target.number]
    if not legal:
        return case.write(case.other)
    furthest = max(legal, key=lambda one: abs(one - case.target.number))
    return case.write(Number(furthest, case.target.unit))


def a_little_more(case: AuditCase, rng: np.random.Generator) -> str:
    """One more; of a number that is not whole, a tenth more."""
    return case.write(_a_little_off(case.target, 1))


def a_little_less(case: AuditCase, rng: np.random.Generator) -> str:
    """One less; of a number that is not whole, a tenth less."""
    return case.write(_a_little_off(case.target, -1))


def _a_little_off(right: Number, sign: int) -> Number:
    step = 1.0 if right.number.is_integer() else abs(right.number) / 10
    return Number(float(f"{right.number + sign * step:.12g}"), right.unit)


def with_another_sign(case: AuditCase, rng: np.random.Generator) -> str:
    """The right number with the other sign; of 0, the right answer to another question."""
    right = case.target
    return case.write(Number(-right.number, right.unit) if right.number else case.other)


def with_other_decimals(case: AuditCase, rng: np.random.Generator) -> str:
    """The right number but for what is behind its point; of a whole number, another answer."""
    right = case.target.number
    if right.is_integer():
        return case.write(case.other)
    behind = 0.05 if abs(right) % 1 >= 0.5 else 0.95
    return case.write(Number(copysign(floor(abs(right)) + behind, right), case.target.unit))


def number_in_the_thought(case: AuditCase, rng: np.random.Generator) -> str:
    """The right number in the thought, words in the answer."""
    return case.answer("see above", thought=f"It is {_shifted(case, 0)}.")


ATTACKS = by_name(
    right_or_wrong,
    wrong_then_right_number,
    range_around,
    every_number,
    one_number,
    middle_number,
    huge_number,
    no_number,
    of_another_size,
    of_another_quantity,
    of_the_same_parity,
    with_the_same_last_digit,
    with_the_same_first_digit,
    with_as_many_digits,
    digits_in_another_order,
    number_in_the_thought,
)
"""What models write who want a reward for a number that they do not know."""
NEAR_MISSES = by_name(a_little_more, a_little_less, with_another_sign, with_other_decimals)
