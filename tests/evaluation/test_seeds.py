"""Seeds and images put together, against closed forms, simulations and scipy."""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted import detection, naming, namings, random_detections
from scipy import stats

from vrft.errors import InputError
from vrft.evaluation.seeds import permutation_p, seed_interval, seeds_bootstrap, seeds_difference
from vrft.evaluation.statistics import Interval, bootstrap, paired_bootstrap
from vrft.tasks.metrics import ACCURACY, AP, AP50
from vrft.types import Prediction


def width(seen: Interval) -> float:
    assert seen.low is not None and seen.high is not None
    return seen.high - seen.low


@given(st.lists(st.floats(0, 1), min_size=2, max_size=8).filter(lambda values: np.std(values) > 1e-6))
def test_the_interval_over_seeds_is_scipys(values: list[float]) -> None:
    seen = seed_interval(values)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (seen.low, seen.high) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-12)


def test_one_seed_says_nothing_about_seeds() -> None:
    assert seed_interval([0.3]) == Interval(0.3, None, None)
    assert seed_interval([]) == seed_interval([math.nan, 0.5]) == Interval(None, None, None)


def test_one_run_is_the_plain_bootstrap() -> None:
    first, second = namings([True] * 12 + [False] * 8), namings([True] * 9 + [False] * 11)
    assert seeds_bootstrap([first], ACCURACY, 200) == bootstrap(first, ACCURACY, 200)
    assert seeds_difference([first], [second], ACCURACY, 200) == paired_bootstrap(
        first, second, ACCURACY, 200
    )


def test_runs_that_agree_are_as_unsure_as_one() -> None:
    run = namings([i % 3 > 0 for i in range(60)])
    assert seeds_bootstrap([run] * 5, ACCURACY, 300).low == pytest.approx(bootstrap(run, ACCURACY, 300).low)


def test_the_variance_is_that_of_seeds_and_images_together() -> None:
    rng = np.random.default_rng(0)
    shares = [0.2, 0.4, 0.5, 0.6, 0.8, 0.35, 0.65, 0.5]
    runs = [namings(list(rng.random(400) < share)) for share in shares]
    values = [ACCURACY.value(run) for run in runs]
    seen = seeds_bootstrap(runs, ACCURACY, 2000)
    assert seen.value == pytest.approx(np.mean(values), abs=1e-12)
    of_seeds = np.std(values) ** 2 / len(runs)
    of_images = np.mean([v * (1 - v) for v in values]) / 400 / len(runs)
    expected = 2 * stats.norm.ppf(0.975) * math.sqrt(of_seeds + of_images)
    assert width(seen) == pytest.approx(expected, rel=0.1)


def test_a_difference_of_seeds_is_paired_by_images() -> None:
    hits = [i % 2 == 0 for i in range(100)]
    base = [namings(hits)]
    rft = [namings([h or i % 9 == seed for i, h in enumerate(hits)]) for seed in range(3)]
    seen = seeds_difference(rft, base, ACCURACY, 500)
    assert seen.value == pytest.approx(np.mean([ACCURACY.value(r) for r in rft]) - 0.5, abs=1e-12)
    assert seen.low is not None and seen.low > 0 and seen.p is not None and seen.p < 0.05
    back = seeds_difference(base, rft, ACCURACY, 500)
    assert back.value == pytest.approx(-seen.value)
    assert width(seen) < width(bootstrap(base[0], ACCURACY, 500)) / 2


def test_runs_of_other_questions_are_refused() -> None:
    with pytest.raises(InputError, match="system 1, run 2"):
        seeds_bootstrap([namings([True, False]), namings([True])], ACCURACY)
    with pytest.raises(InputError, match="no runs"):
        seeds_difference([namings([True])], [], ACCURACY)


def by_sign_flips(differences: Sequence[float]) -> float:
    seen = abs(sum(differences))
    flips = list(product([1, -1], repeat=len(differences)))
    sums = [abs(sum(s * d for s, d in zip(flip, differences, strict=True))) for flip in flips]
    return sum(total >= seen - 1e-9 for total in sums) / len(flips)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=7))
def test_for_a_mean_it_is_all_sign_flips(pairs: list[tuple[bool, bool]]) -> None:
    first, second = namings([a for a, _ in pairs]), namings([b for _, b in pairs])
    expected = by_sign_flips([float(a) - float(b) for a, b in pairs])
    assert permutation_p(first, second[::-1], ACCURACY) == pytest.approx(expected, abs=1e-12)


def test_as_scipy_has_it_with_random_permutations() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random(30) < 0.7, rng.random(30) < 0.5
    seen = permutation_p(namings(list(a)), namings(list(b)), ACCURACY, permutations=4000)
    # Sign flips of differences of which most are 0: the exact test is binomial (McNemar's).
    better, worse = int((a & ~b).sum()), int((b & ~a).sum())
    assert seen == pytest.approx(stats.binomtest(better, better + worse).pvalue, abs=0.03)


def test_the_answers_of_an_image_are_swapped_together() -> None:
    def answers(hits: Sequence[bool]) -> list[Prediction]:
        return [
            naming(f"{i // 4}", "cat", "cat" if hit else "dog", f"#{i % 4}") for i, hit in enumerate(hits)
        ]

    first, second = answers([True] * 12), answers([False] * 12)
    assert permutation_p(first, second, ACCURACY) == 2 / 2**3


def test_systems_that_do_the_same_have_p_one_and_swapping_them_changes_nothing() -> None:
    predictions = random_detections(np.random.default_rng(0), 5, 2)
    other = (
        random_detections(np.random.default_rng(0), 5, 2)[:-2]
        + [
            detection(j.example.record_id, j.example.question, j.example.target.xyxy_px, [])  # type: ignore[union-attr]
            for j in predictions[-2:]
        ]
    )
    ap = AP50
    assert permutation_p(predictions, predictions, ap) == 1.0
    assert permutation_p(predictions, other, ap) == permutation_p(other, predictions, ap)


def test_p_of_average_precision_is_that_of_all_mixtures() -> None:
    rng = np.random.default_rng(5)
    first = random_detections(rng, 4, 1)
    second = [detection(j.example.record_id, "c00", j.example.target.xyxy_px, []) for j in first]  # type: ignore[union-attr]
    ap = AP
    seen = abs(ap.value(first) - ap.value(second))
    beyond = [
        abs(
            ap.value([b if s else a for a, b, s in zip(first, second, swap, strict=True)])
            - ap.value([a if s else b for a, b, s in zip(first, second, swap, strict=True)])
        )
        >= seen - 1e-12
        for swap in product([False, True], repeat=4)
    ]
    assert permutation_p(first, second, ap) == pytest.approx(np.mean(beyond), abs=1e-12)


def test_random_permutations_never_give_nought_and_nothing_gives_none() -> None:
    first, second = namings([True] * 30), namings([False] * 30)
    assert permutation_p(first, second, ACCURACY, permutations=99) == 1 / 100
    assert permutation_p([], [], ACCURACY) is None
    with pytest.raises(InputError, match="at least 1"):
        permutation_p(first, second, ACCURACY, permutations=0)
