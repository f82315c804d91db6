"""Rewards of numbers against closed forms and digits worked out by hand."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.errors import InputError
from vrft.rewards import number_rewards as numbers
from vrft.rewards.papers import vsi_bench
from vrft.rewards.papers.onethinker import onethinker_number, onethinker_reading
from vrft.types import Answer, Label, Number

UNREAD = Answer()
sizes = st.floats(0.01, 1e4)


def said(number: float, unit: str = "") -> Answer:
    return Answer(Number(number, unit), True)


@pytest.mark.parametrize(
    ("k", "expected"),
    [(1, (1, 0.995, 0.9688, 0.8756, 0.5379)), (15, (1, 0.9251, 0.5628, 0.0460, 0.0))],
)
def test_snra_at_some_errors(k: float, expected: tuple[float, ...]) -> None:
    for error, value in zip((0, 0.1, 0.25, 0.5, 1), expected, strict=True):
        for right in (4.0, -4.0, 400.0):
            found = numbers.snra(said(right * (1 + error)), Number(right), k_min=k, k_max=k)
            assert found == pytest.approx(value, abs=5e-5)


@pytest.mark.parametrize(("k", "half"), [(1, 1.0481), (15, 0.2706), (400, 0.0524)])
def test_snra_is_a_half_where_the_closed_form_has_it(k: float, half: float) -> None:
    edge = math.sqrt(math.log(3) / k)
    assert edge == pytest.approx(half, abs=5e-5)
    assert numbers.snra(said(10 + 10 * edge), Number(10.0), k_min=k, k_max=k) == pytest.approx(0.5)
    absolute = numbers.snra(said(3 + 2 * edge), Number(3.0), k_min=k, k_max=k, relative=False, scale=2.0)
    assert absolute == pytest.approx(0.5)


def test_snra_grows_sharper_with_the_training_and_never_overflows() -> None:
    at = [numbers.snra(said(11.0), Number(10.0), progress=p / 10) for p in range(11)]
    assert at == sorted(at, reverse=True) and at[0] > 0.99 and at[-1] < 0.94
    assert numbers.sharpness(0.6) == 8 and 1 < numbers.sharpness(0) < 1.2 and 14 < numbers.sharpness(1) < 15
    assert numbers.snra(said(1e300), Number(1e-300), k_max=1e9, k_min=1e9, scale=1e-9) == 0.0


@settings(max_examples=60, deadline=None)
@given(right=sizes, near=st.floats(0, 2), far=st.floats(0, 2), sign=st.sampled_from([-1, 1]))
def test_every_reward_is_full_at_the_label_and_falls_with_the_error(
    right: float, near: float, far: float, sign: int
) -> None:
    near, far = sorted((near, far))
    for reward in (
        numbers.exact,
        numbers.within,
        numbers.snra,
        numbers.snra_sharp,
        numbers.linear,
        numbers.mra,
    ):
        full, first, second = (
            reward(said(right + sign * right * error, "m"), Number(right, "m")) for error in (0, near, far)
        )
        assert full == 1 >= first >= second >= 0
        assert reward(UNREAD, Number(right, "m")) == reward(said(right, "kg"), Number(right, "m")) == 0
        assert reward(said(right * 100, "cm"), Number(right, "m")) == pytest.approx(1)
        with pytest.raises(InputError, match="number"):
            reward(said(1.0), Label("cup"))


def test_the_linear_form_at_its_edges() -> None:
    assert [numbers.linear(said(n), Number(10.0), width=0.4) for n in (10, 10.1, 10.2, 10.4, 11)] == [
        1, 0.75, 0.5, 0, 0
    ]  # fmt: skip
    assert numbers.linear(said(9.0), Number(10.0), width=0.2, relative=True) == 0.5


# Digits of arXiv 2412.14171's rule, < and <=, worked out in fractions below as well.
@pytest.mark.parametrize(
    ("number", "strict", "inclusive"),
    [(10, 1, 1), (9, 0.8, 0.9), (11, 0.8, 0.9), (7.2, 0.5, 0.5), (12, 0.6, 0.7), (5, 0, 0.1), (15, 0, 0.1)],
)
def test_mean_relative_accuracy_at_its_edges(number: float, strict: float, inclusive: float) -> None:
    assert numbers.mean_relative_accuracy(number, 10) == strict
    assert numbers.mean_relative_accuracy(number, 10, inclusive=True) == inclusive


@settings(max_examples=60, deadline=None)
@given(said_cents=st.integers(-300, 3000), right_cents=st.integers(1, 2000), sign=st.sampled_from([-1, 1]))
def test_mean_relative_accuracy_is_that_of_fractions(said_cents: int, right_cents: int, sign: int) -> None:
    error = Fraction(abs(said_cents - right_cents), right_cents)
    thresholds = [Fraction(50 + 5 * i, 100) for i in range(10)]
    one, other = sign * said_cents / 100, sign * right_cents / 100
    strict = sum(error < 1 - theta for theta in thresholds) / 10
    assert numbers.mean_relative_accuracy(one, other) == strict
    inclusive = sum(error <= 1 - theta for theta in thresholds) / 10
    assert numbers.mean_relative_accuracy(one, other, inclusive=True) == inclusive


def test_a_label_of_zero_divides_nothing() -> None:
    for reward in (numbers.exact, numbers.within, numbers.mra):
        assert [reward(said(n), Number(0.0)) for n in (0.0, -0.0, 1.0)] == [1, 1, 0]
    assert numbers.snra_sharp(said(0.5), Number(0.0)) == 0.0
    assert 0.9 < numbers.snra(said(0.1), Number(0.0)) < 1


@pytest.mark.parametrize(
    ("answer", "gold", "equal"),
    [
        ("7", "7", 1), ("7.0", "7", 1), ("7.004", "7", 1), ("7.006", "7", 0), ("8", "7", 0), ("-0", "0", 1),
        ("7,000", "7000", 1), ("1,5", "15", 1), ("seven", "7", 0), ("7 m", "7", 0), ("7%", "7", 0),
        ("", "7", 0), ("nan", "7", 0), ("inf", "inf", 1), ("7", "seven", 0), ("1e1", "10", 1),
    ],
)  # fmt: skip
def test_onethinkers_numbers_are_equal_to_two_decimals(answer: str, gold: str, equal: float) -> None:
    assert onethinker_number.numerical_text(f"<think>a</think><answer> {answer} </answer>", gold) == equal


@pytest.mark.parametrize(
    ("answer", "gold", "value"),
    [
        ("20", "20", 1), ("18", "20", 0.9), ("19", "20", 1), ("16", "20", 0.6), ("24", "20", 0.6),
        ("30", "20", 0), ("10.02", "20", 0.1), ("-20", "20", 0), ("0", "0", 1), ("0.001", "0", 0),
        ("-16", "-20", 0.6), ("20 m", "20", 0), ("nan", "20", 0), ("inf", "20", 0), ("2,000", "2000", 1),
    ],
)  # fmt: skip
def test_onethinkers_regression_is_decided_by_single_precision(answer: str, gold: str, value: float) -> None:
    text = f"<think>a</think>\n<answer>{answer}</answer>"
    assert onethinker_number.regression_text(text, gold) == pytest.approx(value, abs=1e-6)
    term = onethinker_number.regression_term(Answer(text=text), Number(float(gold.replace(",", ""))))
    assert term == pytest.approx(0.9 * value, abs=1e-6)


def test_onethinkers_total_without_tags_and_with_two_answers() -> None:
    parts = (
        onethinker_number.numerical_term,
        onethinker_reading.format_term,
        onethinker_reading.structure_term,
    )

    def total(text: str) -> float:
        return sum(part(Answer(text=text), Number(4.0)) for part in parts)

    assert total("<think>a</think><answer>4</answer>") == pytest.approx(1.5)
    assert total("4") == pytest.approx(0.9)
    assert total("<think>a</think><answer>5</answer>") == pytest.approx(0.6)
    assert total("<think></think><answer>4</answer><answer>9</answer>") == pytest.approx(1.5)
    assert total("<answer>4</answer>") == pytest.approx(0.9) and total("") == 0


@pytest.mark.parametrize(
    ("number", "right", "vsi", "other"),
    [
        (4, 4, 1, 1), (3.6, 4, 0.9, 0.9), (2, 4, 0.1, 0.1), (6, 4, 0.1, 0.1), (3.4, 4, 0.8, 0.8),
        (0, 4, 0, 0), (-4, 4, 0, 0), (70, -4, 1, 0), (-4.7, -4, 1, 0.7), (0, 0, 0, 1), (1, 0, 0, 0),
    ],
)  # fmt: skip
def test_vsi_bench_divides_by_the_sign(number: float, right: float, vsi: float, other: float) -> None:
    assert vsi_bench.mra(number, right) == pytest.approx(vsi)
    assert vsi_bench.mra_of_vlmevalkit(number, right) == pytest.approx(other)


def test_vsi_bench_reads_the_first_word_and_raises_at_zero() -> None:
    scores = {
        "8": 1,
        "8.": 1,
        "8 or 9": 1,
        "8e0": 1,
        "7.2 m": 0.9,
        "It is 8": 0,
        "8,0": 0,
        "NaN": 0,
        "": 0,
        " 8": 0,
    }
    assert {text: vsi_bench.number_score(text, 8.0) for text in scores} == pytest.approx(scores)
    with pytest.raises(ZeroDivisionError):
        vsi_bench.number_score("0", 0.0)
    letters = {"C": 1, "c.": 1, "C. right": 1, "(C)": 0, "C, right": 0, "D": 0}
    assert {text: vsi_bench.choice_score(text, "C") for text in letters} == letters
    assert vsi_bench.number_term(Answer(text="<answer>8 m</answer>"), Number(8.0)) == 1


def test_thresholds_are_those_of_the_paper() -> None:
    assert np.allclose(sorted(1 - edge for edge in numbers.THRESHOLDS), np.linspace(0.5, 0.95, 10))
