"""Where a point is right, against counting pixels and trying every matching."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.geometry.masks import mask_of_region
from vrft.geometry.points import deepest_point, in_mask, matched_pairs, radius_px, right_places
from vrft.types import Points


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 9))
def test_a_point_is_in_the_mask_of_its_pixel(seed, height, width):
    region = np.random.default_rng(seed).random((height, width)) < 0.5
    mask = mask_of_region(region)
    for y, x in np.ndindex(height, width):
        assert in_mask((x + 0.5, y + 0.5), mask) == in_mask((float(x), float(y)), mask) == region[y, x]
    assert in_mask((float(width), float(height)), mask) == region[-1, -1]
    assert not in_mask((width + 0.1, 0.0), mask) and not in_mask((-0.1, 0.0), mask)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_the_deepest_point_is_as_far_from_the_edge_as_any(seed):
    rng = np.random.default_rng(seed)
    region = np.kron(rng.random((4, 5)) < 0.6, np.ones((2, 3))).astype(bool)
    point = deepest_point(mask_of_region(region))
    if point is None:
        assert not region.any()
        return
    outside = np.argwhere(~np.pad(region, 1)) - 1 + 0.5
    depth = {
        (x, y): np.hypot(*(outside - (y + 0.5, x + 0.5)).T).min() for y, x in np.argwhere(region).tolist()
    }
    assert depth[int(point[0]), int(point[1])] == pytest.approx(max(depth.values()))


def test_of_a_ring_it_lies_on_the_ring():
    ring = np.ones((30, 50), dtype=bool)
    ring[5:25, 5:45] = False
    assert in_mask(deepest_point(mask_of_region(ring)), mask_of_region(ring))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 4), st.integers(0, 4))
def test_the_matching_is_the_best_of_all(seed, n, m):
    fit = np.random.default_rng(seed).random((n, m)).round(1)
    pairs = matched_pairs(fit)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    padded = np.zeros((max(n, m), max(n, m)))
    padded[:n, :m] = fit
    best = max(sum(padded[i, j] for i, j in enumerate(order)) for order in permutations(range(len(padded))))
    assert sum(fit[i, j] for i, j in pairs) == pytest.approx(best)


def test_a_mask_goes_before_a_box_and_a_box_before_the_radius():
    left = np.zeros((10, 20), dtype=bool)
    left[:, :10] = True
    target = Points(
        ((5.0, 5.0), (15.0, 5.0), (15.0, 5.0)),
        boxes=((0.0, 0.0, 20.0, 10.0), (10.0, 0.0, 20.0, 10.0), None),
        masks=(mask_of_region(left), None, None),
        radius_px=2.0,
    )
    found = right_places([(9.0, 1.0), (11.0, 1.0), (13.5, 4.0), (15.0, 7.0)], target)
    assert found.tolist() == [
        [True, False, False],
        [False, True, False],
        [False, True, True],
        [False, True, True],
    ]


def test_the_radius_grows_with_the_image():
    assert radius_px((100, 100)) == pytest.approx(100 * 30 / 840)
    assert radius_px((400, 100)) == pytest.approx(200 * 30 / 840)
