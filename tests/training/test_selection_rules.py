"""The rules of ``data.select`` against closed forms, and draws against their expected numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.data.selection import Gaussian, PassRate, Results, Variance, systematic_draws


def of_rates(*rates):
    return [Results(rate, rate, math.sqrt(rate * (1 - rate))) for rate in rates]


def whys(rule, results, epoch=0):
    return [one.why for one in rule.weigh(results, epoch)]


def weights(rule, results, epoch=0):
    return [one.weight for one in rule.weigh(results, epoch)]


def test_pass_rate_drops_16_of_16_failures_and_from_15_right_on():
    rates = [right / 16 for right in range(17)]
    kept = [right for right, weight in enumerate(weights(PassRate(), of_rates(*rates))) if weight]
    assert kept == list(range(1, 15))
    assert PassRate().samples == 16


def test_gaussian_is_the_bell_around_three_tenths():
    at = [0.1, 0.3, 0.5, 0.8]
    found = np.array(weights(Gaussian(), of_rates(*at)))
    density = [math.exp(-((d - 0.3) ** 2) / (2 * 0.2**2)) for d in at]
    assert found / found.sum() == pytest.approx(np.array(density) / sum(density), abs=1e-12)
    assert found[0] / found[1] == pytest.approx(math.exp(-0.5)) and found[3] / found[1] == pytest.approx(
        math.exp(-3.125)
    )


def test_gaussian_drops_what_is_solved_after_the_first_epoch_and_what_is_never_right_from_the_start():
    at = of_rates(0.0, 0.01, 0.7, 0.7001, 1.0)
    assert [w > 0 for w in weights(Gaussian(), at, 0)] == [False, True, True, True, True]
    assert [w > 0 for w in weights(Gaussian(), at, 1)] == [False, True, True, False, False]
    assert whys(Gaussian(), at, 1) == ["never right", "kept", "kept", "solved", "solved"]


def test_variance_shares_hard_medium_and_easy_1_to_6_to_3_and_a_bucket_by_its_spreads():
    results = [
        Results(0.125, 0.2, 0.1),
        Results(0.2, 0.3, 0.3),
        Results(0.5, 0.5, 0.5),
        Results(0.625, 0.6, 0.25),
        Results(0.8, 0.8, 0.2),
        Results(0.0, 0.3, 0.2),
        Results(1.0, 1.0, 0.0),
    ]
    rule = Variance()
    assert whys(rule, results) == [
        "hard",
        "hard",
        "medium",
        "medium",
        "easy",
        "never right",
        "all answers alike",
    ]
    assert weights(rule, results) == pytest.approx([0.25, 0.75, 4.0, 2.0, 3.0, 0.0, 0.0])
    assert weights(Variance(alpha=0), results) == pytest.approx([0.5, 0.5, 3.0, 3.0, 3.0, 0.0, 0.0])
    assert weights(Variance(alpha=2), results)[:2] == pytest.approx([0.1, 0.9])


def test_variance_without_buckets_keeps_whatever_varies():
    results = [Results(0.0, 0.3, 0.2), Results(0.5, 0.5, 0.5), Results(1.0, 1.0, 0.0)]
    assert weights(Variance(shares=None), results) == [0.2, 0.5, 0.0]
    assert weights(Variance(shares=None, alpha=0), results) == [1.0, 1.0, 0.0]


@given(st.lists(st.sampled_from([0.0, 1 / 3, 0.1, 0.7]), min_size=1, max_size=16))
@settings(deadline=None, max_examples=50)
def test_equal_scores_have_no_spread_to_the_bit_and_others_have_the_population_s(scores):
    found = Results.of([(score >= 0.5, score) for score in scores]).spread
    if len(set(scores)) == 1:
        assert found == 0
    else:
        mean = math.fsum(scores) / len(scores)
        assert found == pytest.approx(math.sqrt(math.fsum((s - mean) ** 2 for s in scores) / len(scores)))


@given(
    st.lists(st.floats(0, 10, allow_subnormal=False), min_size=1, max_size=30).filter(
        lambda w: sum(w) > 1e-3
    ),
    st.integers(1, 60),
    st.integers(0, 2**20),
)
@settings(deadline=None, max_examples=100)
def test_every_run_of_neighbours_is_drawn_within_one_of_its_expected_number(given_weights, count, seed):
    found = systematic_draws(np.array(given_weights), count, np.random.default_rng(seed))
    assert len(found) == count and found == sorted(found)
    drawn = np.bincount(found, minlength=len(given_weights))
    expected = np.array(given_weights) / sum(given_weights) * count
    for start in range(len(expected)):
        for end in range(start + 1, len(expected) + 1):
            assert abs(drawn[start:end].sum() - expected[start:end].sum()) < 1 + 1e-6
    assert all(weight > 0 for weight, number in zip(given_weights, drawn, strict=True) if number)


def test_draws_have_no_bias():
    rng, wanted = np.random.default_rng(0), np.array([0.1, 0.2, 0.7])
    drawn = np.bincount([p for _ in range(4000) for p in systematic_draws(wanted, 2, rng)], minlength=3)
    assert drawn / 4000 == pytest.approx(2 * wanted, abs=0.03)


@pytest.mark.parametrize(
    ("rule", "changes", "named"),
    [
        (PassRate, {"lowest": 0.9, "highest": 0.5}, "lowest 0.9 is not below highest 0.5"),
        (Variance, {"hard": 0.8, "easy": 0.2}, "hard 0.8 is not below easy 0.2"),
        (Variance, {"shares": (0, 0, 0)}, "one must be above 0"),
    ],
)
def test_contradictions_are_refused(rule, changes, named):
    with pytest.raises(ValueError, match=named):
        rule(**changes)
