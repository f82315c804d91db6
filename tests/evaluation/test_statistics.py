"""Intervals against closed forms, and laws of the paired bootstrap."""

import math
import random
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted import detection, naming, namings

from vrft.errors import InputError
from vrft.evaluation.statistics import (
    bootstrap,
    difference,
    drawn_values,
    image_draws,
    interval,
    needed_images,
    paired_bootstrap,
    same_questions,
)
from vrft.tasks.metrics import ACCURACY, AP

A = (0.0, 0.0, 10.0, 10.0)


@pytest.mark.parametrize(("hits", "n"), [(200, 400), (40, 400), (30, 100)])
def test_the_interval_of_a_share_is_near_the_normal_one(hits: int, n: int) -> None:
    share = hits / n
    half_width = NormalDist().inv_cdf(0.975) * math.sqrt(share * (1 - share) / n)
    seen = bootstrap(namings([i < hits for i in range(n)]), ACCURACY, resamples=2000, seed=1)
    assert seen.value == share
    assert seen.low == pytest.approx(share - half_width, abs=0.15 * half_width)
    assert seen.high == pytest.approx(share + half_width, abs=0.15 * half_width)


def test_the_interval_covers_the_truth_about_95_times_in_100() -> None:
    rng = np.random.default_rng(5)
    trials, covered = 200, 0
    for trial in range(trials):
        seen = bootstrap(namings(list(rng.random(80) < 0.6)), ACCURACY, resamples=300, seed=trial)
        assert seen.low is not None and seen.high is not None
        covered += seen.low <= 0.6 <= seen.high
    assert 0.89 <= covered / trials <= 0.99


def test_images_are_drawn_not_questions() -> None:
    n, a_image = 60, 9
    predictions = [
        naming(f"{i:03d}", "cat", "cat" if i % 2 else "dog", f"#{q}")
        for i in range(n)
        for q in range(a_image)
    ]
    seen = bootstrap(predictions, ACCURACY, seed=2)
    assert seen.low is not None and seen.high is not None
    half_width = NormalDist().inv_cdf(0.975) * 0.5 / math.sqrt(n)
    assert (seen.high - seen.low) / 2 == pytest.approx(half_width, rel=0.15)


@given(st.lists(st.sampled_from("abcde"), max_size=12), st.integers(1, 5), st.integers(0, 99))
def test_a_draw_holds_whole_images_as_many_as_there_are(ids: list[str], resamples: int, seed: int) -> None:
    draws = image_draws(ids, resamples, seed)
    assert len(draws) == (resamples if len(set(ids)) > 1 else 0)
    for draw in draws:
        times = {
            image: {int((draw == i).sum()) for i, p in enumerate(ids) if p == image} for image in set(ids)
        }
        assert all(len(counts) == 1 for counts in times.values())
        assert sum(counts.pop() for counts in times.values()) == len(set(ids))


def test_draws_repeat_by_seed_only() -> None:
    ids = [str(i) for i in range(20)]
    first, repeated, other = (np.concatenate(image_draws(ids, 5, seed)) for seed in (1, 1, 2))
    assert (first == repeated).all() and (first != other).any()


def test_the_same_images_are_drawn_in_whatever_order_questions_come() -> None:
    ids = [*"dacbeedcab"]
    for draw, turned in zip(image_draws(ids, 5), image_draws(ids[::-1], 5), strict=True):
        assert sorted(ids[i] for i in draw) == sorted(ids[::-1][i] for i in turned)


def test_no_draws_are_refused() -> None:
    with pytest.raises(InputError, match="at least 1"):
        image_draws(["a", "b"], resamples=0)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.booleans(), min_size=2, max_size=15), st.integers(0, 9))
def test_identical_systems_differ_by_exactly_nothing(hits: list[bool], seed: int) -> None:
    seen = paired_bootstrap(namings(hits), namings(hits), ACCURACY, 50, seed)
    assert (seen.value, seen.low, seen.high, seen.p) == (0.0, 0.0, 0.0, 1.0)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=15), st.integers(0, 9))
def test_swapping_the_systems_flips_the_difference(pairs: list[tuple[bool, bool]], seed: int) -> None:
    first, second = namings([a for a, _ in pairs]), namings([b for _, b in pairs])
    there, back = (paired_bootstrap(a, b, ACCURACY, 50, seed) for a, b in ((first, second), (second, first)))
    assert there.value == -back.value  # type: ignore[operator]
    assert there.low == pytest.approx(-back.high, abs=1e-12)  # type: ignore[operator]
    assert there.p == back.p


