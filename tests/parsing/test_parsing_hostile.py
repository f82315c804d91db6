"""Nothing a model writes can raise, stall, or carry a number that is not finite."""

import pytest
from answer_parts import check_answer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vrft.tasks.parsing.answer_parsers import parse_boxes_answer, parse_corners_answer, parse_label_answer
from vrft.types import Answer, CoordinateFrame, Form

FRAMES = [
    CoordinateFrame.whole(kind, (640, 480), (616, 476)) for kind in ("norm1000", "resized_pixels", "norm1")
]
FRAGMENTS = [
    *("<think>", "</think>", "<answer>", "</answer>", "<answ", "</"),
    *("[", "]", "{", "}", "(", ")", ",", ":", "'", '"', "\\", "`", "```json", "\n", " ", "\x00"),
    *("'Position'", "'Confidence'", '"bbox_2d"', "'box': ", "[1, 2, 30, 40]", "(1,2),(3,4)", "No Objects"),
    *("0.5", "1e999", "-1e999", "NaN", "-Infinity", "9" * 400, "9" * 5000, "-", "+", ".", "e", "١", "²"),
    *("{'Position': [1, 2, 30, 40], 'Confidence': 0.9}", "<|box_start|>", "<|im_end|>", "dog", "\ud800", "é"),
]
hostile = st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join))


def answers(text: str, form: Form) -> list[Answer]:
    read = [
        parse(text, frame, form) for frame in FRAMES for parse in (parse_boxes_answer, parse_corners_answer)
    ]
    return [*read, parse_label_answer(text, form)]


@settings(max_examples=400, deadline=None)
@given(hostile, st.sampled_from(Form))
@example("<answer>[{'Position': [1, 2, 30, 40], 'Confidence': NaN}]</answer>", Form.DIRECT)
def test_any_text_gives_a_sound_answer(text, form):
    for answer in answers(text, form):
        check_answer(answer)


@settings(max_examples=200, deadline=None)
@given(hostile)
def test_any_content_gives_a_sound_answer(content):
    for answer in answers(f"<answer>[{content}]</answer>", Form.DIRECT):
        check_answer(answer)


@pytest.mark.parametrize("brackets", ["[]", "()", ("{'a':", "}"), ("{'bbox': [", "]}")])
def test_nesting_however_deep_is_refused(brackets):
    text = brackets[0] * 2000 + "[1, 2, 30, 40]" + brackets[1] * 2000
    for answer in answers(f"<answer>{text}</answer>", Form.DIRECT)[:-1]:
        check_answer(answer)
        assert not answer.parsed


def test_nothing_is_executed(tmp_path):
    mark = tmp_path / "mark"
    call = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    for answer in answers(
        f"<answer>[{{'Position': {call}, 'Confidence': {call}}}, {call}]</answer>", Form.DIRECT
    ):
        check_answer(answer)
    assert not mark.exists()
