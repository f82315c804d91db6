"""IoU against pixel counting and against pycocotools."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from vrft.geometry.boxes import MANY_PAIRS, area, as_array, giou_matrix, iou, iou_matrix, iou_rows

SIDE = 12


@st.composite
def whole_boxes(draw: st.DrawFn) -> tuple[int, int, int, int]:
    x1, y1 = draw(st.integers(0, SIDE - 1)), draw(st.integers(0, SIDE - 1))
    return (x1, y1, draw(st.integers(x1 + 1, SIDE)), draw(st.integers(y1 + 1, SIDE)))


def pixels(box: tuple[int, int, int, int]) -> set[tuple[int, int]]:
    return {(x, y) for x in range(box[0], box[2]) for y in range(box[1], box[3])}


@settings(deadline=None)
@given(st.lists(whole_boxes(), max_size=4), st.lists(whole_boxes(), max_size=4))
def test_iou_counts_shared_pixels(a, b):
    ious = iou_matrix(as_array(a), as_array(b))
    assert ious.shape == (len(a), len(b))
    for i, first in enumerate(a):
        for j, second in enumerate(b):
            shared, both = pixels(first) & pixels(second), pixels(first) | pixels(second)
            assert np.isclose(ious[i, j], len(shared) / len(both))


coordinates = st.floats(0, 1000, allow_subnormal=False)
float_boxes = st.tuples(coordinates, coordinates, st.floats(1, 500), st.floats(1, 500))


@settings(deadline=None)
@given(st.lists(float_boxes, min_size=1, max_size=4), st.lists(float_boxes, min_size=1, max_size=4))
def test_iou_is_pycocotools_iou(a_xywh, b_xywh):
    def corners(boxes):
        return as_array([(x, y, x + w, y + h) for x, y, w, h in boxes])

    reference = coco_mask.iou(np.array(a_xywh, float), np.array(b_xywh, float), [0] * len(b_xywh))
    np.testing.assert_allclose(iou_matrix(corners(a_xywh), corners(b_xywh)), reference, atol=1e-9)


any_boxes = st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 4), max_size=4)


@settings(deadline=None)
@given(any_boxes, any_boxes)
def test_iou_stays_in_bounds_and_is_symmetric(a, b):
    ious = iou_matrix(as_array(a), as_array(b))
    assert np.isfinite(ious).all() and (ious >= 0).all() and (ious <= 1).all()
    np.testing.assert_array_equal(ious.T, iou_matrix(as_array(b), as_array(a)))


def test_a_box_is_itself_and_an_empty_or_inverted_one_is_nothing():
    boxes = as_array([(1, 2, 4, 8), (3, 3, 3, 9), (5, 5, 1, 1)])
    assert area(boxes).tolist() == [18, 0, 0]
    np.testing.assert_array_equal(iou_matrix(boxes, boxes), np.diag([1.0, 0, 0]))


def test_no_boxes_have_the_shape_of_boxes():
    assert as_array([]).shape == (0, 4)


@settings(deadline=None)
@given(any_boxes, any_boxes)
def test_the_scalar_iou_is_the_matrix_bit_for_bit(a, b):
    matrix = iou_matrix(as_array(a), as_array(b)).tolist()
    assert [[iou(x, y) for y in b] for x in a] == matrix == iou_rows(a, b)


def test_few_and_many_boxes_have_the_same_iou():
    draw = np.random.default_rng(0)
    low = draw.uniform(0, 50, (40, 2))
    boxes = [tuple(row) for row in np.concatenate([low, low + draw.uniform(1, 50, (40, 2))], 1).tolist()]
    assert len(boxes) ** 2 > MANY_PAIRS > 4
    rows = iou_rows(boxes, boxes)
    assert rows == [[iou(x, y) for y in boxes] for x in boxes]
    assert all(rows[i][i] == 1.0 for i in range(40))


@settings(deadline=None)
@given(st.lists(whole_boxes(), min_size=1, max_size=3), st.lists(whole_boxes(), min_size=1, max_size=3))
def test_giou_counts_the_pixels_around(a, b):
    found = giou_matrix(as_array(a), as_array(b))
    for i, first in enumerate(a):
        for j, second in enumerate(b):
            both = pixels(first) | pixels(second)
            hull = (*np.minimum(first, second)[:2].tolist(), *np.maximum(first, second)[2:].tolist())
            shared, around = len(pixels(first) & pixels(second)), len(pixels(hull))
            assert np.isclose(found[i, j], shared / len(both) - (around - len(both)) / around)
            assert -1 < found[i, j] <= 1
