"""Grounding rewards against pixel counting and the released code's known holes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reward_answers import ABSTAINED, FRAME, SAFE, UNREAD, boxes_answer, terms_of

from vrft.errors import InputError
from vrft.geometry.masks import mask_of_region
from vrft.rewards.region_rewards import iou_mask, point_in_box
from vrft.tasks.parsing.answer_parsers import parse_corners_answer
from vrft.types import Answer, Boxes, Form, Points

MIDDLE = (400.0, 400.0, 600.0, 600.0)


def box_answer(*boxes) -> Answer:
    return boxes_answer(boxes)


def points(*xy) -> Points:
    return Points(xy)


def reward(setting: str, answer: Answer, *labels) -> float:
    return terms_of("grounding", setting)["iou"](answer, Boxes(labels))


spans = st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda s: s[0] < s[1])
boxes = st.tuples(spans, spans).map(
    lambda s: (float(s[0][0]), float(s[1][0]), float(s[0][1]), float(s[1][1]))
)


def pixels(box) -> set[tuple[int, int]]:
    return {(x, y) for x in range(int(box[0]), int(box[2])) for y in range(int(box[1]), int(box[3]))}


@settings(deadline=None)
@given(boxes, boxes)
def test_iou_and_giou_count_pixels(a, b):
    shared, both = len(pixels(a) & pixels(b)), len(pixels(a) | pixels(b))
    around = len(pixels((min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))))
    giou = shared / both - (around - both) / around
    assert reward("paper", box_answer(a), b) == pytest.approx(shared / both)
    assert reward("released_fixed", box_answer(a), b) == pytest.approx((giou + 1) / 2)


@pytest.mark.parametrize("setting", SAFE)
def test_the_label_itself_has_1_and_nothing_has_0(setting):
    assert reward(setting, box_answer(MIDDLE), MIDDLE) == 1.0
    assert reward(setting, UNREAD, MIDDLE) == 0.0
    assert reward(setting, ABSTAINED, MIDDLE) == 0.0
    assert reward(setting, Answer(other=Boxes((MIDDLE,), (1.0,))), MIDDLE) == 0.0


@pytest.mark.parametrize("setting", SAFE)
@pytest.mark.parametrize(
    "text", ["(1000,1000),(0,0)", "(9999,9999),(0,0)", "(600,600),(400,400)", "(500,500),(500,500)"]
)
def test_inverted_and_empty_boxes_have_no_reward(setting, text):
    answer = parse_corners_answer(f"<answer>{text}</answer>", FRAME, Form.DIRECT)
    target = Boxes((MIDDLE,))
    assert {name: term(answer, target) for name, term in terms_of("grounding", setting).items()} == {
        "iou": 0.0,
        "format": 0.0,
    }


def test_the_first_of_several_boxes_counts():
    far = (0.0, 0.0, 10.0, 10.0)
    assert reward("paper", box_answer(far, MIDDLE), MIDDLE) == 0.0


def test_the_fixed_rule_is_half_of_what_the_released_code_gives():
    # that code gives GIoU + 1 = 1.04 for the whole image where the label is a fifth by a fifth of it
    assert reward("released_fixed", box_answer((0.0, 0.0, 1000.0, 1000.0)), MIDDLE) == pytest.approx(1.04 / 2)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(points((500.0, 500.0)), True), 1.0),
        (Answer(points((400.0, 600.0)), True), 1.0),  # the border belongs to the box
        (Answer(points((399.9, 500.0)), True), 0.0),
        (Answer(points((0.0, 0.0), (500.0, 500.0)), True), 0.0),  # the first counts
        (box_answer((0.0, 0.0, 1000.0, 1000.0)), 1.0),  # a box's center
        (box_answer((390.0, 300.0, 400.0, 500.0)), 0.0),
        (ABSTAINED, 0.0),
        (Answer(other=points((500.0, 500.0))), 1.0),  # a point where a box was asked for
    ],
)
def test_a_point_or_a_boxs_center_lies_in_the_label_or_not(answer, expected):
    assert point_in_box(answer, Boxes((MIDDLE,))) == expected
    assert point_in_box(answer, Boxes(((1.0, 1.0, 2.0, 2.0), MIDDLE))) == expected


def test_mask_iou_counts_pixels_of_any_region():
    draw = np.random.default_rng(2)
    for _ in range(50):
        filled = draw.random((30, 40)) < draw.random()
        x1, y1 = draw.integers(0, 39), draw.integers(0, 29)
        x2, y2 = draw.integers(x1 + 1, 41), draw.integers(y1 + 1, 31)
        box = np.zeros((30, 40), dtype=bool)
        box[y1:y2, x1:x2] = True
        target = Boxes(((0.0, 0.0, 40.0, 30.0),), mask=mask_of_region(filled))
        answer = box_answer(tuple(map(float, (x1, y1, x2, y2))), (0.0, 0.0, 1.0, 1.0))
        assert iou_mask(answer, target) == pytest.approx((box & filled).sum() / (box | filled).sum())


def test_ignored_pixels_count_neither_for_nor_against():
    draw = np.random.default_rng(3)
    for _ in range(50):
        filled, ignored = draw.random((2, 30, 40)) < 0.9 * draw.random((2, 1, 1))
        box = np.zeros((30, 40), dtype=bool)
        box[5:20, 10:30] = True
        target = Boxes(((0.0, 0.0, 40.0, 30.0),), mask=mask_of_region(filled), ignore=mask_of_region(ignored))
        expected = (box & filled & ~ignored).sum() / ((box | filled) & ~ignored).sum()
        assert iou_mask(box_answer((10.0, 5.0, 30.0, 20.0)), target) == pytest.approx(expected)
    everything = replace(target, ignore=mask_of_region(np.ones((30, 40), dtype=bool)))
    assert iou_mask(box_answer((10.0, 5.0, 30.0, 20.0)), everything) == 0.0


def test_mask_iou_of_nothing_is_0_and_needs_a_mask():
    target = Boxes((MIDDLE,), mask=mask_of_region(np.ones((10, 10), dtype=bool)))
    assert iou_mask(Answer(other=Boxes((MIDDLE,), (1.0,))), target) == iou_mask(ABSTAINED, target) == 0.0
    with pytest.raises(InputError, match="no mask"):
        iou_mask(box_answer(MIDDLE), Boxes((MIDDLE,)))
