"""What may be drawn for an example, and that the same is drawn again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from painting import asking, naming

from vrft.config.run_config import Augment, make_config
from vrft.data.augment import DRAWS, augmented
from vrft.data.augment.color import STRENGTH
from vrft.data.augment.crop import LEAST_AREA, LEAST_AREA_AROUND_BOXES
from vrft.data.augment.scale import LEAST_BOX_SIDE_PX, LEAST_FACTOR, LEAST_PICTURE_SIDE_PX
from vrft.data.augment.side_words import speaks_of_places, speaks_of_sides
from vrft.errors import ConfigError
from vrft.training.batches import examples_of_step, with_changes

ALL = dict.fromkeys(DRAWS, 1.0)
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
    assert augmented(example, {"flip": 1.0, "crop": 1.0}, 0, 0) is example


@pytest.mark.parametrize("text", SIDELESS)
def test_other_words_are_mirrored(text):
    assert not speaks_of_sides(text)
    example = asking(text, boxes=[(40.0, 30.0, 60.0, 50.0)])
    assert augmented(example, {"flip": 1.0}, 0, 0).target.boxes_xyxy_px == ((60.0, 30.0, 80.0, 50.0),)


@pytest.mark.parametrize(
    "example",
    [
        naming("left arrow"),
        naming("straight on", ("straight on", "turn_left")),
        replace(naming("straight on"), options=("straight on", "turn_left")),
    ],
)
def test_classes_that_are_sides_are_not_mirrored(example):
    assert augmented(example, {"flip": 1.0}, 0, 0) is example
    assert augmented(naming("cup", ("cup", "plate")), {"flip": 1.0}, 0, 0).edits


@pytest.mark.parametrize(
    "text", ["the cup in the middle", "topmost book", "lower_lip", "in the centre", "north"]
)
def test_a_question_of_places_is_mirrored_but_not_cut(text):
    assert speaks_of_places(text)
    assert not speaks_of_sides(text)
    example = asking(text, boxes=[(40.0, 30.0, 60.0, 50.0)])
    assert augmented(example, {"crop": 1.0}, 0, 0) is example
    assert augmented(example, {"flip": 1.0}, 0, 0).edits


SIDES = st.integers(1, 400)


@given(SIDES, SIDES, st.lists(st.tuples(*[st.floats(0, 1)] * 4), max_size=4), st.integers(0, 10**6))
def test_a_window_keeps_all_boxes_and_most_of_the_picture(width, height, corners, seed):
    boxes = [
        (min(a, c) * width, min(b, d) * height, max(a, c) * width, max(b, d) * height)
        for a, b, c, d in corners
        if a != c and b != d
    ]
    example = asking(image_wh=(width, height), boxes=boxes)
    changed = augmented(example, {"crop": 1.0}, seed, 0)
    w, h = changed.image_wh
    least = LEAST_AREA_AROUND_BOXES if boxes else LEAST_AREA
    assert least * width * height <= w * h * (1 + 1e-9)
    assert w <= width and h <= height
    for (x1, y1, x2, y2), before in zip(changed.target.boxes_xyxy_px, boxes, strict=True):
        assert min(x1, y1) >= 0 and x2 <= w and y2 <= h
        assert (x2 - x1, y2 - y1) == pytest.approx((before[2] - before[0], before[3] - before[1]))


def test_windows_are_of_all_sizes_and_places():
    example = asking(image_wh=(100, 100), boxes=[(45.0, 45.0, 55.0, 55.0)])
    windows = {augmented(example, {"crop": 1.0}, 0, n).edits[0].window_xyxy_px for n in range(400)}
    lefts, _, rights, _ = zip(*windows, strict=True)
    assert min(lefts) == 0 and max(lefts) >= 20
    assert max(rights) == 100 and min(rights) <= 80


@given(SIDES, SIDES, st.floats(1, 100), st.integers(0, 10**6))
def test_nothing_becomes_too_small_to_see(width, height, side, seed):
    x2, y2 = min(side, width), min(side, height)
    example = asking(image_wh=(width, height), boxes=[(0.0, 0.0, x2, y2)])
    changed = augmented(example, {"scale": 1.0}, seed, 0)
    if not changed.edits:
        return
    w, h = changed.image_wh
    assert (w, h) != (width, height) and w <= width and h <= height
    assert w >= LEAST_FACTOR * width and h >= LEAST_FACTOR * height
    assert min(w, h) >= LEAST_PICTURE_SIDE_PX
    (box,) = changed.target.boxes_xyxy_px
    assert min(box[2:]) >= LEAST_BOX_SIDE_PX - 1e-9


def test_a_picture_whose_box_is_already_small_keeps_its_size():
    small = asking(image_wh=(400, 400), boxes=[(0.0, 0.0, 200.0, 200.0), (300.0, 300.0, 316.0, 350.0)])
    assert augmented(small, {"scale": 1.0}, 0, 0) is small
    large = asking(image_wh=(400, 400), boxes=[(0.0, 0.0, 200.0, 200.0)])
    assert augmented(large, {"scale": 1.0}, 0, 0).image_wh < (400, 400)


def test_off_is_the_example_itself():
    example = asking(boxes=[(1.0, 2.0, 30.0, 40.0)])
    off = make_config({"data": {"path": "photos"}}).augment.model_dump()
    assert set(off.values()) == {0.0}
    assert augmented(example, off, 0, 0) is example
    config = make_config({"data": {"path": "photos"}})
    assert with_changes([example] * 3, config, 0)[2] is example


def test_every_kind_has_its_key_and_chances_are_chances():
    assert set(Augment.model_fields) == set(DRAWS)
    for wrong in ({"hue": 0.5}, {"flip": 1.5}, {"flip": -0.1}, {"flip": float("nan")}):
        with pytest.raises(ConfigError, match=r"augment\."):
            make_config({"data": {"path": "photos"}, "augment": wrong})


def test_a_chance_is_the_share_of_changed_pictures():
    example = asking()
    changed = sum(bool(augmented(example, {"flip": 0.25}, 0, place).edits) for place in range(2000))
    assert changed == pytest.approx(500, abs=100)  # five deviations


@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_the_same_seed_and_place_give_the_same_changes(seed, place):
    example = asking(image_wh=(300, 200), boxes=[(100.0, 50.0, 180.0, 120.0)])
    assert augmented(example, ALL, seed, place) == augmented(example, ALL, seed, place)
    assert augmented(example, ALL, seed, place).edits != augmented(example, ALL, seed + 1, place).edits
    assert augmented(example, ALL, seed, place).edits != augmented(example, ALL, seed, place + 1).edits


def test_a_step_is_changed_alike_whatever_came_before_and_an_example_anew_in_each_epoch():
    examples = [replace(asking(), id=str(n)) for n in range(4)]
    config = make_config({"seed": 7, "data": {"path": "photos"}, "augment": ALL})
    plain = [examples_of_step(examples, step, 3, 7) for step in range(8)]
    steps = [with_changes(chosen, config, step) for step, chosen in enumerate(plain)]
    assert steps[5] == with_changes(plain[5], config, 5)
    assert [[e.id for e in step] for step in steps] == [[e.id for e in step] for step in plain]
    draws = [with_changes([examples[0]] * 2, config, 5, again) for again in range(3)]
    assert len({e.edits for draw in draws for e in draw}) == 6
    of_one = [e.edits for step in steps for e in step if e.id == "0"]
    assert len(of_one) == len(set(of_one)) == 6


def test_one_kind_does_not_disturb_another():
    example = asking(image_wh=(300, 200))
    alone = [augmented(example, {"colour": 0.5}, 0, n).edits for n in range(50)]
    beside = [augmented(example, {"colour": 0.5, "flip": 0.5}, 0, n).edits for n in range(50)]
    assert [edits[-1:] for edits in alone if edits] == [
        edits[-1:] for edits, expected in zip(beside, alone, strict=True) if expected
    ]
    assert {len(edits) for edits in beside} == {0, 1, 2}


def test_the_page_states_the_limits_that_hold():
    page = (Path(__file__).parents[2] / "docs" / "augmentation.md").read_text("utf-8")
    assert [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")] == list(DRAWS)
    for stated in (
        f"less than {LEAST_AREA_AROUND_BOXES:.0%} of the picture",
        f"less than {LEAST_AREA:.0%} where no box",
        f"factor from {LEAST_FACTOR} to 1 ",
        f"a side under {LEAST_BOX_SIDE_PX} pixels, or the picture one under {LEAST_PICTURE_SIDE_PX};",
        f"a factor from {1 - STRENGTH} to {1 + STRENGTH} ",
    ):
        assert stated in page
