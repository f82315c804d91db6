"""Rewards of length and repetition."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reward_answers import UNREAD, boxes_answer, label_answer

from vrft.rewards.box_rewards import iou_dense
from vrft.rewards.label_rewards import accuracy
from vrft.rewards.text_rewards import length_cosine_by, length_soft_overlong, no_repetition
from vrft.tasks.registry import load_task
from vrft.types import Answer, Boxes, Label

ROSE = Label("rose")
BOX = (0.0, 0.0, 10.0, 10.0)
length_cosine = length_cosine_by(accuracy)


def said(label: str = "rose", text: str = "", n: int | None = None) -> Answer:
    return label_answer(label, text=text, n_tokens=n)


def test_every_task_of_the_paper_offers_the_shaping_terms():
    for name in ("detection", "classification", "grounding"):
        assert {"length_cosine", "length_soft_overlong", "no_repetition"} <= set(load_task(name).terms)


@pytest.mark.parametrize("term", [length_cosine, length_soft_overlong, no_repetition])
def test_an_unread_answer_has_no_reward_for_being_short(term):
    assert term(UNREAD, ROSE) == 0.0
    assert term(said(), ROSE) > 0.0


@pytest.mark.parametrize("term", [length_cosine, length_soft_overlong])
def test_length_is_in_tokens_or_else_in_words(term):
    options = {"longest": 10}
    three_words = term(said(text=" a  b\nc "), ROSE, **options)
    assert three_words == term(said(n=3), ROSE, **options) == term(said(text="a " * 9, n=3), ROSE, **options)
    assert three_words != term(said(n=9), ROSE, **options)


@pytest.mark.parametrize(
    ("n", "right", "rewards"),
    [(0, True, 1.0), (512, True, 1.25 / 1.5), (1024, True, 1 / 1.5), (9999, True, 1 / 1.5),
     (0, False, 0.0), (512, False, 0.25 / 1.5), (1024, False, 0.5 / 1.5), (9999, False, 0.5 / 1.5)],
)  # fmt: skip
def test_the_cosine_in_the_unit_interval(n, right, rewards):
    assert length_cosine(said("rose" if right else "tulip", n=n), ROSE) == pytest.approx(rewards, abs=1e-12)


def test_a_right_short_answer_has_more_and_a_wrong_short_one_less():
    for label, sign in (("rose", -1), ("tulip", 1)):
        rewards = [length_cosine(said(label, n=n), ROSE) for n in range(0, 1025, 64)]
        assert all(sign * (b - a) > 0 for a, b in itertools.pairwise(rewards))
    assert length_cosine(said("rose", n=5000), ROSE) > length_cosine(said("tulip", n=5000), ROSE)


@pytest.mark.parametrize(("share", "right"), [(0.69, False), (0.71, True)])
def test_boxes_are_right_from_a_mean_iou_of_seven_tenths(share, right):
    answer = boxes_answer([(0.0, 0.0, 10.0, 10 * share)], n_tokens=1024)
    of_boxes = length_cosine_by(iou_dense)
    rewards = of_boxes(answer, Boxes((BOX,)))
    assert rewards == pytest.approx(1 / 1.5 if right else 0.5 / 1.5)
    assert of_boxes(answer, Boxes((BOX,)), right_from=share - 0.01) == pytest.approx(1 / 1.5)


def dapo(n: int, longest: int, buffer: int) -> float:
    """The penalty as the paper writes it, in [-1, 0]."""
    if n <= longest - buffer:
        return 0.0
    return ((longest - buffer) - n) / buffer if n <= longest else -1.0


@given(st.integers(0, 400), st.integers(1, 300), st.integers(0, 200))
def test_the_overlong_punishment_is_dapos_plus_one(n, longest, buffer):
    rewards = length_soft_overlong(said(n=n), ROSE, longest=longest, buffer=buffer)
    assert rewards == pytest.approx(1 + dapo(n, longest, buffer) if buffer or n > longest else 1.0)


def test_the_overlong_punishment_has_no_jump():
    rewards = [length_soft_overlong(said(n=n), ROSE) for n in range(150, 300)]
    assert max(a - b for a, b in itertools.pairwise(rewards)) == pytest.approx(1 / 64)
    assert (rewards[192 - 150], rewards[193 - 150]) == (1.0, pytest.approx(63 / 64))


@pytest.mark.parametrize(
    ("text", "n", "rewards"),
    [
        ("a b c d", 2, 1.0),
        ("a b a b a", 2, 2 / 4),
        ("A a A a", 1, 1 / 4),
        ("no no no", 4, 1.0),  # too short to repeat anything
        ("", 1, 1.0),
        ("x " * 1000, 6, 1 / 995),
    ],
)
def test_the_share_of_different_n_grams(text, n, rewards):
    assert no_repetition(said(text=text), ROSE, n=n) == pytest.approx(rewards)


def test_the_cosine_is_a_cosine():
    rewards = [length_cosine(said(n=n), ROSE, longest=100) for n in (0, 25, 50, 75, 100)]
    half = [(1 - math.cos(math.pi * q / 4)) / 2 for q in range(5)]
    assert [(rewards[0] - p) / (rewards[0] - rewards[4]) for p in rewards] == pytest.approx(half, abs=1e-12)
