"""Points deep inside of masks, membership of pixels, and the flood-fill stand-in."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_cdt

from vrft.geometry.flood_fill import flood_fill
from vrft.geometry.mask_points import GRID, inner_points
from vrft.geometry.masks import mask_of_boxes, mask_of_region, region_of_mask
from vrft.geometry.points import in_mask
from vrft.types import Mask, ObjectRegion


@settings(max_examples=40, deadline=None)
@given(
    bits=st.lists(st.booleans(), min_size=35, max_size=35),
    x=st.floats(-1, 9, allow_nan=False),
    y=st.floats(-1, 7, allow_nan=False),
)
def test_in_mask_is_the_pixel_at_the_point(bits, x, y):
    region = np.array(bits).reshape(5, 7)
    inside = 0 <= x <= 7 and 0 <= y <= 5
    expected = inside and bool(region[min(int(y), 4), min(int(x), 6)])
    assert in_mask((x, y), mask_of_region(region)) == expected


@settings(max_examples=40, deadline=None)
@given(bits=st.lists(st.booleans(), min_size=99, max_size=99), count=st.integers(1, 4))
def test_inner_points_are_pixels_of_the_mask(bits, count):
    region = np.array(bits).reshape(9, 11)
    points = inner_points(mask_of_region(region), count)
    assert len(points) == (count if region.any() else 0)
    assert all(region[int(y), int(x)] for x, y in points)


def test_the_first_point_is_as_deep_as_any():
    region = np.zeros((60, 80), dtype=bool)
    region[5:15, 5:70] = region[5:55, 40:70] = True
    (point,) = inner_points(mask_of_region(region))
    depth = distance_transform_cdt(np.pad(region, 1), "chessboard")[1:-1, 1:-1]
    assert depth[int(point[1]), int(point[0])] == depth.max()
    assert 50 < point[0] < 60


def test_a_ring_is_pointed_at_and_not_its_hole():
    y, x = np.indices((101, 101)) - 50
    region = (np.hypot(x, y) < 45) & (np.hypot(x, y) > 25)
    for x, y in inner_points(mask_of_region(region), 3):
        assert region[int(y), int(x)]


def test_a_large_mask_is_looked_at_in_steps():
    mask = mask_of_boxes([(3.0, 7.0, 3.0 + 5 * GRID, 7.0 + GRID)], (GRID + 40, 5 * GRID + 40))
    (point,) = inner_points(mask)
    assert in_mask(point, mask) and abs(point[1] - (7 + GRID / 2)) <= 5
    thin = mask_of_boxes([(1.0, 3.0, 2.0, 3.0 + 2 * GRID)], (2 * GRID + 9, 5))
    assert in_mask(inner_points(thin)[0], thin)


def scene() -> np.ndarray:
    image = np.full((40, 60, 3), 230, dtype=np.uint8)
    image[5:15, 5:25] = (200, 30, 30)
    image[5:15, 30:50] = (205, 35, 30)  # like the first, and apart from it
    image[20:35, 10:20] = (20, 20, 200)
    return image


def pixels(mask: Mask | None) -> np.ndarray:
    assert mask is not None
    return region_of_mask(mask)


def test_flood_fill_takes_what_hangs_together_with_the_point():
    image = scene()
    prompts = [
        ObjectRegion((0.0, 0.0, 60.0, 40.0), ((7.0, 7.0),)),
        ObjectRegion((5.0, 18.0, 25.0, 40.0), ((12.0, 22.0),)),
    ]
    first, second = map(pixels, flood_fill(image, prompts))
    assert first.sum() == 200 and first[5:15, 5:25].all()
    assert second.sum() == 150 and second[20:35, 10:20].all()


def test_flood_fill_stays_in_its_box_and_takes_the_middle_without_a_point():
    (half,) = flood_fill(scene(), [ObjectRegion((5.0, 5.0, 15.0, 15.0))])
    assert pixels(half).sum() == 100
    two = ObjectRegion((0.0, 0.0, 60.0, 40.0), ((7.0, 7.0), (35.0, 7.0)))
    assert pixels(flood_fill(scene(), [two])[0]).sum() == 400


@pytest.mark.parametrize("box", [(70.0, 50.0, 90.0, 60.0), (-9.0, -9.0, -1.0, -1.0), (5.0, 5.0, 5.2, 5.2)])
def test_flood_fill_finds_nothing_where_the_box_has_no_pixel(box):
    assert flood_fill(scene(), [ObjectRegion(box, ((2.0, 2.0),))]) == [None]
