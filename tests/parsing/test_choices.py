"""Which choice an answer takes, in whichever words; and that two are none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.tasks.parsing.choices import read_choice, read_choices

OFFERED = {"A": "a red kite", "B": "a kite", "C": "two boats", "D": "no boat"}
BY_LETTER = (
    "{x}", "({x})", "[{x}]", "{x}.", "{x})", " {x}\n", "**{x}**", '"{x}"', "\\boxed{{{x}}}",
    "$\\boxed{{\\text{{{x}}}}}$", "Answer: {x}", "answer: ({x})", "Answer: **{x}**", "Final answer: {x}",
    "The answer is {x}.", "The correct option is ({x}).", "I choose {x}", "Option {x}",
    "The right choice would be {x}", "It shows water.\n\nAnswer: {x}", "{x} because it fits",
    "{x}, since the others are smaller", "The answer is {x}. Note that it is small.",
    "The answer is {x} because of the colour", "{x}\n\nThe others are smaller.", "{x}\nBecause it fits.",
    "My first answer is A, but no. Final answer: {x}",
)  # fmt: skip
WITH_TEXT = (
    "{t}", "{t}.", "**{t}**", "{x}. {t}", "({x}) {t}", "{x}: {t}", "{x}) {t}.", "{x} ({t})", "{x} - {t}",
    "The answer is {t}.", "The answer is {x}: {t}", "The correct answer is ({x}) {t}.",
)  # fmt: skip
letters = st.lists(st.sampled_from("ABCDEFGHIJ"), min_size=2, max_size=5, unique=True)


@settings(max_examples=60)
@given(letters, st.sampled_from(BY_LETTER), st.data())
def test_a_letter_is_read_from_whatever_is_around_it(offered, wrapper, data):
    chosen = data.draw(st.sampled_from(offered))
    choices = {letter: f"thing number {place}" for place, letter in enumerate(offered)}
    assert read_choice(wrapper.format(x=chosen), choices) == chosen


@pytest.mark.parametrize("wrapper", WITH_TEXT)
@pytest.mark.parametrize("letter", OFFERED)
def test_a_choice_is_read_with_its_text_or_by_it(letter, wrapper):
    assert read_choice(wrapper.format(x=letter, t=OFFERED[letter]), OFFERED) == letter


@pytest.mark.parametrize(
    "text",
    [
        "",
        "A or B",
        "A/B",
        "A, B",
        "(A) (B)",
        "A B C D",
        "A. B. C.",
        "Answer: A, B, C",
        "The answer is A or B.",
        "Both A and B are right",
        "B and C",
        "a kite or two boats",
        "F",
        "three boats",
        "Answer",
        "The answer is",
        "Because it looks so",
        "A kitchen can be seen",
        "The answer is a cat",
        "The answer is not B",
        "I considered (A), but it is incorrect.",
        "(A) a kite",
        "B: two boats",
        "It is hard to say.",
        "B" * 3_000,
    ],
)
def test_no_choice_or_several_are_none(text):
    assert read_choice(text, OFFERED) is None


@settings(max_examples=60)
@given(
    letters.map(sorted),
    st.permutations("ABCDEFGHIJ"),
    st.sampled_from([" ", ", ", " or ", "/", " and ", "\n"]),
)
def test_naming_all_letters_is_never_a_choice(offered, order, joined):
    choices = {letter: f"thing number {place}" for place, letter in enumerate(offered)}
    assert read_choice(joined.join(letter for letter in order if letter in offered), choices) is None


@settings(max_examples=100)
@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from([*BY_LETTER, "A", "B", " or ", "not "]), max_size=4).map("".join)
)
def test_whatever_is_written_is_one_of_the_choices_or_none(text):
    for lettered in (True, False):
        assert read_choice(text, OFFERED, lettered) in (None, *OFFERED)
    assert read_choice(text, {}) is None


def test_letters_need_not_begin_at_a_and_a_text_may_be_a_letter():
    offered = {"B": "B", "C": "A", "D": "C"}
    assert [read_choice("C", offered, shown) for shown in (True, False)] == ["C", "D"]
    assert [read_choice("D", offered, shown) for shown in (True, False)] == ["D", None]
    assert read_choice("2", {"A": "1", "B": "2"}) == "B" and read_choice("E", offered) is None


def test_a_unit_may_be_written_close_to_its_number():
    offered = {"A": "4 cm", "B": "12cm"}
    assert [read_choice(text, offered) for text in ("4cm", "12 cm", "14cm")] == ["A", "B", None]


def test_two_choices_of_one_text_differ_by_letter_alone():
    offered = {"A": "a cup", "B": "a cup"}
    assert read_choice("a cup", offered) is None and read_choice("B", offered) == "B"


def test_yes_is_not_found_in_other_words():
    offered = {"A": "Yes", "B": "No"}
    assert read_choice("Yes, there is a notice.", offered) == "A"
    assert read_choice("No, it is not.", offered) == "B"
    assert read_choice("The notice is unknown to me", offered) is None
    assert read_choice("Yes and no", offered) is None


@settings(max_examples=80)
@given(
    letters.map(sorted),
    st.sampled_from([", ", "; ", " and ", " & ", "\n", ",", " ", ", and "]),
    st.sampled_from(["{}", "({})", "{}.", "**{}**", "{}: {t}", "{t}"]),
    st.sampled_from(["{}", "[{}]", "Answer: {}", "The answers are {}", "It is cloudy.\nFinal answer: {}."]),
    st.data(),
)
def test_a_list_of_letters_is_the_set_of_them(offered, between, item, around, data):
    choices = {letter: f"thing number {place}" for place, letter in enumerate(offered)}
    taken = data.draw(st.lists(st.sampled_from(offered), min_size=2, max_size=4, unique=True))
    if between == " " and "t" in item:
        between = ", "
    listed = between.join(item.format(x, t=choices[x]) for x in taken)
    if between == "\n":
        around = "{}"
    assert read_choices(around.format(listed), choices) == tuple(x for x in offered if x in taken)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("AC", ("A", "C")),
        ("CA", None),
        ("BAD", None),
        ("B", ("B",)),
        ("a kite and two boats", ("B", "C")),
        ("a kite; B; a kite", ("B",)),
        ("A or C", None),
        ("A/C", None),
        ("A, B or C", None),
        ("A and not C", None),
        ("A, perhaps C", None),
        ("A, E", None),
        ("all of them", None),
        ("A, B, C, D", ("A", "B", "C", "D")),
        ("The answer is A. No: the answers are B and C.", ("B", "C")),
        ("", None),
        ("A, " * 900, None),
    ],
)
def test_what_is_no_plain_list_is_none(text, taken):
    assert read_choices(text, OFFERED) == taken
