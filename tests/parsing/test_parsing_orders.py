"""An order of numbers that an answer states is followed or refused, and names stay with their own boxes."""

from __future__ import annotations

import itertools
import json

import pytest
from answer_parts import boxes_of, labels_of, scores_of
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.tasks.parsing.answer_parsers import parse_boxes_answer, parse_corners_answer
from vrft.tasks.parsing.content_reading import read_content
from vrft.tasks.parsing.orders import order_of
from vrft.types import CoordinateFrame, Fault, Form

FRAME = CoordinateFrame.whole("norm1000", (1000, 1000), (1000, 1000))
BOX = (100.0, 200.0, 400.0, 500.0)
NUMBERS = {
    "xyxy": [100, 200, 400, 500],
    "yxyx": [200, 100, 500, 400],
    "xxyy": [100, 400, 200, 500],
    "yyxx": [200, 500, 100, 400],
}
"""The same box in every order of corners."""
SAID = {
    "xyxy": ["xyxy", "x1, y1, x2, y2", "xmin, ymin, xmax, ymax", "left, top, right, bottom", "ltrb"],
    "yxyx": ["yxyx", "y1, x1, y2, x2", "ymin, xmin, ymax, xmax", "top, left, bottom, right"],
    "xxyy": ["xxyy", "x1, x2, y1, y2", "xmin, xmax, ymin, ymax"],
    "yyxx": ["yyxx", "y1, y2, x1, x2", "y_min y_max x_min x_max"],
    "xywh": [
        *("xywh", "x, y, w, h", "x, y, width, height", "left, top, width, height"),
        "top-left x, top-left y, width, height",
    ],
    "cxcywh": ["cxcywh", "cx, cy, w, h", "x_center, y_center, width, height", "center x, center y, w, h"],
    "other": ["y, x, h, w", "x2, y2, x1, y1", "x, y, height, width"],
}
WAYS = [
    '{{"format": "{said}", "bbox": {numbers}}}',
    '{{"bbox": {numbers}, "bbox_format": "{said}"}}',
    '{{"format": "{said}", "objects": [{{"bbox": {numbers}}}]}}',
    "[{said}] = {numbers}",
    "bounding box ({said}): {round}",
    "The box in the format ({said}) is {numbers}.",
    '```json\n{{"bbox": {numbers}}}\n``` where the numbers are [{said}]',
    "({said}) = ({pairs})",
]


def reads(content: str):
    answer = parse_corners_answer(f"<answer>{content}</answer>", FRAME, Form.DIRECT)
    return boxes_of(answer), answer.faults


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("order", "said"), [(order, one) for order in SAID for one in SAID[order]])
def test_a_stated_order_is_followed_or_refused(way: str, order: str, said: str) -> None:
    numbers = NUMBERS.get(order, [100, 200, 300, 300])
    a, b, c, d = numbers
    content = way.format(said=said, numbers=numbers, round=tuple(numbers), pairs=f"({a}, {b}), ({c}, {d})")
    found, faults = reads(content)
    if order in NUMBERS:
        assert found == (BOX,), content
    else:
        assert found == () and Fault.BAD_BOX in faults, content


@pytest.mark.parametrize(
    ("key", "order"),
    [
        *(("bbox_xywh", "xywh"), ("bbox_cxcywh", "cxcywh"), ("bbox_yxyx", "yxyx"), ("box_xyxy", "xyxy")),
        *(("xywh", "xywh"), ("bbox_x_y_w_h", "xywh"), ("bbox_ymin_xmin_ymax_xmax", "yxyx"), ("ltwh", "xywh")),
        *(("coco_bbox", "xywh"), ("yolo_bbox", "cxcywh"), ("bbox (x, y, w, h)", "xywh"), ("box_2d", "yxyx")),
    ],
)
def test_a_key_states_the_order(key: str, order: str) -> None:
    numbers = NUMBERS.get(order, [100, 200, 300, 300])
    for content in (f'{{"{key}": {numbers}}}', f'[{{"{key}": {numbers}, "label": "cup"}}]'):
        found, faults = reads(content)
        assert found == ((BOX,) if order in NUMBERS else ()), content
        assert (Fault.BAD_BOX in faults) == (order not in NUMBERS)


@pytest.mark.parametrize(
    "key",
    [
        *("bbox", "bbox_2d", "box", "position", "bounding_box_2d", "coordinates", "cat", "why", "what", "y"),
        *("category", "width", "x1", "left", "center", "label", "the", "box_id", "boxes", "hat", "2d", ""),
    ],
)
def test_other_keys_state_no_order(key: str) -> None:
    assert order_of(key) is None


def test_each_of_several_boxes_has_the_order_stated_last_before_it() -> None:
    content = "In xyxy: [100, 200, 400, 500]. In yxyx: [200, 100, 500, 400]."
    assert {box.order for box in read_content(content).boxes} == {"xyxy", "yxyx"}
    assert boxes_of(parse_boxes_answer(content, FRAME, Form.DIRECT)) == (BOX, BOX)
    own = '[{"bbox": [100, 200, 300, 300], "format": "xywh"}, {"bbox": [100, 200, 400, 500]}]'
    assert [str(box.order) for box in read_content(own).boxes] == ["xywh", "xyxy"]


