"""Points as models write them: each notation says the same, places outside are unread, nothing guessed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.tasks.parsing.points import parse_points_answer
from vrft.types import Boxes, CoordinateFrame, Fault, Form

WIDE = CoordinateFrame.whole("norm1000", (1500, 400))  # neither square nor whole in multiples of 28


def read(content: str, frame: CoordinateFrame | None = WIDE):
    return parse_points_answer(f"<answer>{content}</answer>", frame, Form.DIRECT)


@pytest.mark.parametrize(
    ("content", "formatted"),
    [
        ('[{"point_2d": [400, 250], "label": "kiwi"}]', True),
        ("[{'point_2d': [400, 250]}]", True),
        ('```json\n[{"point_2d": [400, 250]}]\n```', True),
        ("(400, 250)", True),
        ("[400,250]", True),
        ("[[400, 250]]", True),
        ('{"x": 400, "y": 250}', True),
        ('[{"point_2d": ["400", "250"]}]', True),
        ('[{"point_2d": {"x": 400, "y": 250}}]', True),
        ("400, 250", False),
        ("x=400, y=250", False),
        ("<point>400 250</point>", False),
        ('<points x1="400" y1="250" alt="kiwi">kiwi</points>', False),
        ("It is at (400, 250).", False),
        ("（４００，２５０）", False),
    ],
)
def test_all_notations_say_the_same(content, formatted):
    answer = read(content)
    assert answer.value.xy_px == ((600.0, 100.0),)
    assert answer.formatted is formatted and bool(answer.faults) is not formatted


@pytest.mark.parametrize(
    ("name", "input_wh", "tag", "expected"),
    [
        ("norm100", (1500, 400), '<point x="40.0" y="25.0">kiwi</point>', (600.0, 100.0)),
        ("norm1000", (1500, 400), '<point x="40.0" y="25.0">kiwi</point>', (60.0, 10.0)),
        ("resized_pixels", (750, 100), '<point x="40" y="25">kiwi</point>', (80.0, 100.0)),
        ("norm1", (1500, 400), '<point x="0.4" y="0.25">kiwi</point>', (600.0, 100.0)),
    ],
)
def test_the_frame_is_the_familys_whatever_the_size_of_the_numbers(name, input_wh, tag, expected):
    assert read(tag, CoordinateFrame.whole(name, (1500, 400), input_wh)).value.xy_px == (expected,)


def test_zero_and_the_border_are_places_and_beyond_is_not():
    answer = read("[[0, 0], [1000, 1000], [1001, 5], [5, -1]]")
    assert answer.value.xy_px == ((0.0, 0.0), (1500.0, 400.0))
    assert Fault.BAD_POINT in answer.faults and not answer.formatted
    assert read("[[1001, 5]]").value is None


def test_pairs_are_points_and_four_numbers_are_a_box():
    assert read("(0,0),(500,500)").value.size == 2
    assert (
        read("0, 0\n500, 500").value
        == read("x: 0, y: 0; x: 500, y: 500").value
        == read("(0,0),(500,500)").value
    )
    boxed = read("[0, 0, 500, 500]")
    assert boxed.value is None and boxed.other == Boxes(((0.0, 0.0, 750.0, 200.0),))


def test_repeated_points_are_kept_each():
    assert read("[[10, 10], [10, 10]]").value.size == 2


@pytest.mark.parametrize("content", ["No Objects", "[]", "There are no kiwis in the image.", "None"])
def test_nothing_is_there(content):
    assert read(content).abstained


@pytest.mark.parametrize(
    "content",
    ["", "kiwi", "[5]", "[NaN, 5]", '[{"point_2d": [x, y]}, ...]', "5 kiwis", "(3, left)", "1e999, 5"],
)
def test_what_is_no_point_is_unread(content):
    answer = read(content)
    assert answer.value is None and answer.faults and not answer.formatted


def test_without_a_frame_nothing_is_converted():
    answer = read("[[5, 5]]", None)
    assert answer.value is None and Fault.UNKNOWN_FRAME in answer.faults


numbers = st.tuples(st.integers(0, 1000), st.integers(0, 1000))


@settings(max_examples=60, deadline=None)
@given(points=st.lists(numbers, min_size=1, max_size=8), form=st.sampled_from(["pairs", "objects", "tags"]))
def test_what_is_written_is_read_in_order(points, form):
    written = {
        "pairs": json.dumps(points),
        "objects": json.dumps([{"point_2d": point} for point in points]),
        "tags": "".join(f'<point x="{x}" y="{y}">kiwi</point>' for x, y in points),
    }[form]
    assert read(written).value.xy_px == tuple(WIDE.to_px(x, y) for x, y in points)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="[](){}<>\"'point_2dxy=:,.0159- \nNao", max_size=60))
def test_whatever_is_written_nothing_raises_and_no_point_is_outside(content):
    answer = read(content)
    if answer.value is not None:
        assert all(0 <= x <= 1500 and 0 <= y <= 400 for x, y in answer.value.xy_px)
    assert not (answer.formatted and answer.faults)
