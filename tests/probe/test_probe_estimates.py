"""Estimates from n answers, against counting every subset and against the law of what is drawn."""

from __future__ import annotations

from itertools import combinations
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrft.diagnostics.probe.probe_summary import mean_pass, mean_signal, pass_at_k, signal_at
from vrft.errors import InputError


@given(st.lists(st.booleans(), min_size=1, max_size=9), st.data())
def test_pass_at_k_counts_subsets(hits, data):
    k = data.draw(st.integers(1, len(hits)))
    subsets = list(combinations(hits, k))
    assert pass_at_k(len(hits), sum(hits), k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


@given(st.lists(st.sampled_from([0.0, 0.5, 0.7, 2.0]), min_size=2, max_size=9), st.data())
def test_signal_counts_subsets(rewards, data):
    size = data.draw(st.integers(2, len(rewards)))
    subsets = list(combinations(rewards, size))
    share = sum(len(set(subset)) > 1 for subset in subsets) / len(subsets)
    assert signal_at(rewards, size) == pytest.approx(share)


@pytest.mark.parametrize("p", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("size", [2, 8, 16])
def test_estimates_are_unbiased(p, size):
    """The mean over all draws of 20 answers, each right with probability p, is the closed form."""
    n = 20
    law = [comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
    signal = sum(law[c] * signal_at([1.0] * c + [0.0] * (n - c), size) for c in range(n + 1))
    assert signal == pytest.approx(1 - p**size - (1 - p) ** size)
    passed = sum(law[c] * pass_at_k(n, c, size) for c in range(n + 1))
    assert passed == pytest.approx(1 - (1 - p) ** size)


def test_known_values():
    assert pass_at_k(8, 2, 4) == pytest.approx(0.785714, abs=1e-6)
    assert pass_at_k(5, 0, 5) == 0 and pass_at_k(5, 1, 5) == 1 and pass_at_k(5, 5, 1) == 1
    assert mean_pass([[True, False], [False, False]], 1) == 0.25
    assert mean_signal([[1, 0], [1, 1]], 2) == 0.5


@pytest.mark.parametrize(("samples", "hits", "k"), [(4, 2, 5), (4, 2, 0), (4, 5, 1), (4, -1, 1)])
def test_numbers_out_of_range_are_refused(samples, hits, k):
    with pytest.raises(InputError, match="pass@"):
        pass_at_k(samples, hits, k)


@pytest.mark.parametrize("size", [1, 4])
def test_group_sizes_beyond_the_answers_are_refused(size):
    with pytest.raises(InputError, match="Use groups of 2 to 3"):
        signal_at([1.0, 0.0, 1.0], size)
