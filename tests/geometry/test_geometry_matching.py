"""Matching against implementations by sets, loops and brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vrft.errors import InputError
from vrft.geometry.matching import MATCHERS, greedy_ious, hungarian_ious, load_matcher


def by_hand(ious: list[list[float]], confidences: list[float], tau: float) -> list[float]:
    result = [0.0] * len(ious)
    taken: set[int] = set()
    for row in sorted(range(len(ious)), key=lambda r: (-confidences[r], r)):
        free = [(iou, -column) for column, iou in enumerate(ious[row]) if column not in taken]
        if free and max(free)[0] > tau:
            iou, minus_column = max(free)
            result[row] = iou
            taken.add(-minus_column)
    return result


levels = st.sampled_from([0.0, 0.3, 0.5, 0.51, 0.7, 0.9, 1.0])


@settings(deadline=None)
@given(st.data())
def test_small_cases_as_by_hand(data):
    rows, columns = data.draw(st.integers(0, 4)), data.draw(st.integers(0, 4))
    ious = data.draw(arrays(float, (rows, columns), elements=levels))
    confidences = data.draw(arrays(float, rows, elements=levels))
    assert greedy_ious(ious.tolist(), confidences.tolist()) == by_hand(
        ious.tolist(), confidences.tolist(), 0.5
    )


@settings(deadline=None)
@given(st.data())
def test_a_label_is_matched_once(data):
    rows, columns = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 3))
    ious = data.draw(arrays(float, (rows, columns), elements=st.floats(0.6, 1)))
    matched = greedy_ious(ious.tolist(), (np.arange(rows) / rows).tolist())
    assert np.count_nonzero(matched) == min(rows, columns)


def test_confidence_has_the_first_choice_even_where_it_fits_worse():
    assert greedy_ious([[0.6], [0.9]], [0.2, 0.9]) == [0.0, 0.9]
    assert greedy_ious([[0.6], [0.9]], [0.9, 0.2]) == [0.6, 0.0]


@pytest.mark.parametrize(("iou", "counts"), [(0.49, 0.0), (0.5, 0.0), (0.5000001, 0.5000001)])
def test_the_threshold_itself_does_not_count(iou, counts):
    assert greedy_ious([[iou]], [1.0]) == [counts]


def test_equal_confidences_keep_their_written_order():
    assert greedy_ious([[0.6], [0.9]], [0.5, 0.5]) == [0.6, 0.0]
    many = greedy_ious([[0.9]] * 200, [0.5, 0.7] * 100)
    assert np.nonzero(many)[0].tolist() == [1]


def best_of_all(ious: np.ndarray) -> float:
    """Greatest sum of any one-to-one assignment."""
    wide = ious if ious.shape[0] <= ious.shape[1] else ious.T
    columns = itertools.permutations(range(wide.shape[1]), wide.shape[0])
    return max(sum(wide[row, column] for row, column in enumerate(chosen)) for chosen in columns)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_hungarian_matching_is_the_best_of_all_assignments(data):
    rows, columns = data.draw(st.integers(0, 6)), data.draw(st.integers(0, 6))
    values = data.draw(st.sampled_from([levels, st.floats(0, 1)]))
    ious = data.draw(arrays(float, (rows, columns), elements=values))
    matched = hungarian_ious(ious.tolist())
    assert len(matched) == rows
    assert sum(matched) == pytest.approx(best_of_all(ious) if rows and columns else 0.0)
    assert all(value == 0 or value in row for value, row in zip(matched, ious, strict=True))


@settings(deadline=None)
@given(arrays(float, (3, 4), elements=levels), st.sampled_from([0.0, 0.3, 0.5, 0.7]))
def test_a_threshold_takes_out_iou_before_the_assignment(ious, tau):
    matched = hungarian_ious(ious.tolist(), tau=tau)
    assert sum(matched) == pytest.approx(best_of_all(np.where(ious > tau, ious, 0.0)))
    assert all(value == 0 or value > tau for value in matched)


def test_matchers_are_found_by_name_and_others_refused():
    assert all(load_matcher(name) is matcher for name, matcher in MATCHERS.items())
    with pytest.raises(InputError, match=r"'auction'.*greedy, hungarian"):
        load_matcher("auction")


@pytest.mark.parametrize("name", MATCHERS)
@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_matches_nothing(name, shape):
    assert MATCHERS[name](np.zeros(shape).tolist(), [0.5] * shape[0], 0.5) == [0.0] * shape[0]
