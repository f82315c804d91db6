"""Where in its text each box is written: its four numbers and nothing before or after them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from answer_parts import boxes_of
from fuzzing import strings
from hypothesis import given
from hypothesis import strategies as st
from test_parsing_notations import ONE_BOX

from vrft.tasks.parsing.answer_parsers import parse_boxes_answer, parse_corners_answer
from vrft.tasks.parsing.content_reading import read_content, read_paper
from vrft.tasks.parsing.scanner import scan
from vrft.types import NOWHERE, CoordinateFrame, Form

FRAME = CoordinateFrame.whole("norm1000", (1000, 1000), (1000, 1000))
_KEYS = re.compile(r"[a-z]+_2d|[xy][12]|(?:coord|loc)_")
MORE_BETWEEN = {"prose with corners"}
"""Other numbers are between those of the box."""


def said(answer):
    return [answer.text[begin:end] for begin, end in answer.spans]


@pytest.mark.parametrize("name", ONE_BOX)
@pytest.mark.parametrize(
    "around",
    [
        "<answer>{}</answer>",
        " \n<think> at [7, 8, 9, 10]? </think> <answer> {}\n</answer><|im_end|>",
        "{}",
        "\t< think >(7,8),(9,10)</think ><Answer>\n{}</ Answer>",
        "<think> 7 8 9 10 </think>{}",
    ],
)
def test_every_notation_shows_where_its_numbers_are(name, around):
    text = around.format(ONE_BOX[name][0])
    answer = parse_boxes_answer(text, FRAME, Form.THINK)
    if name == "width and height":
        assert boxes_of(answer) == answer.spans == ()
        return
    (span,) = said(answer)
    assert span[0].isdigit() and span[-1].isdigit()
    numbers = [int(number) for number in re.findall("[0-9]+", _KEYS.sub("", span))]
    assert set(numbers) >= {1, 2, 30, 40}
    assert len(numbers) == 4 or name in MORE_BETWEEN


@pytest.mark.parametrize(
    ("content", "numbers"),
    [
        ("<|box_start|><1><2><30><40>, <5><6><70><80><|box_end|>", ["1><2><30><40", "5><6><70><80"]),
        ("dog(1,2),(30,40),cat(5,6),(70,80)", ["1,2),(30,40", "5,6),(70,80"]),
        ("{'Position': [1, 2, 30, 40], 'Position': [5, 6, 70, 80]}", ["1, 2, 30, 40", "5, 6, 70, 80"]),
        ("[1, 2, 30, 40] and [5, 6, 70, 80], not (119, 90)", ["1, 2, 30, 40", "5, 6, 70, 80"]),
        # In lower case a key of two characters may have three: its place is given up.
        ("{'X: 1,2,30,40', 'ß: 5,6,70,80'}", ["1,2,30,40", ""]),
        ("[u'1, 2, 30, 40', “5, 6, 70, 80”]", ["1, 2, 30, 40", "5, 6, 70, 80"]),
        ('{"x1\': 1\n, "y1": 2, "x2": 30, "y2": 40}', ['1\n, "y1": 2, "x2": 30, "y2": 40']),
        ('{"bottom": 40, "top": 2, "left": 1, "right": 30}', ['40, "top": 2, "left": 1, "right": 30']),
    ],
)
def test_several_boxes_and_other_orders(content, numbers):
    assert said(parse_boxes_answer(f"<answer>{content}</answer>", FRAME, Form.DIRECT)) == numbers


def test_a_box_that_is_dropped_or_repeated_leaves_the_others_in_place():
    content = "[[1, 2, 30, 40], [50, 6, 5, 8], [1,2,30,40], [5, 6, 7000, 8], [5, 6, 70, 80]]"
    answer = parse_boxes_answer(f"<answer>{content}</answer>", FRAME, Form.DIRECT)
    assert said(answer) == ["1, 2, 30, 40", "1,2,30,40", "5, 6, 70, 80"] and len(boxes_of(answer)) == 3
    assert said(parse_corners_answer(f"<answer>{content}</answer>", FRAME, Form.DIRECT)) == ["1, 2, 30, 40"]


def test_a_place_that_is_not_known_is_not_guessed():
    torn = "<think> a </think> {'Position': [1, 2, </answer> 30, 40]} </answer>"
    before = "[1, 2, 30, 40] <answer> </answer>"
    for text in (torn, before):
        answer = parse_boxes_answer(text, FRAME, Form.THINK)
        assert len(boxes_of(answer)) == 1
        assert set(answer.spans) <= {NOWHERE}


def test_spans_do_not_tell_answers_apart():
    answer = parse_boxes_answer("<answer>[[1, 2, 30, 40]]</answer>", FRAME, Form.DIRECT)
    assert answer.spans and answer == replace(answer, spans=())


def test_what_is_read_holds_plain_numbers():
    written = read_content("{'Position': ['1', '2', '30', '40'], 'Confidence': '0.5'}, [5, 6, 70, 80]")
    for box in written.boxes:
        assert {type(n) for n in box.numbers} == {float} and type(box.confidence) in (float, type(None))


NUMBER = st.integers(0, 999)
BOX = st.tuples(NUMBER, NUMBER, NUMBER, NUMBER)
BLANK = st.sampled_from(["", " ", "\n  "])


@given(
    st.lists(BOX, min_size=1, max_size=6), BLANK, st.text("é狗 [1,2<think", max_size=12), st.integers(0, 2)
)
def test_written_boxes_are_found_where_they_were_put(boxes, blank, thought, notation):
    head = f" <think>{thought}</think><answer>["
    text, wanted = head, []
    for box in boxes:
        numbers = ("," + blank).join(map(str, box))
        before, after = [
            ("{'Position': [", "], 'Confidence': 0.5}"),
            ('{"label": "狗", "bbox_2d": [', "]}"),
            ("[", "]"),
        ][notation]
        start = len(text) + len(before)
        wanted.append((box, (start, start + len(numbers))))
        text += f"{before}{numbers}{after}, "
    answer = parse_boxes_answer(text[:-2] + "]</answer>", FRAME, Form.THINK)
    sound = [(box, span) for box, span in wanted if box[0] < box[2] and box[1] < box[3]]
    assert answer.spans == tuple(span for _, span in sound)
    assert boxes_of(answer) == tuple(tuple(map(float, box)) for box, _ in sound)


def test_the_papers_notation_has_the_same_places_in_the_tolerant_reader():
    content = (
        "[{'Position': [1, 2, 30, 40], 'Confidence': 0.9}, {'Position': [5, 6, 70, 80.5],\n'Confidence': 1}]"
    )
    paper, tolerant = read_paper(content), read_content(content + " ")
    assert paper is not None and scan(content).clean
    assert read_paper(content + " ") is None
    assert paper.boxes == tolerant.boxes and paper.spans == tolerant.spans


def test_hostile_texts_have_a_span_per_box_within_the_text():
    for text in strings(4000, seed=11):
        answer = parse_boxes_answer(text, FRAME, Form.THINK)
        assert len(answer.spans) in (0, len(boxes_of(answer)))
        for (begin, end), box in zip(answer.spans, boxes_of(answer), strict=False):
            assert 0 <= begin <= end <= len(text)
            if begin < end:
                first, last = text[begin], text[end - 1]
                assert (first.isdecimal() or first in "+-.－−．") and (last.isdecimal() or last in ".．")
                assert len(box) == 4
