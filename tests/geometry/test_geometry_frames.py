"""Frames: known conversions, and the way there and back."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.geometry.frames import View

ORIGINAL, INPUT = (640, 425), (616, 420)


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        # 100 / 640 and 85 / 425 of the side, by hand
        ("thousand", (156.0, 200.0, 500.0, 800.0)),
        ("unit", (0.156, 0.2, 0.5, 0.8)),
        ("input_pixels", (96.0, 84.0, 308.0, 336.0)),
    ],
)
def test_a_box_reads_as_its_family_writes_it(kind, written):
    assert View(kind, ORIGINAL, INPUT).write((100.0, 85.0, 320.0, 340.0)) == pytest.approx(written)


def test_thousand_is_of_the_width_for_x_and_of_the_height_for_y():
    assert View("thousand", ORIGINAL, INPUT).read((500, 500, 1000, 1000)) == (320.0, 212.5, 640.0, 425.0)


def test_thousand_does_not_depend_on_the_resize():
    a, b = View("thousand", ORIGINAL, INPUT), View("thousand", ORIGINAL, (28, 28))
    assert a.read((1, 2, 3, 4)) == b.read((1, 2, 3, 4))


def test_figures_are_what_a_model_writes():
    box = (64.0, 42.5, 320.0, 340.0)
    assert View("thousand", ORIGINAL, INPUT).figures(box) == "100, 100, 500, 800"
    assert View("unit", ORIGINAL, INPUT).figures(box) == "0.100, 0.100, 0.500, 0.800"
    assert View("input_pixels", ORIGINAL, INPUT).figures(box) == "62, 42, 308, 336"


@pytest.mark.parametrize(
    "numbers",
    [
        (math.nan, 0, 10, 10),
        (0, 0, math.inf, 10),
        (-1, 0, 10, 10),
        (0, 0, 1001, 10),
        (0, 0, 10, 1000.5),
        (10, 0, 5, 10),
        (0, 10, 10, 5),
        (5, 0, 5, 10),
        (0, 5, 10, 5),
        (9999, 9999, 0, 0),
    ],
)
def test_no_box_is_read_from_numbers_that_are_none(numbers):
    assert View("thousand", ORIGINAL, INPUT).read(numbers) is None


def test_the_whole_picture_is_a_box():
    for kind, end in [("thousand", (1000, 1000)), ("unit", (1, 1)), ("input_pixels", INPUT)]:
        assert View(kind, ORIGINAL, INPUT).read((0, 0, *end)) == pytest.approx((0, 0, *ORIGINAL))


@settings(deadline=None)
@given(
    kind=st.sampled_from(["thousand", "unit", "input_pixels"]),
    sides=st.tuples(*[st.integers(28, 4000)] * 4),
    fractions=st.tuples(*[st.floats(0, 1)] * 4),
)
def test_there_and_back_loses_half_a_written_step_at_most(kind, sides, fractions):
    view = View(kind, sides[:2], sides[2:])
    width, height = view.original_wh
    (fx1, fx2), (fy1, fy2) = sorted(fractions[:2]), sorted(fractions[2:])
    box = (fx1 * width, fy1 * height, fx2 * width, fy2 * height)
    back = view.read(view.write(box))
    steps = {"thousand": (1000, 1000), "unit": (1000, 1000), "input_pixels": view.input_wh}[kind]
    if back is None:  # thinner than a written step
        assert (fx2 - fx1) * steps[0] <= 1 + 1e-6 or (fy2 - fy1) * steps[1] <= 1 + 1e-6
        return
    tolerance = [side / step / 2 + 1e-6 for side, step in zip(view.original_wh, steps, strict=True)] * 2
    assert all(abs(a - b) <= t for a, b, t in zip(box, back, tolerance, strict=True))


@pytest.mark.parametrize(
    ("kind", "clause"),
    [
        ("thousand", "between 0 and 1000, integer"),
        ("unit", "between 0 and 1, with three decimal places"),
        ("input_pixels", "in pixels of the 616x420 image, integer"),
    ],
)
def test_the_prompt_tells_the_convention(kind, clause):
    assert View(kind, ORIGINAL, INPUT).clause == clause
