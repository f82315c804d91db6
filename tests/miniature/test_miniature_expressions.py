"""Expressions: each is judged again from its words alone and must hold of one object, the one meant."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.miniature.expressions import expressions, plural
from vrft.miniature.scenes import CATEGORIES, COLORS, DIGITS, SceneObject, draw_scene

PLURALS = {
    "zeros": "zero", "ones": "one", "twos": "two", "threes": "three", "fours": "four", "fives": "five",
    "sixes": "six", "sevens": "seven", "eights": "eight", "nines": "nine", "circles": "circle",
    "squares": "square", "triangles": "triangle", "stars": "star", "crosses": "cross", "arrows": "arrow",
    "diamonds": "diamond", "hearts": "heart",
}  # fmt: skip
VALUES = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4,
    "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
}  # fmt: skip

CORNER = st.tuples(st.integers(0, 60), st.integers(0, 60))
SIDE = st.tuples(st.integers(8, 40), st.integers(8, 40))
OBJECT = st.builds(
    lambda category, color, corner, side: SceneObject(
        category, color, (*corner, corner[0] + side[0], corner[1] + side[1])
    ),
    # Few categories and colors, so that twins and sums are common.
    st.sampled_from(("zero", "one", "two", "three", "six", "heart")),
    st.sampled_from(("red", "blue")),
    CORNER,
    SIDE,
)
SCENE = st.lists(OBJECT, min_size=1, max_size=4).map(tuple)


def meant(text, objects):
    """Indices of the objects of which the expression holds, by its words."""
    everything = range(len(objects))

    def area(i):
        x1, y1, x2, y2 = objects[i].box_xyxy_px
        return (x2 - x1) * (y2 - y1)

    def middle(i, axis):
        return objects[i].box_xyxy_px[axis] + objects[i].box_xyxy_px[axis + 2]

    if match := re.fullmatch(r"the (larger|smaller) of the two (\w+)", text):
        pair = [i for i in everything if objects[i].category == PLURALS[match[2]]]
        assert len(pair) == 2
        sign = 1 if match[1] == "larger" else -1
        return [i for i in pair if all(sign * area(i) > sign * area(j) for j in pair if j != i)]
    if match := re.fullmatch(r"the (leftmost|rightmost|topmost|bottommost) object", text):
        axis = int(match[1] in {"topmost", "bottommost"})
        sign = -1 if match[1] in {"leftmost", "topmost"} else 1
        others = {i: [j for j in everything if j != i] for i in everything}
        return [
            i for i in everything if all(sign * middle(i, axis) > sign * middle(j, axis) for j in others[i])
        ]
    digits = {i: VALUES[objects[i].category] for i in everything if objects[i].category in VALUES}
    if text == "the digit with the highest value":
        return [i for i in digits if digits[i] == max(digits.values())]
    if text == "the digit that is the sum of the others":
        assert len(digits) >= 3
        return [i for i in digits if digits[i] == sum(digits[j] for j in digits if j != i)]
    match = re.fullmatch(r"the (\w+) (\w+)", text)
    assert match, text
    assert match[1] in COLORS
    assert match[2] in CATEGORIES
    return [i for i in everything if (objects[i].color, objects[i].category) == (match[1], match[2])]


@settings(max_examples=400, deadline=None)
@given(SCENE)
def test_every_expression_holds_of_one_object_and_it_is_the_one_meant(objects):
    for text, found in expressions(objects):
        holds = meant(text, objects)
        assert len(holds) == 1, (text, objects)
        assert objects[holds[0]] is found, text


@settings(max_examples=200, deadline=None)
@given(SCENE)
def test_no_text_is_given_twice(objects):
    texts = [text for text, _ in expressions(objects)]
    assert len(set(texts)) == len(texts)


@settings(max_examples=200, deadline=None)
@given(SCENE)
def test_the_highest_digit_is_reported_wherever_there_is_one_among_several(objects):
    values = [VALUES[o.category] for o in objects if o.category in VALUES]
    reported = "the digit with the highest value" in dict(expressions(objects))
    assert reported == (len(values) >= 2 and values.count(max(values)) == 1)


def test_differences_too_small_to_see_are_not_asked_about():
    """Areas within 1.4 times and centres within 10 pixels leave nothing to tell two reds apart."""
    a = SceneObject("seven", "red", (10, 10, 30, 30))
    b = SceneObject("seven", "red", (14, 14, 36, 34))
    assert [text for text, _ in expressions((a, b))] == []


def test_drawn_scenes_give_every_kind_of_expression():
    kinds = set()
    for seed in range(60):
        objects = draw_scene(np.random.default_rng(seed), "train", DIGITS[:6], (3, 4)).objects
        for text, found in expressions(objects):
            holds = meant(text, objects)
            assert [objects[i] for i in holds] == [found]
            kinds.add(text.replace(found.category, "X").replace(plural(found.category), "X").split(" ")[1])
    assert {"larger", "smaller", "leftmost", "rightmost", "topmost", "bottommost", "digit"} <= kinds
    assert kinds & set(COLORS)


def test_plurals_are_english():
    assert {plural(name): name for name in CATEGORIES} == PLURALS
