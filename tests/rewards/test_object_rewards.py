"""Rewards of objects with boxes and points, beside brute force and worked examples."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.errors import InputError
from vrft.geometry.boxes import iou
from vrft.geometry.masks import mask_of_region
from vrft.rewards.object_rewards import accuracy_scaled, box_iou, count, point_on_object
from vrft.types import Answer, Boxes, CoordinateFrame, Mask, ObjectRegion, Regions

TERMS = (box_iou, point_on_object, count, accuracy_scaled)
A, B = (10.0, 10.0, 60.0, 60.0), (70.0, 10.0, 90.0, 40.0)


def ring() -> Mask:
    region = np.zeros((100, 100), dtype=bool)
    region[10:60, 10:60] = True
    region[25:45, 25:45] = False
    return mask_of_region(region)


def said(*objects) -> Answer:
    return Answer(Regions(tuple(ObjectRegion(box, tuple(points)) for box, *points in objects)), True)


coordinates = st.integers(0, 30).map(float)
boxes = st.tuples(coordinates, coordinates, st.integers(1, 20), st.integers(1, 20)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@settings(max_examples=60, deadline=None)
@given(found=st.lists(boxes, max_size=4), labels=st.lists(boxes, max_size=4))
def test_box_iou_is_the_best_pairing_over_the_larger_number(found, labels):
    answer, target = said(*[(box,) for box in found]), Regions(tuple(map(ObjectRegion, labels)))
    value = box_iou(answer, target)
    if not found or not labels:
        assert value == float(not found and not labels)
        return
    few, many = sorted((found, labels), key=len)
    best = max(
        sum(iou(few[i], many[j]) for i, j in enumerate(order))
        for order in itertools.permutations(range(len(many)), len(few))
    )
    assert value == pytest.approx(best / len(many))


@settings(max_examples=40, deadline=None)
@given(found=st.lists(boxes, min_size=1, max_size=4), label=boxes)
def test_copies_never_pay_and_every_term_stays_in_its_range(found, label):
    target = Regions((ObjectRegion(label),))
    once, twice = (said(*[(box, (box[0], box[1])) for box in found * times]) for times in (1, 2))
    for term in TERMS:
        high = 3 if term is accuracy_scaled else 1
        assert 0 <= term(twice, target) <= term(once, target) <= high
        assert term(said((label, ((label[0] + label[2]) / 2, (label[1] + label[3]) / 2))), target) == high


def test_an_object_that_is_missed_costs_its_share():
    target = Regions((ObjectRegion(A), ObjectRegion(B)))
    assert box_iou(said((A,)), target) == pytest.approx(0.5)
    assert count(said((A,), (B,), (A,)), target) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("points", "right"),
    [
        ([(15.0, 15.0)], 1.0),
        ([(35.0, 35.0)], 0.0),  # in the hole, though in the box
        ([(15.0, 15.0), (12.0, 50.0)], 1.0),
        ([(15.0, 15.0), (35.0, 35.0)], 0.0),  # every point must be on it
        ([], 0.0),
        ([(100.0, 100.0)], 0.0),
        ([(500.0, 15.0)], 0.0),
    ],
)
def test_a_point_must_be_on_the_object_itself(points, right):
    target = Regions((ObjectRegion(A, mask=ring()),))
    assert point_on_object(said((A, *points)), target) == right


def test_without_a_mask_the_box_stands_for_the_object():
    target = Regions((ObjectRegion(A),))
    assert point_on_object(said((A, (35.0, 35.0))), target) == 1.0
    assert point_on_object(said((A, (5.0, 35.0))), target) == 0.0


def test_a_point_without_its_box_is_on_nothing():
    assert point_on_object(said((B, (15.0, 15.0))), Regions((ObjectRegion(A, mask=ring()),))) == 0.0


def test_finding_nothing_is_right_where_nothing_is():
    for term in TERMS:
        high = 3.0 if term is accuracy_scaled else 1.0
        assert term(Answer(Regions(), True), Regions()) == high
        assert term(Answer(None), Regions()) == term(said((A,)), Regions()) == 0.0
        assert term(Answer(Regions(), True), Regions((ObjectRegion(A),))) == 0.0
        with pytest.raises(InputError):
            term(said((A,)), Boxes((A,)))


@pytest.mark.parametrize(
    ("objects", "labels", "accuracy"),
    [
        ([(A,)], [(A, (35.0, 35.0))], 2.0),  # the point is missing
        ([(A, (90.0, 90.0))], [(A, (35.0, 35.0))], 2.0),  # and outside of its own box
        ([], [(A, (35.0, 35.0))], 0.0),
        ([], [], 3.0),
        ([(A, (35.0, 35.0)), (B, (80.0, 20.0))], [(A, (35.0, 35.0))], 1.5),
    ],
)
def test_scaled_accuracy_in_pixels_of_840(objects, labels, accuracy):
    target = Regions(tuple(ObjectRegion(box, tuple(points)) for box, *points in labels))
    assert accuracy_scaled(said(*objects), target) == accuracy


def test_distances_mean_the_same_in_a_small_image():
    frame = CoordinateFrame.whole("norm1000", (84, 84))
    target = Regions((ObjectRegion((20.0, 20.0, 60.0, 60.0), ((40.0, 40.0),)),))

    def moved(by: float, point: float) -> float:
        box = (20.0 + by, 20.0 + by, 60.0 + by, 60.0 + by)
        return accuracy_scaled(said((box, (40.0 + point, 40.0))), target, frame)

    assert [moved(0.9, 2.9), moved(1.1, 2.9), moved(1.1, 3.1)] == [3.0, 2.0, 1.0]
    assert (
        accuracy_scaled(said(((29.0, 29.0, 69.0, 69.0), (40.0, 40.0))), target) == 2.0
    )  # pixels of the file
