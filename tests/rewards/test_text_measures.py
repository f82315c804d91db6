"""Edit distance, ANLS and shared words against recursion, brute force and identities."""

from __future__ import annotations

import math
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.rewards.text_measures import anls, edit_distance, edit_similarity, error_rate, word_f1, words_of
from vrft.types.names import plain_text

short = st.text("abc é", max_size=7)


def by_definition(one, other):
    @cache
    def distance(i, j):
        if not i or not j:
            return i + j
        return min(
            distance(i - 1, j) + 1,
            distance(i, j - 1) + 1,
            distance(i - 1, j - 1) + (one[i - 1] != other[j - 1]),
        )

    return distance(len(one), len(other))


@settings(max_examples=150)
@given(short, short)
def test_the_edit_distance_is_that_of_its_definition(one, other):
    assert edit_distance(one, other) == by_definition(one, other) == edit_distance(other, one)
    assert 0 <= edit_similarity(one, other) <= 1
    assert edit_distance(list(one), list(other)) == edit_distance(one, other)


@settings(max_examples=60)
@given(short, short, short)
def test_a_detour_is_never_shorter(one, other, third):
    assert edit_distance(one, third) <= edit_distance(one, other) + edit_distance(other, third)


@pytest.mark.parametrize(
    ("said", "right", "value"),
    [
        ("harbor", ["harbour"], 6 / 7),
        ("abcd", ["abxx"], 0),
        ("abcde", ["abcxx"], 0.6),
        ("abx", ["zzz", "abc"], 2 / 3),
        ("", ["a"], 0),
        ("a very long sentence about nothing", ["no"], 0),
        ("x", [], 0),
    ],
)
def test_anls_is_the_best_similarity_above_one_half(said, right, value):
    assert anls(said, right) == pytest.approx(value)


@settings(max_examples=60)
@given(st.lists(st.sampled_from("abc"), max_size=5), st.lists(st.sampled_from("abc"), max_size=5))
def test_shared_words_count_as_often_as_they_are_in_both(said, right):
    left, shared = list(right), 0
    for word in said:
        if word in left:
            left.remove(word)
            shared += 1
    if said or right:
        precision, recall = shared / max(len(said), 1), shared / max(len(right), 1)
        harmonic = 2 * precision * recall / (precision + recall) if shared else 0.0
        assert word_f1(said, right) == pytest.approx(harmonic)
    else:
        assert word_f1(said, right) == 1


def test_an_error_rate_may_pass_one_and_has_no_value_for_nothing():
    assert error_rate("1234567", "ab") == 3.5 and error_rate("", "ab") == 1 and error_rate("", "") == 0
    assert math.isnan(error_rate("ab", ""))
    assert error_rate(["the", "red", "bus"], ["a", "red", "bus"]) == pytest.approx(1 / 3)


def test_words_of_scripts_without_blanks_are_their_signs():
    assert words_of("第3出口 EXIT") == ["第", "3", "出", "口", "EXIT"] and words_of(" \n") == []


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("Ｎo. ４２", "No. 42", 0),
        ("two\n lines", "two lines", 0),
        ("cafe\u0301", "caf\u00e9", 0),
        ("ﬂag oﬃce", "flag office", 0),
        ("x²", "x2", 1),
        ("③", "3", 1),
        ("ſet", "set", 1),
        ("naïve", "naive", 1),
        ("Exit", "exit", 1),
    ],
)
def test_typing_is_folded_and_content_is_not(one, other, apart):
    assert edit_distance(plain_text(one), plain_text(other)) == apart
    assert plain_text(plain_text(one)) == plain_text(one)
    assert plain_text("Exit", ignore_case=True) == plain_text("EXIT", ignore_case=True)


def test_long_texts_take_no_time_that_shows():
    one = "word " * 400
    assert edit_distance(one, one[:-5] + "sword") == 2 and edit_distance("x" + one, one + "y") == 2