def test_the_order_of_questions_changes_nothing() -> None:
    rng = random.Random(0)
    first, second = (
        [naming(f"{i // 2}", "cat", rng.choice(["cat", "dog"]), f"#{i}") for i in range(30)] for _ in "ab"
    )
    expected = paired_bootstrap(first, second, ACCURACY, 200)
    first_again, second_again = (rng.sample(predictions, len(predictions)) for predictions in (first, second))
    assert paired_bootstrap(first_again, second_again, ACCURACY, 200) == expected
    assert bootstrap(first_again, ACCURACY, 200) == bootstrap(first, ACCURACY, 200)


def test_pairing_narrows_the_interval_of_systems_that_agree() -> None:
    first = namings([i % 2 == 0 for i in range(100)])
    second = namings([i % 2 == 0 or i < 10 for i in range(100)])
    seen = paired_bootstrap(second, first, ACCURACY)
    assert seen.low is not None and seen.high is not None and seen.p is not None
    alone = bootstrap(first, ACCURACY)
    assert alone.low is not None and alone.high is not None
    assert seen.high - seen.low < (alone.high - alone.low) / 2
    assert seen.low > 0 and seen.p < 0.05


def test_p_counts_draws_beyond_zero_and_one_more() -> None:
    values = np.array([0.1, 0.2, 0.3, -0.1] + [0.4] * 15)
    assert difference((0.3, values), (0.0, np.zeros(19))).p == 2 * (1 + 1) / (19 + 1)
    assert difference((0.3, np.full(19, 0.3)), (0.0, np.zeros(19))).p == 2 / 20


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_images_have_no_interval(n: int) -> None:
    predictions = namings([True] * n)
    seen, apart = bootstrap(predictions, ACCURACY), paired_bootstrap(predictions, predictions, ACCURACY)
    assert (seen.value, seen.low, seen.high) == (1.0 if n else None, None, None)
    assert (apart.value, apart.low, apart.high, apart.p) == (0.0 if n else None, None, None, None)


def test_draws_with_nothing_to_measure_are_left_out() -> None:
    predictions = [detection("p", "cat", [A], [(A, 1.0)]), detection("q", "cat", [], [])]
    seen = bootstrap(predictions, AP, resamples=100)
    assert (seen.value, seen.low, seen.high) == pytest.approx((1.0, 1.0, 1.0), abs=1e-12)
    assert interval(math.nan, np.full(5, math.nan)).low is None


def test_an_interval_holds_its_value() -> None:
    seen = interval(0.2, np.linspace(0.3, 0.4, 41))
    assert seen.low == 0.2
    assert seen.high == pytest.approx(0.3975)


def test_parsed_only_leaves_out_unreadable_answers_after_drawing() -> None:
    predictions = [naming("1", "cat", "cat"), naming("2", "cat", None), naming("3", "cat", "dog")]
    value, values = drawn_values(
        predictions, ACCURACY, [np.array([0, 1, 1]), np.array([0, 2, 2]), np.array([1, 1, 1])], True
    )
    assert value == 0.5
    assert values[0] == 1.0 and values[1] == pytest.approx(1 / 3) and math.isnan(values[2])


@pytest.mark.parametrize("change", ["lost", "relabeled", "moved"])
def test_different_questions_are_refused(change: str) -> None:
    first = [naming("1", "cat", "cat"), naming("2", "cat", "cat")]
    other = {"lost": [first[0]], "relabeled": [first[0], naming("2", "dog", "cat")], "moved": None}[change]
    if other is None:
        other = [first[0], naming("", "cat", "cat", "2")]
    with pytest.raises(InputError, match="question"):
        paired_bootstrap(first, other, ACCURACY)


def test_a_question_answered_twice_is_refused() -> None:
    with pytest.raises(InputError, match="'1' twice"):
        bootstrap([naming("1", "cat", "cat")] * 2, ACCURACY)


def test_systems_come_back_in_one_order() -> None:
    answers = namings([True, False, True])
    found = same_questions({"a": answers[::-1], "b": answers})
    assert found == {"a": answers, "b": answers}
    assert same_questions({}) == {}


@pytest.mark.parametrize(
    ("diff", "low", "high", "needed"),
    [
        (0.1, -0.1, 0.3, 80),
        (-0.1, -0.3, 0.1, 80),
        (0.1, 0.0, 0.2, 20),
        (0.2, 0.1, 0.3, 5),
        (0.1, -0.1, 0.9, 80),
        (0.0, -0.1, 0.1, None),
    ],
)
def test_needed_images(diff: float, low: float, high: float, needed: int | None) -> None:
    assert needed_images(diff, low, high, 20) == needed


def test_with_the_needed_images_the_interval_just_leaves_zero() -> None:
    share_a, share_b, n = 0.55, 0.45, 20
    spread = NormalDist().inv_cdf(0.975) * math.sqrt(2 * 0.25)
    half_width = spread / math.sqrt(n)
    needed = needed_images(share_a - share_b, 0.1 - half_width, 0.1 + half_width, n)
    assert needed is not None
    assert spread / math.sqrt(needed) <= 0.1 < spread / math.sqrt(needed - 1)
