"""Grounding answers: two corners, and other ways to write one box."""

import pytest
from answer_parts import boxes_of, scores_of

from vrft.tasks.parsing.answer_parsers import parse_corners_answer
from vrft.types import Answer, CoordinateFrame, Fault, Form

FRAME = CoordinateFrame.whole("norm1000", (1000, 1000), (500, 500))
A = (1.0, 2.0, 30.0, 40.0)


def read(content: str) -> Answer:
    return parse_corners_answer(f"<answer>{content}</answer>", FRAME, Form.DIRECT)


@pytest.mark.parametrize(
    "content",
    [
        "(1,2),(30,40)",
        " ( 1 , 2 ) , ( 30 , 40 ) ",
        "(1,2) (30,40)",
        "[(1,2),(30,40)]",
        "<|box_start|>(1,2),(30,40)<|box_end|>",
        "<|object_ref_start|>the dog<|object_ref_end|><|box_start|>(1,2),(30,40)<|box_end|>",
        "[1, 2, 30, 40]",
        "(1, 2, 30, 40)",
        '```json\n[{"bbox_2d": [1, 2, 30, 40], "label": "dog"}]\n```',
        '{"bbox_2d": [1, 2, 30, 40]}',
    ],
)
def test_notations(content):
    answer = read(content)
    assert boxes_of(answer) == (A,) and scores_of(answer) == (1.0,)
    assert answer.formatted and not answer.faults


@pytest.mark.parametrize(
    "content",
    ["(1,2),(30,40),(500,500),(600,700)", "[1,2,30,40],[500,500,600,700]", "(1,2),(30,40)\n(5,6),(7,8)"],
)
def test_of_several_boxes_the_first_is_kept(content):
    answer = read(content)
    assert boxes_of(answer) == (A,) and answer.parsed and not answer.formatted
    assert answer.faults == (Fault.SEVERAL_BOXES,)


@pytest.mark.parametrize(
    "content",
    [
        "(1000,1000),(0,0)",
        "(9999,9999),(0,0)",
        "(30,2),(1,40)",
        "(500,500),(500,500)",
        "(0,0),(1001,10)",
        "(1,2)",
        "(1,2),(30,40",
        "1,2,30,40,50",
        "(NaN,0),(1,1)",
        "No Objects",
        "[]",
        "the dog",
    ],
)
def test_no_box(content):
    answer = read(content)
    assert not answer.parsed and not answer.formatted and boxes_of(answer) == () and answer.faults


def test_corners_in_words_are_read_without_format():
    answer = read("top left (1,2), bottom right (30,40)")
    assert boxes_of(answer) == (A,) and not answer.formatted


def test_a_bad_box_before_a_good_one_is_passed_over():
    answer = read("(30,40),(1,2),(1,2),(30,40)")
    assert boxes_of(answer) == (A,) and answer.faults == (Fault.BAD_BOX,)
