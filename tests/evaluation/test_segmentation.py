"""gIoU and cIoU against loops over pixels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from predicted import asked

from vrft.errors import InputError
from vrft.evaluation.statistics import image_draws, interval
from vrft.geometry.masks import mask_of_region
from vrft.tasks.metrics.mask_iou import Overlap, c_iou, g_iou, overlap, overlap_with
from vrft.types import Boxes, Example, Mask

SIZE = (5, 7)
REGIONS = st.one_of(st.none(), arrays(bool, SIZE))


def encoded(region: np.ndarray | None) -> Mask | None:
    return None if region is None else mask_of_region(region)


def lisa(triples: list[tuple[np.ndarray | None, ...]]) -> tuple[float, float]:
    """gIoU and cIoU pixel by pixel, as LISA's evaluation counts (255 marks an ignored pixel)."""
    ious, intersections, unions = [], 0, 0
    for found, target, ignore in triples:
        intersection = union = 0
        for row in range(SIZE[0]):
            for column in range(SIZE[1]):
                f, t, i = (r is not None and bool(r[row, column]) for r in (found, target, ignore))
                label = 255 if i else int(t)
                if label == 255:
                    continue
                intersection += f and label == 1
                union += f or label == 1
        ious.append(1.0 if union == 0 else intersection / union)
        intersections, unions = intersections + intersection, unions + union
    return sum(ious) / len(ious), intersections / unions if unions else math.nan


@given(st.lists(st.tuples(REGIONS, REGIONS, REGIONS), min_size=1, max_size=5))
def test_as_loops_over_pixels_have_them(triples: list[tuple[np.ndarray | None, ...]]) -> None:
    overlaps = [overlap(*map(encoded, triple)) for triple in triples]
    expected = lisa(triples)
    assert (g_iou(overlaps), c_iou(overlaps)) == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_the_cases_without_an_object() -> None:
    some, nothing = np.zeros(SIZE, bool), np.zeros(SIZE, bool)
    some[1:3, 2:5] = True
    region, empty = mask_of_region(some), mask_of_region(nothing)
    for none in (None, empty):
        assert overlap(none, None).iou == overlap(none, empty).iou == 1.0
        assert overlap(region, none).iou == overlap(none, region).iou == 0.0
        assert overlap(region, none) == overlap(none, region) == Overlap(0, 6)
    assert overlap(region, None, ignore=region).iou == 1.0


def test_nothing_is_nan() -> None:
    assert math.isnan(g_iou([])) and math.isnan(c_iou([]))
    assert g_iou([Overlap(0, 0)]) == 1.0 and math.isnan(c_iou([Overlap(0, 0)]))


def test_an_interval_over_images() -> None:
    overlaps = [Overlap(i % 5, 5) for i in range(40)]
    draws = image_draws([str(i) for i in range(40)], 200)
    seen = interval(c_iou(overlaps), np.array([c_iou([overlaps[i] for i in draw]) for draw in draws]))
    assert seen.low is not None and seen.high is not None
    assert seen.low < 0.4 < seen.high


def about(target: Boxes) -> Example:
    return asked("a", "a", "grounding", "it", target)


def test_a_targets_own_regions_are_used() -> None:
    half, all_ = np.zeros(SIZE, bool), np.ones(SIZE, bool)
    half[:, :3] = True
    target = Boxes(((0.0, 0.0, 7.0, 5.0),), mask=mask_of_region(all_), ignore=mask_of_region(half))
    assert overlap_with(about(target), mask_of_region(all_)) == Overlap(20, 20)
    assert overlap_with(about(target), None) == Overlap(0, 20)
    assert overlap_with(about(Boxes()), None).iou == 1.0


def test_what_cannot_be_compared_is_refused() -> None:
    small, large = mask_of_region(np.ones((2, 3), bool)), mask_of_region(np.ones((3, 2), bool))
    with pytest.raises(InputError, match="2 x 3 and 3 x 2"):
        overlap(small, large)
    with pytest.raises(InputError, match="2 x 3 and 3 x 2"):
        overlap(small, None, ignore=large)
    with pytest.raises(InputError, match="'a' has no region"):
        overlap_with(about(Boxes(((0.0, 0.0, 1.0, 1.0),))), small)
