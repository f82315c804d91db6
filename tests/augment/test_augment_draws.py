"""What may be drawn for an example, and that the same is drawn again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from painting import asking, naming
from pydantic import ValidationError

from vrft.data.augment import (
    COLOR_STRENGTH,
    CROP_LEAST_AREA,
    CROP_LEAST_AREA_AROUND_BOXES,
    DRAWS,
    LEAST_BOX_SIDE_PX,
    LEAST_FACTOR,
    LEAST_IMAGE_SIDE_PX,
    AugmentOptions,
    augmented,
    speaks_of_places,
    speaks_of_sides,
)
from vrft.training.batch import examples_of_step, shown_anew
from vrft.types import Boxes, Clock, Number, Points, Text, ValueList, Video

NAMES = list(AugmentOptions.model_fields)
ALL = AugmentOptions(**dict.fromkeys(NAMES, 1.0))
FLIP, CROP, SCALE = (AugmentOptions(**{name: 1.0}) for name in ("flip", "crop", "scale"))
SIDED = [
    "the left cup", "the LEFTMOST one", "cup on the right-hand side", "rightward arrow", "leftwards",
    "left_shoe", "TurnRight", "turnleft", "no-left-turn", "keepright", "lefthanded glove", "shoe (L)",
    "R glove", "hand_r", "the eastern tower", "northwest corner", "west", "eastbound bus", "NE arrow",
    "clockwise", "anti-clockwise arrow", "counterclockwise", "the cup at 3 o'clock", "starboard light",
    "the third cup", "the last bus",
]  # fmt: skip
SIDELESS = [
    "cup", "bright light", "upright piano", "copyright sign", "leftover pizza", "cleft lip", "yeast", "beast",
    "vest", "wheelwright", "airport", "sport", "lastly", "sew", "thirsty dog", "the largest cup",
    "No Objects", "clock", "red", "",
]  # fmt: skip


@pytest.mark.parametrize("text", SIDED)
def test_a_question_of_sides_is_neither_mirrored_nor_cut(text):
    assert speaks_of_sides(text)
    example = asking(text, boxes=[(40.0, 30.0, 60.0, 50.0)])
    assert augmented(example, AugmentOptions(flip=1.0, crop=1.0), 0, 0) is example


@pytest.mark.parametrize("text", SIDELESS)
def test_other_words_are_mirrored(text):
    assert not speaks_of_sides(text)
    example = asking(text, boxes=[(40.0, 30.0, 60.0, 50.0)])
    image = augmented(example, FLIP, 0, 0).image
    frame = image.frame("resized_pixels", image.shown_wh)
    assert frame.box_from_px(example.target.xyxy_px[0]) == (60.0, 30.0, 80.0, 50.0)


@pytest.mark.parametrize(
    "example",
    [
        naming("left arrow"),
        naming("straight on", ("straight on", "turn_left")),
        replace(naming("straight on"), options=("straight on", "turn_left")),
    ],
)
def test_classes_that_are_sides_are_not_mirrored(example):
    assert augmented(example, FLIP, 0, 0) is example
    assert augmented(naming("cup", ("cup", "plate")), FLIP, 0, 0).image.mirrored


@pytest.mark.parametrize(
    "text", ["the cup in the middle", "topmost book", "lower_lip", "in the centre", "north"]
)
def test_a_question_of_places_is_mirrored_but_not_cut(text):
    assert speaks_of_places(text)
    assert not speaks_of_sides(text)
    example = asking(text, boxes=[(40.0, 30.0, 60.0, 50.0)])
    assert augmented(example, CROP, 0, 0) is example
    assert augmented(example, FLIP, 0, 0).image.mirrored


SIDES = st.integers(1, 400)


@given(SIDES, SIDES, st.lists(st.tuples(*[st.floats(0, 1)] * 4), max_size=4), st.integers(0, 10**6))
def test_a_window_keeps_all_boxes_and_most_of_the_image(width, height, corners, seed):
    boxes = [
        (min(a, c) * width, min(b, d) * height, max(a, c) * width, max(b, d) * height)
        for a, b, c, d in corners
        if a != c and b != d
    ]
    example = asking(size_wh=(width, height), boxes=boxes)
    changed = augmented(example, CROP, seed, 0)
    w, h = changed.image.shown_wh
    least = CROP_LEAST_AREA_AROUND_BOXES if boxes else CROP_LEAST_AREA
    assert least * width * height <= w * h * (1 + 1e-9)
    assert w <= width and h <= height
    assert changed.target.xyxy_px == tuple(boxes)
    left, top, right, bottom = changed.image.window_px or (0, 0, width, height)
    assert (right - left, bottom - top) == (w, h)
    assert left >= 0 and top >= 0 and right <= width and bottom <= height
    for x1, y1, x2, y2 in boxes:
        assert left <= x1 and top <= y1 and x2 <= right and y2 <= bottom


def test_windows_are_of_all_sizes_and_places():
    example = asking(size_wh=(100, 100), boxes=[(45.0, 45.0, 55.0, 55.0)])
    windows = {augmented(example, CROP, 0, n).image.window_px for n in range(400)} - {None}
    lefts, _, rights, _ = zip(*windows, strict=True)
    assert min(lefts) == 0 and max(lefts) >= 20
    assert max(rights) == 100 and min(rights) <= 80


@given(SIDES, SIDES, st.floats(1, 100), st.integers(0, 10**6))
def test_nothing_becomes_too_small_to_see(width, height, side, seed):
    x2, y2 = min(side, width), min(side, height)
    example = asking(size_wh=(width, height), boxes=[(0.0, 0.0, x2, y2)])
    image = augmented(example, SCALE, seed, 0).image
    if image.is_plain:
        return
    w, h = image.shown_wh
    assert (w, h) != (width, height) and w <= width and h <= height
    assert w >= LEAST_FACTOR * width and h >= LEAST_FACTOR * height
    assert min(w, h) >= LEAST_IMAGE_SIDE_PX
    assert min(x2 * w / width, y2 * h / height) >= LEAST_BOX_SIDE_PX - 1e-9


def test_an_image_whose_box_is_already_small_keeps_its_size():
    small = asking(size_wh=(400, 400), boxes=[(0.0, 0.0, 200.0, 200.0), (300.0, 300.0, 316.0, 350.0)])
    assert augmented(small, SCALE, 0, 0) is small
    large = asking(size_wh=(400, 400), boxes=[(0.0, 0.0, 200.0, 200.0)])
    assert augmented(large, SCALE, 0, 0).image.shown_wh < (400, 400)


def test_off_is_the_example_itself():
    example = asking(boxes=[(1.0, 2.0, 30.0, 40.0)])
    assert set(AugmentOptions().model_dump().values()) == {0.0}
    assert augmented(example, AugmentOptions(), 0, 0) is example
    assert shown_anew([example] * 3, AugmentOptions(), Clock())[2] is example


def test_chances_are_chances():
    for wrong in ({"hue": 0.5}, {"flip": 1.5}, {"flip": -0.1}, {"flip": float("nan")}):
        with pytest.raises(ValidationError):
            AugmentOptions(**wrong)


def test_a_chance_is_the_share_of_changed_images():
    example = asking()
    changed = sum(augmented(example, AugmentOptions(flip=0.25), 0, n).image.mirrored for n in range(2000))
    assert changed == pytest.approx(500, abs=100)  # five deviations


@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_the_same_seed_and_place_give_the_same_changes(seed, place):
    example = asking(size_wh=(300, 200), boxes=[(100.0, 50.0, 180.0, 120.0)])
    assert augmented(example, ALL, seed, place) == augmented(example, ALL, seed, place)
    assert augmented(example, ALL, seed, place).image != augmented(example, ALL, seed + 1, place).image
    assert augmented(example, ALL, seed, place).image != augmented(example, ALL, seed, place + 1).image


def test_a_step_is_changed_alike_whatever_came_before_and_an_example_anew_in_each_epoch():
    examples = [replace(asking(), id=str(n)) for n in range(4)]
    clocks = [Clock(step, 8, seed=7) for step in range(8)]
    plain = [examples_of_step(examples, now, 3) for now in clocks]
    steps = [shown_anew(chosen, ALL, now) for chosen, now in zip(plain, clocks, strict=True)]
    assert steps[5] == shown_anew(plain[5], ALL, clocks[5])
    assert [[e.id for e in step] for step in steps] == [[e.id for e in step] for step in plain]
    draws = [shown_anew([examples[0]] * 2, ALL, clocks[5], draw) for draw in range(3)]
    assert len({e.image for draw in draws for e in draw}) == 6
    of_one = [e.image for step in steps for e in step if e.id == "0"]
    assert len(of_one) == len(set(of_one)) == 6


def test_one_kind_does_not_disturb_another():
    example = asking(size_wh=(300, 200))
    alone = [augmented(example, AugmentOptions(color=0.5), 0, n).image for n in range(50)]
    both = [augmented(example, AugmentOptions(color=0.5, flip=0.5), 0, n).image for n in range(50)]
    assert [image.edits for image in alone] == [image.edits for image in both]
    assert {len(image.edits) + image.mirrored for image in both} == {0, 1, 2}


def test_what_was_drawn_in_the_first_version_is_drawn_still():
    """Each kind's source of chance keeps its name of then, 'colour' too."""
    options = AugmentOptions(crop=0.7, scale=0.7, flip=0.5, color=0.5)
    rows = json.loads((Path(__file__).parent / "draws_of_version_0_1.json").read_text())
    for seed, size, boxes, window, resized, mirrored, factors in rows:
        example = asking(size_wh=tuple(size), boxes=[tuple(box) for box in boxes])
        image = augmented(example, options, seed, 1, 2).image
        assert image.window_px == (tuple(window) if window else None)
        assert image.resized_wh == (tuple(resized) if resized else None)
        assert image.mirrored == mirrored
        shifts = [[edit.brightness, edit.contrast, edit.saturation] for edit in image.edits]
        assert shifts == ([factors] if factors else [])


