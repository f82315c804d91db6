"""When two short answers say the same: both sides folded alike, once."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.tasks.parsing.short_answers import is_amount, is_right, plain_answer

WORDS = st.lists(
    st.sampled_from(["the", "A", "an", "Cat", "**7**", "(B)", "no", "3.0", "Answer:", "is", "."]), max_size=5
)


@settings(max_examples=150)
@given(st.text(max_size=25) | WORDS.map(" ".join))
def test_the_plain_form_of_a_plain_form_is_itself(text):
    plain = plain_answer(text)
    assert plain_answer(plain) == plain
    if plain:
        assert is_right(text, text) and is_right(plain, text) and is_right(text, plain)


@pytest.mark.parametrize(
    ("said", "right", "same"),
    [
        ("Green.", "green", True),
        ("the dog", "dog", True),
        ("THE BLUE DOOR", "blue door", True),
        ("**Main Street**", "main street", True),
        ("Answer: seven", "7", True),
        ("１２", "12", True),
        ("$1,250.00", "1250", True),
        ("1.8 m", "180 cm", True),
        ("25%", "0.25", True),
        ("25%", "25", False),
        ("7 or 8", "7", False),
        ("between 3 and 5", "4", False),
        ("not 7", "7", False),
        ("NaN", "7", False),
        ("17", "7", False),
        ("1,5", "15", False),
        ("none", "0", False),
        ("brown", "brow", False),
        ("brow", "brown", False),
        ("a green door", "green", False),
        ("", "green", False),
        (".", "green", False),
        ("Yes, there is a notice on the wall.", "yes", True),
        ("No. It is closed", "no", True),
        ("yes or no", "yes", False),
        ("Yes, and no.", "yes", False),
        ("nothing", "no", False),
        ("I think yes", "yes", False),
    ],
)
def test_an_answer_is_right_or_wrong(said, right, same):
    assert is_right(said, right) is same


@settings(max_examples=80)
@given(st.integers(1, 999), st.integers(1, 999), st.sampled_from([0.0, 0.05, 0.2]))
def test_a_tolerance_is_a_share_of_the_right_number(said, right, tolerance):
    inside = abs(Fraction(said) - right) <= Fraction(str(tolerance)) * right
    assert is_right(str(said), str(right), tolerance) is inside


def test_a_tolerance_is_not_for_years():
    assert not is_right("2008", "2010", 0.05) and is_right("2,008", "2,010", 0.05)
    assert is_right("2010", "2010", 0.05) and is_right("in 2010", "2010", 0.05)


def test_what_is_a_number_and_no_more():
    assert all(map(is_amount, ["3", "-1,200.5", "$7", "40 %", "2.5 km", "0"]))
    assert not any(map(is_amount, ["Route 66", "seven", "3 or 4", "A4", "", "12 July 1990"]))
