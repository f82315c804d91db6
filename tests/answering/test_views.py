"""Views of an image: what is painted is found where it is, and questions about sides are not mirrored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PILImage

from vrft.data.images import open_image
from vrft.errors import InputError
from vrft.inference.test_time_views import TTAView, flipped, may_be_mirrored, scaled, views_of
from vrft.types import Answer, Boxes, Example, Image, Label, Points, Text, Video

WH = (200, 120)
BOX = (32, 16, 80, 48)


def asking(
    question: str = "cup", options: tuple[str, ...] = (), wh: tuple[int, int] = WH, path: Path = Path("a.png")
) -> Example:
    return Example("a", "a", "detection", (Image(path, wh),), question, Boxes(), options)


def painted_box(image: PILImage.Image) -> tuple[float, float, float, float]:
    """Around all pixels more white than black."""
    ys, xs = np.nonzero(np.asarray(image.convert("L")) > 127)
    return (float(xs.min()), float(ys.min()), float(xs.max() + 1), float(ys.max() + 1))


def test_a_painted_box_found_in_any_view_comes_back_to_its_place(tmp_path):
    pixels = np.zeros((WH[1], WH[0]), dtype=np.uint8)
    pixels[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 255
    PILImage.fromarray(pixels).save(tmp_path / "a.png")
    views = views_of(asking(path=tmp_path / "a.png"), scales=(0.75, 0.5, 1.5))
    assert [view.name for view in views] == ["plain", "flip", "scale 0.75", "scale 1.5"]
    for view in views:
        shown = view.example.image
        image = open_image(shown)
        assert image.size == shown.shown_wh
        found = painted_box(image)
        assert (view.name == "plain") == (found == BOX)
        frame = shown.frame("resized_pixels", image.size)
        assert frame.box_to_px(found) == pytest.approx(BOX, abs=1.0)
        # The shown image's left upper corner of the box; mirrored, it is the right upper one.
        corner = (BOX[2], BOX[1]) if view.mirrored else BOX[:2]
        assert frame.to_px(*found[:2]) == pytest.approx(corner, abs=1.0)
        answer = Answer(Boxes((BOX,), (0.5,)), True, other=Points((corner,)))
        assert view.believed(answer) == answer


sides = st.integers(64, 900)


@given(sides, sides, st.sampled_from([0.5, 0.7, 1.3, 2.0]), st.data())
def test_frames_of_views_lead_back_and_stay_inside_the_image(width, height, factor, data):
    for view in views_of(asking(wh=(width, height)), scales=(factor,)):
        shown = view.example.image
        shown_width, shown_height = shown.shown_wh
        x1, x2 = sorted(data.draw(st.lists(st.floats(0, shown_width, width=32), min_size=2, max_size=2)))
        y1, y2 = sorted(data.draw(st.lists(st.floats(0, shown_height, width=32), min_size=2, max_size=2)))
        frame = shown.frame("resized_pixels", shown.shown_wh)
        corners = [frame.to_px(x1, y1), frame.to_px(x2, y2)]
        assert all(0 <= x <= width and 0 <= y <= height for x, y in corners)
        sign = -1 if view.mirrored else 1
        across = (corners[1][0] - corners[0][0]) * sign * shown_width / width
        assert across == pytest.approx(x2 - x1, abs=1e-6)
        assert (corners[1][1] - corners[0][1]) * shown_height / height == pytest.approx(y2 - y1, abs=1e-6)


def test_questions_and_choices_about_sides_are_not_mirrored():
    assert flipped(asking("the leftmost cup")) is None
    assert flipped(asking("sign", ("turn_left", "stop"))) is None
    assert [view.name for view in views_of(asking("the cup on the right"))] == ["plain"]
    assert may_be_mirrored(asking("a bright cup"))


def test_the_right_answer_does_not_decide_what_is_mirrored():
    example = replace(asking("sign"), target=Label("turn left", ("turn left", "stop")))
    assert may_be_mirrored(example)


def test_a_class_with_a_side_is_not_believed_of_the_mirrored_image():
    plain, mirrored = views_of(asking("sign"))
    side, stop = Answer(Label("turn_left"), True), Answer(Label("stop"), True)
    assert not mirrored.believed(side).parsed
    assert mirrored.believed(stop) is stop
    assert plain.believed(side) is side


def test_a_value_that_may_not_survive_a_mirror_is_not_believed_of_one_either():
    read = Answer(Text("a shop sign"), True)
    assert not TTAView("flip", asking(), mirrored=True).believed(read).parsed
    assert TTAView("scale 2", asking()).believed(read) is read


def test_views_are_added_to_what_is_shown_already():
    once = flipped(asking())
    assert once is not None and once.example.image.mirrored
    twice = flipped(once.example)
    assert twice is not None and not twice.example.image.mirrored
    both = scaled(once.example, 1.5)
    assert both is not None
    assert (both.example.image.mirrored, both.example.image.shown_wh) == (True, (300, 180))
    window = replace(asking(), media=(Image(Path("a.png"), WH, window_px=(0, 0, 100, 100)),))
    assert scaled(window, 2.0).example.image.shown_wh == (200, 200)


def test_several_images_are_shown_alike_and_a_video_as_it_is():
    images = (Image(Path("a.png"), WH), Image(Path("b.png"), (100, 80)))
    several = replace(asking(), media=images)
    _, flip, scale = views_of(several, scales=(2.0,))
    assert [medium.mirrored for medium in flip.example.media] == [True, True]
    assert [medium.shown_wh for medium in scale.example.media] == [(400, 240), (200, 160)]
    clip = replace(asking(), media=(Video(Path("a.mp4"), WH),))
    assert [view.name for view in views_of(clip, scales=(2.0,))] == ["plain"]


def test_a_scale_that_changes_nothing_or_too_much_gives_no_view():
    assert scaled(asking(), 1.0) is None
    assert scaled(asking(wh=(200, 100)), 0.5) is None
    assert scaled(asking(wh=(40, 40)), 1.5) is not None
    for factor in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="above 0"):
            scaled(asking(), factor)