@pytest.mark.parametrize(
    "content",
    [
        "Boxes as [ymin, xmin, ymax, xmax]: <answer>[[200, 100, 500, 400]]</answer>",
        "<answer>[{'Position': [200, 100, 500, 400], 'Confidence': 0.9}]</answer> in yxyx format",
        "<answer>(y1, x1), (y2, x2) = (200, 100), (500, 400)</answer>",
        "<answer>The box is [200, 100, 500, 400], given as y1, x1, y2 and x2.</answer>",
        '<answer>{"order": "[ymin, xmin, ymax, xmax]", "value": [200, 100, 500, 400]}</answer>',
        '<answer>{"bbox": [100, 200, 400, 500], "mode": "XYXY_ABS"}</answer>',
    ],
)
def test_it_is_stated_in_other_places_too(content: str) -> None:
    assert boxes_of(parse_corners_answer(content, FRAME, Form.DIRECT)) == (BOX,)
    sides = (
        content.replace("yxyx", "xywh")
        .replace("XYXY", "XYWH")
        .replace("ymin, xmin, ymax, xmax", "x, y, w, h")
    )
    if sides != content:
        assert not boxes_of(parse_corners_answer(sides, FRAME, Form.DIRECT))


def test_words_that_state_no_order_change_nothing() -> None:
    for words in (
        "The cup at the top left of the width of the picture:",
        "In the COCO dataset a cat has x and y.",
        "The image is 1000 x 1000 (w x h).",
        "It spans left, right, top and bottom.",
    ):
        assert reads(f"{words} [100, 200, 400, 500]")[0] == (BOX,), words


@pytest.mark.parametrize(
    "content",
    [
        '{"x": 100, "y": 200, "width": 300, "height": 300}',
        '{"left": 100, "top": 200, "w": 300, "h": 300}',
        '{"cx": 250, "cy": 350, "w": 300, "h": 300}',
        '{"x_center": 250, "y_center": 350, "width": 300, "height": 300}',
        '{"bbox": [100, 200], "size": [300, 300]}',
        '{"bbox": "xywh: 100, 200, 300, 300"}',
        "bbox_xywh: 100, 200, 300, 300",
    ],
)
def test_sides_are_no_corners_and_no_point(content: str) -> None:
    answer = parse_boxes_answer(f"<answer>{content}</answer>", FRAME, Form.DIRECT)
    assert not boxes_of(answer) and not answer.parsed


corner = st.integers(0, 400)
box_values = st.tuples(corner, corner, st.integers(401, 1000), st.integers(401, 1000))
objects = st.lists(
    st.tuples(box_values, st.sampled_from(["cat", "dog", "owl"]), st.integers(1, 9)), min_size=1, max_size=4
)


@settings(deadline=None, max_examples=200)
@given(objects, st.permutations(["box", "label", "score"]), st.booleans())
def test_keys_that_come_again_in_one_brace_give_each_box_its_own(found, order, nested) -> None:
    """The same as one brace for each box, in whatever order the keys come."""
    parts = {
        "box": lambda box, name, sure: f'"bbox_2d": {list(box)}',
        "label": lambda box, name, sure: f'"label": "{name}"',
        "score": lambda box, name, sure: f'"confidence": {sure / 10}',
    }
    together = ", ".join(parts[part](*one) for one in found for part in order)
    content = f"[{{{together}}}]" if nested else f"{{{together}}}"
    answer = parse_boxes_answer(f"<answer>{content}</answer>", FRAME, Form.DIRECT)
    assert boxes_of(answer) == tuple(tuple(map(float, box)) for box, _, _ in found)
    assert labels_of(answer) == tuple(name for _, name, _ in found)
    assert scores_of(answer) == tuple(sure / 10 for _, _, sure in found)


def test_corners_under_keys_of_their_own_that_come_again_are_further_boxes() -> None:
    one = '"x1": 1, "y1": 2, "x2": 30, "y2": 40, "label": "cat"'
    two = '"x1": 5, "y1": 6, "x2": 70, "y2": 80, "label": "dog"'
    answer = parse_boxes_answer(f"<answer>{{{one}, {two}}}</answer>", FRAME, Form.DIRECT)
    assert boxes_of(answer) == ((1, 2, 30, 40), (5, 6, 70, 80)) and labels_of(answer) == ("cat", "dog")
    one = '"top_left": [1, 2], "bottom_right": [30, 40]'
    two = '"top_left": [5, 6], "bottom_right": [70, 80]'
    answer = parse_boxes_answer(f"<answer>{{{one}, {two}}}</answer>", FRAME, Form.DIRECT)
    assert boxes_of(answer) == ((1, 2, 30, 40), (5, 6, 70, 80))


def test_names_around_boxes_are_theirs() -> None:
    content = json.dumps({"cat": [[1, 2, 30, 40]], "dog": [[5, 6, 70, 80], [9, 9, 99, 99]]})
    answer = parse_boxes_answer(f"<answer>{content}</answer>", FRAME, Form.DIRECT)
    assert labels_of(answer) == ("cat", "dog", "dog")
    content = json.dumps({"label": "dog", "boxes": [[1, 2, 30, 40], [5, 6, 70, 80]]})
    assert labels_of(parse_boxes_answer(content, FRAME, Form.DIRECT)) == ("dog", "dog")


def test_one_name_before_several_boxes_is_that_of_all() -> None:
    for parts in itertools.permutations(
        ['"label": "cat"', '"bbox": [1, 2, 30, 40]', '"bbox": [5, 6, 70, 80]']
    ):
        answer = parse_boxes_answer(f"{{{', '.join(parts)}}}", FRAME, Form.DIRECT)
        assert labels_of(answer) == ("cat", "cat")