@pytest.mark.parametrize(
    ("target", "may_be_cut", "may_be_mirrored"),
    [
        (Boxes(), True, True),
        (Points(((60.0, 45.0),)), True, True),
        # What may not be cut off is not known, or is all of it.
        (Number(3.0), False, True),
        (Text("two cups"), False, False),
        (ValueList((Boxes(), Number(1.0))), False, True),
        (None, True, True),
    ],
)
def test_the_target_decides_what_may_be_done_to_its_image(target, may_be_cut, may_be_mirrored):
    example = replace(asking(size_wh=(300, 200)), target=target)
    cut = {augmented(example, CROP, 0, n).image.window_px for n in range(20)}
    assert (cut != {None}) == may_be_cut
    assert augmented(example, FLIP, 0, 0).image.mirrored == may_be_mirrored
    assert augmented(example, SCALE, 0, 0).image.resized_wh is not None


def test_an_example_that_shows_something_else_than_images_of_one_size_is_left_alone():
    example = asking()
    for media in (
        (example.image, replace(example.image, size_wh=(64, 48))),
        (Video(Path("a.mp4"), (64, 48)),),
        (),
    ):
        several = replace(example, media=media)
        assert augmented(several, ALL, 0, 0) is several


def test_the_page_states_the_limits_that_hold():
    page = (Path(__file__).parents[2] / "docs" / "augmentation.md").read_text("utf-8")
    listed = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert listed == list(DRAWS)
    assert set(DRAWS) == set(NAMES)
    for stated in (
        f"less than {CROP_LEAST_AREA_AROUND_BOXES:.0%} of the image",
        f"less than {CROP_LEAST_AREA:.0%} where no box",
        f"factor from {LEAST_FACTOR} to 1 ",
        f"a side under {LEAST_BOX_SIDE_PX} pixels, or the image one under {LEAST_IMAGE_SIDE_PX};",
        f"a factor from {1 - COLOR_STRENGTH} to {1 + COLOR_STRENGTH} ",
    ):
        assert stated in page
