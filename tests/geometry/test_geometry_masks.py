"""Masks against sets of pixels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vrft.errors import InputError
from vrft.geometry.masks import (
    mask_area,
    mask_of_boxes,
    mask_of_region,
    mask_overlap,
    merge_masks,
    region_of_mask,
)

SHAPE = (5, 7)
regions = arrays(bool, SHAPE)


@settings(deadline=None)
@given(regions)
def test_a_region_comes_back_whole(region):
    mask = mask_of_region(region)
    assert mask.size_hw == SHAPE and mask_area(mask) == region.sum()
    assert (region_of_mask(mask) == region).all()


@settings(deadline=None)
@given(regions)
def test_the_box_around_a_mask_touches_it_on_all_sides(region):
    box = mask_of_region(region).box_xyxy_px
    if not region.any():
        assert box is None
        return
    rows, columns = np.nonzero(region)
    assert box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


@settings(deadline=None)
@given(regions, regions, st.none() | regions)
def test_overlap_counts_pixels(a, b, ignore):
    counted = np.ones(SHAPE, bool) if ignore is None else ~ignore
    left_out = None if ignore is None else mask_of_region(ignore)
    expected = ((a & b & counted).sum(), ((a | b) & counted).sum())
    assert mask_overlap(mask_of_region(a), mask_of_region(b), left_out) == expected
    assert (region_of_mask(merge_masks([mask_of_region(a), mask_of_region(b)])) == (a | b)).all()


whole_boxes = st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(1, 7), st.integers(1, 5)).filter(
    lambda box: box[0] < box[2] and box[1] < box[3]
)


@settings(deadline=None)
@given(st.lists(whole_boxes, max_size=3))
def test_boxes_are_filled(boxes):
    region = np.zeros(SHAPE, bool)
    for x1, y1, x2, y2 in boxes:
        region[y1:y2, x1:x2] = True
    assert (region_of_mask(mask_of_boxes(boxes, SHAPE)) == region).all()


def test_masks_of_two_sizes_are_refused():
    with pytest.raises(InputError, match=r"5 x 7 and 7 x 5 pixels .* one size"):
        mask_overlap(mask_of_region(np.ones((5, 7))), mask_of_region(np.ones((7, 5))))
