"""Coordinate frames: known conversions, windows and mirrors, and the way there and back."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.types import CoordinateFrame

ORIGINAL, INPUT = (640, 425), (616, 420)
NAMES = ("norm1000", "norm1", "resized_pixels")
whole = CoordinateFrame.whole


@pytest.mark.parametrize(
    ("name", "written"),
    [
        # 100 / 640 and 85 / 425 of the side, by hand
        ("norm1000", (156.0, 200.0, 500.0, 800.0)),
        ("norm1", (0.156, 0.2, 0.5, 0.8)),
        ("resized_pixels", (96.0, 84.0, 308.0, 336.0)),
    ],
)
def test_a_box_reads_as_its_family_writes_it(name, written):
    assert whole(name, ORIGINAL, INPUT).box_from_px((100.0, 85.0, 320.0, 340.0)) == pytest.approx(written)


def test_norm1000_is_of_the_width_for_x_and_of_the_height_for_y():
    assert whole("norm1000", ORIGINAL, INPUT).box_to_px((500, 500, 1000, 1000)) == (
        320.0,
        212.5,
        640.0,
        425.0,
    )


def test_norm1000_does_not_depend_on_the_resize():
    a, b = whole("norm1000", ORIGINAL, INPUT), whole("norm1000", ORIGINAL, (28, 28))
    assert a.box_to_px((1, 2, 3, 4)) == b.box_to_px((1, 2, 3, 4))


def test_box_text_is_what_a_model_writes():
    box = (64.0, 42.5, 320.0, 340.0)
    assert whole("norm1000", ORIGINAL, INPUT).box_text(box) == "100, 100, 500, 800"
    assert whole("norm1", ORIGINAL, INPUT).box_text(box) == "0.100, 0.100, 0.500, 0.800"
    assert whole("resized_pixels", ORIGINAL, INPUT).box_text(box) == "62, 42, 308, 336"


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
def test_numbers_that_are_not_a_box_give_none(numbers):
    assert whole("norm1000", ORIGINAL, INPUT).box_to_px(numbers) is None


def test_the_whole_image_is_a_box():
    for name, end in [("norm1000", (1000, 1000)), ("norm1", (1, 1)), ("resized_pixels", INPUT)]:
        assert whole(name, ORIGINAL, INPUT).box_to_px((0, 0, *end)) == pytest.approx((0, 0, *ORIGINAL))


WINDOW = (100.0, 50.0, 300.0, 450.0)


@pytest.mark.parametrize(
    ("mirrored", "box_px"), [(False, (120.0, 90.0, 200.0, 250.0)), (True, (200.0, 90.0, 280.0, 250.0))]
)
def test_a_window_and_a_mirror_move_the_frame_and_not_the_box(mirrored, box_px):
    # 0.1 and 0.5 of 200 pixels across, 0.1 and 0.5 of 400 down, from the window's corner or its right border
    frame = CoordinateFrame("norm1000", WINDOW, (56, 112), mirrored)
    assert frame.box_to_px((100, 100, 500, 500)) == box_px
    assert frame.box_from_px(box_px) == (100.0, 100.0, 500.0, 500.0)
    assert frame.box_text(box_px) == "100, 100, 500, 500"
    pixels = CoordinateFrame("resized_pixels", WINDOW, (50, 100), mirrored)
    assert pixels.box_to_px((5, 10, 25, 50)) == box_px


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(
    "numbers", [(-1, 0, 9, 9), (0, 0, 1001, 9), (9, 0, 5, 9), (5, 5, 5, 9), (0, 0, 9, math.nan)]
)
def test_a_window_has_no_box_outside_of_it(mirrored, numbers):
    assert CoordinateFrame("norm1000", WINDOW, (56, 112), mirrored).box_to_px(numbers) is None


frames = st.builds(
    lambda name, corner, sides, input_wh, mirrored: CoordinateFrame(
        name, (*corner, corner[0] + sides[0], corner[1] + sides[1]), input_wh, mirrored
    ),
    st.sampled_from(NAMES),
    st.tuples(*[st.integers(0, 2000).map(float)] * 2),
    st.tuples(*[st.integers(28, 2000).map(float)] * 2),
    st.tuples(*[st.integers(28, 2000)] * 2),
    st.booleans(),
)
written = st.one_of(st.floats(), st.floats(-10, 1010), st.integers(-10, 2010).map(float))


@settings(deadline=None, max_examples=300)
@given(frames, st.tuples(written, written, written, written))
def test_a_box_is_its_two_corners(frame, numbers):
    x1, y1, x2, y2 = numbers
    a, b = frame.to_px(x1, y1), frame.to_px(x2, y2)
    found = frame.box_to_px(numbers)
    if a is None or b is None or not (x1 < x2 and y1 < y2):
        assert found is None
    elif found is None:  # corners that a float cannot tell apart
        assert a[0] == b[0] or a[1] == b[1]
    else:
        assert found == (min(a[0], b[0]), a[1], max(a[0], b[0]), b[1])


@settings(deadline=None)
@given(frames, st.tuples(*[st.floats(0, 1)] * 4))
def test_there_and_back_loses_half_a_written_step_at_most(frame, fractions):
    left, top, right, bottom = frame.window_px
    (fx1, fx2), (fy1, fy2) = sorted(fractions[:2]), sorted(fractions[2:])
    width, height = right - left, bottom - top
    box = (left + fx1 * width, top + fy1 * height, left + fx2 * width, top + fy2 * height)
    back = frame.box_to_px(frame.box_from_px(box))
    steps = frame.input_wh if frame.name == "resized_pixels" else (1000, 1000)
    assert frame.step_px == (width / steps[0], height / steps[1])
    if back is None:  # thinner than a written step
        assert (fx2 - fx1) * steps[0] <= 1 + 1e-6 or (fy2 - fy1) * steps[1] <= 1 + 1e-6
        return
    tolerance = [side / step / 2 + 1e-6 for side, step in zip((width, height), steps, strict=True)] * 2
    assert all(abs(a - b) <= t for a, b, t in zip(box, back, tolerance, strict=True))


@pytest.mark.parametrize(
    ("name", "clause"),
    [
        ("norm1000", "between 0 and 1000, integer"),
        ("norm1", "between 0 and 1, with three decimal places"),
        ("resized_pixels", "in pixels of the 616x420 image, integer"),
    ],
)
def test_the_prompt_states_the_convention(name, clause):
    assert whole(name, ORIGINAL, INPUT).clause == clause
