"""Tokens spent and the curve of value against them."""

from __future__ import annotations

import pytest
from drawing import named
from hypothesis import given
from hypothesis import strategies as st

from vrft.errors import InputError
from vrft.evaluation.token_cost import Asked, CurveRow, curve
from vrft.tasks.fusion import RULES, Candidate
from vrft.types import Answer


def drawn(labels: str, tokens: int = 3) -> tuple[Candidate, ...]:
    return tuple(Candidate(Answer(True, True, label=label), -1.0, tokens) for label in labels)


def share_of_a(answers) -> float:
    return sum(answer.label == "a" for answer in answers) / len(answers)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50)), min_size=1, max_size=9))
def test_every_prompt_is_paid_once_and_every_answer_by_itself(rows):
    prompts = (100, 80, 60)
    candidates = tuple(Candidate(Answer(True, True), None, tokens) for _, tokens in rows)
    asked = Asked(prompts, candidates, tuple(place for place, _ in rows))
    for n in range(len(rows) + 1):
        paid: set[int] = set()
        total = 0
        for place, tokens in rows[:n]:
            total += tokens + (0 if place in paid else prompts[place])
            paid.add(place)
        assert asked.spent(n) == total


def test_a_curve_by_hand():
    asked = [Asked((100,), drawn("abbb")), Asked((50,), drawn("baaa", tokens=5))]
    rows = curve(asked, RULES["vote"], share_of_a, sizes=(1, 2, 4))
    # n = 1: a, b. n = 2: ties, first met. n = 4: b, a.
    assert rows == [CurveRow(1, 79.0, 0.5), CurveRow(2, 83.0, 0.5), CurveRow(4, 91.0, 0.5)]
    assert curve(asked[1:], RULES["vote"], share_of_a, sizes=(1, 4))[1] == CurveRow(4, 70.0, 1.0)


@pytest.mark.parametrize("rule", ["vote", "best_logprob", "self_consistency"])
def test_one_answer_is_the_first_whatever_the_rule(rule):
    asked = [Asked((10,), (named("a", -9.0), named("b", -1.0), named("b", -1.0)))]
    one, three = curve(asked, RULES[rule], share_of_a, sizes=(1, 3))
    assert (one.value, three.value) == (1.0, 0.0)


def test_what_was_not_drawn_is_refused():
    asked = [Asked((10,), drawn("abba")), Asked((10,), drawn("ab"))]
    with pytest.raises(InputError, match=r"least 2 answers"):
        curve(asked, RULES["vote"], share_of_a, sizes=(1, 4))
    with pytest.raises(InputError, match="0 questions"):
        curve([], RULES["vote"], share_of_a)
    with pytest.raises(InputError, match="sizes 0"):
        curve(asked, RULES["vote"], share_of_a, sizes=(0,))


def test_an_answer_without_a_prompt_is_refused():
    for prompts, places in (((), ()), ((10,), (0, 1)), ((10, 20), (0,)), ((10,), (0, -1))):
        with pytest.raises(InputError, match="belong to the prompts"):
            Asked(prompts, drawn("ab"), places)
