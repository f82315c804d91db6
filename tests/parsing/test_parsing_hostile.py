"""Nothing a model writes can raise, stall, or carry a number that is not finite."""

import math

import pytest
from answer_parts import boxes_of, labels_of, name_of, scores_of
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vrft.tasks.parsing.answer_parsers import parse_boxes_answer, parse_corners_answer, parse_label_answer
from vrft.types import Answer, CoordinateFrame, Fault, Form

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
MEGABYTE = 1_000_000
FLOODS = [
    *(
        "[",
        "]",
        "[]",
        "[1,",
        "9",
        "1e",
        "<answe",
        "<answer>",
        "</answer>",
        "<answer></answer>",
        "<think>",
        "'",
        "'a",
    ),
    *(
        "' ",
        "a'",
        '"\\',
        '"a:',
        "(1,2),",
        "{'a':",
        "{[(",
        " ",
        "\n",
        "x",
        "-",
        "inf",
        "```",
        "<|",
        "<|im_end|>\n",
    ),
    *("<|object_ref_start|>", "No Objects", "{'Position': [1,2,3,4], 'Confidence': .5},", "[1,2,3,4]"),
]


def answers(text: str, form: Form) -> list[Answer]:
    read = [
        parse(text, frame, form) for frame in FRAMES for parse in (parse_boxes_answer, parse_corners_answer)
    ]
    return [*read, parse_label_answer(text, form)]


def check_sound(answer: Answer) -> None:
    assert len(boxes_of(answer)) == len(scores_of(answer))
    assert all(0 <= c <= 1 for c in scores_of(answer))
    for x1, y1, x2, y2 in boxes_of(answer):
        assert 0 <= x1 < x2 <= 640 and 0 <= y1 < y2 <= 480
        assert all(map(math.isfinite, (x1, y1, x2, y2)))
    names = labels_of(answer) or (None,) * len(boxes_of(answer))
    repeated = len(set(zip(boxes_of(answer), names, strict=True))) < len(boxes_of(answer))
    assert repeated == (Fault.REPEATED_BOX in answer.faults)
    assert answer.formatted == (set(answer.faults) <= {Fault.REPEATED_BOX})
    assert answer.parsed or not answer.formatted
    assert answer.parsed or not (boxes_of(answer) or name_of(answer))
    assert name_of(answer) is None or name_of(answer).strip()


@settings(max_examples=400, deadline=None)
@given(hostile, st.sampled_from(Form))
@example("<answer>[{'Position': [1, 2, 30, 40], 'Confidence': NaN}]</answer>", Form.DIRECT)
def test_any_text_gives_a_sound_answer(text, form):
    for answer in answers(text, form):
        check_sound(answer)


@settings(max_examples=200, deadline=None)
@given(hostile)
def test_any_content_gives_a_sound_answer(content):
    for answer in answers(f"<answer>[{content}]</answer>", Form.DIRECT):
        check_sound(answer)


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("wrap", ["{}", "<answer>{}</answer>"])
def test_a_megabyte_of_anything_is_read_or_refused(flood, wrap):
    text = wrap.replace("{}", flood * (MEGABYTE // len(flood)))
    for answer in (
        parse_boxes_answer(text, FRAMES[0], Form.THINK),
        parse_corners_answer(text, FRAMES[0], Form.THINK),
        parse_label_answer(text, Form.THINK),
    ):
        check_sound(answer)
        assert not answer.formatted


@pytest.mark.parametrize("brackets", ["[]", "()", ("{'a':", "}"), ("{'bbox': [", "]}")])
def test_nesting_however_deep_is_refused(brackets):
    text = brackets[0] * 2000 + "[1, 2, 30, 40]" + brackets[1] * 2000
    for answer in answers(f"<answer>{text}</answer>", Form.DIRECT)[:-1]:
        check_sound(answer)
        assert not answer.parsed


def test_nothing_is_executed(tmp_path):
    mark = tmp_path / "mark"
    call = f"__import__('pathlib').Path({str(mark)!r}).touch()"
    for answer in answers(
        f"<answer>[{{'Position': {call}, 'Confidence': {call}}}, {call}]</answer>", Form.DIRECT
    ):
        check_sound(answer)
    assert not mark.exists()
