"""Looks at a picture: what is painted is found where it is, and questions about sides are not mirrored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from vrft.errors import InputError
from vrft.inference.test_time_views import flipped, looks, may_be_mirrored, scaled
from vrft.types import Answer, BoxesTarget, ClassTarget, Example

WH = (200, 120)
BOX = (32, 16, 80, 48)


def asking(question: str = "cup", options: tuple[str, ...] = (), wh: tuple[int, int] = WH) -> Example:
    return Example("a", "a", Path("a.png"), wh, "detection", question, BoxesTarget(()), options)


def painted_box(image: Image.Image) -> tuple[float, float, float, float]:
    """Around all pixels more white than black."""
    ys, xs = np.nonzero(np.asarray(image) > 127)
    return (float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1))


def test_a_painted_box_found_in_any_look_comes_back_to_its_place():
    pixels = np.zeros((WH[1], WH[0]), dtype=np.uint8)
    pixels[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 255
    all_looks = looks(asking(), factors=(0.75, 0.5, 1.5))
    assert [look.name for look in all_looks] == ["plain", "flip", "scale 0.75", "scale 1.5"]
    for look in all_looks:
        image = Image.fromarray(pixels)
        for edit in look.example.edits:
            image = edit.pixels(image)
        assert image.size == look.example.image_wh
        found = painted_box(image)
        assert (look.name == "plain") == (found == BOX)
        back = look.back(Answer(True, True, (found,), (0.5,), points_xy_px=(found[:2],)))
        assert back.boxes_xyxy_px[0] == pytest.approx(BOX, abs=1.0)
        # The shown picture's left upper corner of the box; mirrored, it is the right upper one.
        corner = (BOX[2], BOX[1]) if look.mirrored else BOX[:2]
        assert back.points_xy_px[0] == pytest.approx(corner, abs=1.0)
        assert (back.confidences, back.parsed, back.formatted) == ((0.5,), True, True)


sides = st.integers(64, 900)


@given(sides, sides, st.sampled_from([0.5, 0.7, 1.3, 2.0]), st.data())
def test_back_undoes_the_change_and_stays_inside_the_picture(width, height, factor, data):
    example = asking(wh=(width, height))
    for look in looks(example, factors=(factor,)):
        shown_width, shown_height = look.example.image_wh
        x1, x2 = sorted(data.draw(st.lists(st.floats(0, shown_width, width=32), min_size=2, max_size=2)))
        y1, y2 = sorted(data.draw(st.lists(st.floats(0, shown_height, width=32), min_size=2, max_size=2)))
        ((bx1, by1, bx2, by2),) = look.back(Answer(True, True, ((x1, y1, x2, y2),), (1.0,))).boxes_xyxy_px
        assert 0 <= bx1 <= bx2 <= width and 0 <= by1 <= by2 <= height
        forth = (bx1, by1, bx2, by2)
        for edit in look.example.edits:
            forth = edit.box(forth)
        assert forth == pytest.approx((x1, y1, x2, y2), abs=1e-6)


def test_questions_and_choices_about_sides_are_not_mirrored():
    assert flipped(asking("the leftmost cup")) is None
    assert flipped(asking("sign", ("turn_left", "stop"))) is None
    assert [look.name for look in looks(asking("the cup on the right"))] == ["plain"]
    assert may_be_mirrored(asking("a bright cup"))


def test_the_right_answer_does_not_decide_what_is_mirrored():
    example = replace(asking("sign"), target=ClassTarget("turn left", ("turn left", "stop")))
    assert may_be_mirrored(example)


def test_a_class_with_a_side_is_not_believed_of_the_mirrored_picture():
    plain, mirrored = looks(asking("sign"))
    side, stop = Answer(True, True, label="turn_left"), Answer(True, True, label="stop")
    assert not mirrored.back(side).parsed
    assert mirrored.back(stop) == stop
    assert plain.back(side) is side


def test_looks_are_added_to_the_edits_that_a_picture_has():
    once = flipped(asking())
    assert once is not None
    twice = flipped(once.example)
    assert twice is not None and len(twice.example.edits) == 2


def test_a_scale_that_changes_nothing_or_too_much_gives_no_look():
    assert scaled(asking(), 1.0) is None
    assert scaled(asking(wh=(200, 100)), 0.5) is None
    assert scaled(asking(wh=(40, 40)), 1.5) is not None
    for factor in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="above 0"):
            scaled(asking(), factor)
