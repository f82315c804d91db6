"""Shaping of length and repetition."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrft.rewards.shaping import length_cosine, length_soft_overlong, no_repetition
from vrft.tasks.task import load_task, task_names
from vrft.types import Answer, BoxesTarget, ClassTarget

ROSE = ClassTarget("rose")
BOX = (0.0, 0.0, 10.0, 10.0)


def said(label: str = "rose", text: str = "", n: int | None = None) -> Answer:
    return Answer(True, True, label=label, text=text, n_tokens=n)


def test_every_task_offers_the_shaping_terms():
    for name in task_names():
        assert {"length_cosine", "length_soft_overlong", "no_repetition"} <= set(load_task(name).terms)


@pytest.mark.parametrize("term", [length_cosine, length_soft_overlong, no_repetition])
def test_an_unread_answer_earns_nothing_for_being_short(term):
    assert term(Answer(False, False), ROSE) == 0.0
    assert term(said(), ROSE) > 0.0


@pytest.mark.parametrize("term", [length_cosine, length_soft_overlong])
def test_length_is_in_tokens_or_else_in_words(term):
    options = {"longest": 10}
    three_words = term(said(text=" a  b\nc "), ROSE, **options)
    assert three_words == term(said(n=3), ROSE, **options) == term(said(text="a " * 9, n=3), ROSE, **options)
    assert three_words != term(said(n=9), ROSE, **options)


@pytest.mark.parametrize(
    ("n", "right", "pays"),
    [(0, True, 1.0), (512, True, 1.25 / 1.5), (1024, True, 1 / 1.5), (9999, True, 1 / 1.5),
     (0, False, 0.0), (512, False, 0.25 / 1.5), (1024, False, 0.5 / 1.5), (9999, False, 0.5 / 1.5)],
)  # fmt: skip
def test_the_cosine_in_the_unit_interval(n, right, pays):
    assert length_cosine(said("rose" if right else "tulip", n=n), ROSE) == pytest.approx(pays, abs=1e-12)


def test_a_right_short_answer_earns_more_and_a_wrong_short_one_less():
    for label, sign in (("rose", -1), ("tulip", 1)):
        pays = [length_cosine(said(label, n=n), ROSE) for n in range(0, 1025, 64)]
        assert all(sign * (b - a) > 0 for a, b in itertools.pairwise(pays))
    assert length_cosine(said("rose", n=5000), ROSE) > length_cosine(said("tulip", n=5000), ROSE)


@pytest.mark.parametrize(("share", "right"), [(0.69, False), (0.71, True)])
def test_boxes_are_right_from_a_mean_iou_of_seven_tenths(share, right):
    answer = Answer(True, True, ((0.0, 0.0, 10.0, 10 * share),), (1.0,), n_tokens=1024)
    pays = length_cosine(answer, BoxesTarget((BOX,)))
    assert pays == pytest.approx(1 / 1.5 if right else 0.5 / 1.5)
    assert length_cosine(answer, BoxesTarget((BOX,)), right_from=share - 0.01) == pytest.approx(1 / 1.5)


def dapo(n: int, longest: int, buffer: int) -> float:
    """The penalty as the paper writes it, in [-1, 0]."""
    if n <= longest - buffer:
        return 0.0
    return ((longest - buffer) - n) / buffer if n <= longest else -1.0


@given(st.integers(0, 400), st.integers(1, 300), st.integers(0, 200))
def test_the_overlong_punishment_is_dapos_plus_one(n, longest, buffer):
    pays = length_soft_overlong(said(n=n), ROSE, longest=longest, buffer=buffer)
    assert pays == pytest.approx(1 + dapo(n, longest, buffer) if buffer or n > longest else 1.0)


def test_the_overlong_punishment_has_no_jump():
    pays = [length_soft_overlong(said(n=n), ROSE) for n in range(150, 300)]
    assert max(a - b for a, b in itertools.pairwise(pays)) == pytest.approx(1 / 64)
    assert (pays[192 - 150], pays[193 - 150]) == (1.0, pytest.approx(63 / 64))


@pytest.mark.parametrize(
    ("text", "n", "pays"),
    [
        ("a b c d", 2, 1.0),
        ("a b a b a", 2, 2 / 4),
        ("A a A a", 1, 1 / 4),
        ("no no no", 4, 1.0),  # too short to repeat anything
        ("", 1, 1.0),
        ("x " * 1000, 6, 1 / 995),
    ],
)
def test_the_share_of_different_n_grams(text, n, pays):
    assert no_repetition(said(text=text), ROSE, n=n) == pytest.approx(pays)


def test_the_cosine_is_a_cosine():
    pays = [length_cosine(said(n=n), ROSE, longest=100) for n in (0, 25, 50, 75, 100)]
    half = [(1 - math.cos(math.pi * q / 4)) / 2 for q in range(5)]
    assert [(pays[0] - p) / (pays[0] - pays[4]) for p in pays] == pytest.approx(half, abs=1e-12)
