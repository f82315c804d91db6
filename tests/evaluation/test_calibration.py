"""Calibration against scikit-learn, and against detectors that are well calibrated by making."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from predicted import detection, naming, random_detections
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from vrft.errors import InputError
from vrft.tasks.detection.calibration import calibration, confidences_and_hits, reliability_chart, together
from vrft.tasks.metrics.average_precision import match_questions

A, B, AWAY = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 80.0, 90.0), (20.0, 60.0, 30.0, 70.0)
PAIRS = st.lists(
    st.tuples(st.one_of(st.sampled_from([i / 20 for i in range(21)]), st.floats(0, 1)), st.booleans()),
    min_size=1,
    max_size=30,
)


@given(PAIRS, st.sampled_from([1, 4, 10, 20]))
def test_as_scikit_learn_has_it(pairs: list[tuple[float, bool]], bins: int) -> None:
    confidences, hits = np.array([c for c, _ in pairs]), np.array([h for _, h in pairs])
    found = calibration(confidences, hits, bins)
    shares, means = calibration_curve(hits, confidences, n_bins=bins, strategy="uniform")
    filled = [b for b in found.bins if b.n]
    assert [b.hit_share for b in filled] == pytest.approx(list(shares), abs=1e-12)
    assert [b.confidence for b in filled] == pytest.approx(list(means), abs=1e-12)
    assert found.brier == pytest.approx(brier_score_loss(hits, confidences, pos_label=True), abs=1e-12)
    assert sum(b.n for b in found.bins) == found.n == len(pairs)
    assert len(found.bins) == bins
    assert found.ece == pytest.approx(
        sum(b.n * abs(b.hit_share - b.confidence) for b in filled) / len(pairs), abs=1e-12
    )


def test_the_edges_belong_to_the_bin_below_and_nought_to_the_first() -> None:
    found = calibration(np.array([0.0, 0.1, 0.3, 0.7, 1.0]), np.ones(5))
    assert [b.n for b in found.bins] == [2, 0, 1, 0, 0, 0, 1, 0, 0, 1]
    assert math.isnan(found.bins[1].confidence) and math.isnan(found.bins[1].hit_share)


def test_closed_forms() -> None:
    sure, half = np.ones(4), np.full(4, 0.5)
    hits = np.array([1, 1, 0, 0])
    assert calibration(sure, hits).ece == calibration(sure, hits).brier == 0.5
    assert (calibration(half, hits).ece, calibration(half, hits).brier) == (0.0, 0.25)


def test_a_detector_that_knows_its_share_of_hits_has_a_small_error() -> None:
    rng = np.random.default_rng(0)
    confidences = rng.random(20_000)
    honest, proud = rng.random(20_000) < confidences, rng.random(20_000) < confidences**2
    assert calibration(confidences, honest).ece < 0.02
    # The mean of c - c^2 over [0, 1] is 1/6, and so is the mean of c (1 - c), the honest one's Brier score.
    assert calibration(confidences, proud).ece == pytest.approx(1 / 6, abs=0.02)
    assert calibration(confidences, honest).brier == pytest.approx(1 / 6, abs=0.01)


def test_boxes_take_labels_one_to_one_the_most_confident_first() -> None:
    predictions = [
        detection("1", "x", [A, B], [(A, 0.2), (A, 0.9), (AWAY, 0.6), (B, 0.5)]),
        detection("2", "x", [], [(A, 0.4)]),
        detection("3", "x", [A], None),
    ]
    confidences, hits = confidences_and_hits(predictions)
    assert confidences.tolist() == [0.2, 0.9, 0.6, 0.5, 0.4]
    assert hits.tolist() == [False, True, False, True, False]


@pytest.mark.parametrize("seed", range(3))
def test_as_many_hits_as_coco_counts(seed: int) -> None:
    predictions = random_detections(np.random.default_rng(seed), 15, 2, coarse_scores=False)
    _, hits = confidences_and_hits(predictions, tau=0.4999999)
    assert hits.sum() == match_questions(predictions).hit_DT[:, 0].sum() > 0


def test_nothing_is_nan_and_nonsense_is_refused() -> None:
    nothing = calibration(*confidences_and_hits([]))
    assert nothing.n == 0 and math.isnan(nothing.ece) and math.isnan(nothing.brier)
    for confidences, bins in (([1.5], 10), ([math.nan], 10), ([0.5], 0), ([0.5, 0.5], 10)):
        with pytest.raises(InputError):
            calibration(np.array(confidences), np.array([True]), bins)
    with pytest.raises(InputError, match="'p'"):
        confidences_and_hits([naming("p", "cat", "cat")])


def test_sets_of_boxes_put_together_are_calibrated_as_one() -> None:
    rng = np.random.default_rng(1)
    sets = [(rng.random(n), rng.random(n) < 0.4) for n in (3, 0, 50)]
    whole = calibration(*(np.concatenate(part) for part in zip(*sets, strict=True)))
    pooled = together([calibration(*one) for one in sets])
    assert pooled.n == whole.n
    assert (pooled.ece, pooled.brier) == pytest.approx((whole.ece, whole.brier))
    for one, other in zip(pooled.bins, whole.bins, strict=True):
        assert (one.low, one.high, one.n) == (other.low, other.high, other.n)
        assert (one.confidence, one.hit_share) == pytest.approx(
            (other.confidence, other.hit_share), nan_ok=True
        )
    for unlike in ([], [calibration(np.array([0.5]), np.array([True]), bins) for bins in (5, 10)]):
        with pytest.raises(InputError, match="same bins"):
            together(unlike)


@given(st.integers(1, 40), st.integers(0, 40))
def test_whiskers_are_scipys_wilson_intervals(n: int, hits: int) -> None:
    hits = min(hits, n)
    found = calibration(np.full(n, 0.7), np.arange(n) < hits)
    expected = binomtest(hits, n).proportion_ci(method="wilson")
    (whisker,) = reliability_chart(found).curves[1].spread
    assert whisker == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert reliability_chart(calibration(np.array([]), np.array([]))).curves == ()
