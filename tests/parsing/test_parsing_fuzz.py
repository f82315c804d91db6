"""Fifty thousand broken texts: none raises, and every number that comes out is finite and in place."""

import math
import time

import pytest
from answer_parts import boxes_of, check_answer
from fuzzing import strings

from vrft.tasks.parsing.answer_parsers import parse_boxes_answer, parse_corners_answer, parse_label_answer
from vrft.tasks.parsing.content_reading import read_answer, read_content, read_paper
from vrft.tasks.parsing.raw_answer import RawAnswer
from vrft.types import CoordinateFrame, Form

FRAMES = [
    CoordinateFrame.whole(kind, (640, 480), (616, 476)) for kind in ("norm1000", "resized_pixels", "norm1")
]
COUNT = 50_000
PARTS = 5
MEGABYTE = 1_000_000
SECONDS = 0.2
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
        "<think>",
        "< answer ",
        "'",
        "'a",
        '"\\',
    ),
    *(
        '"a:',
        "(1,2),",
        "(1,2) ",
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
        "<",
    ),
    *(
        "<point x=",
        "<point x='1' y='2'>",
        "<loc0001>",
        "<1>",
        "<box>1 ",
        "（",
        "，",
        "final answer:",
        "x1: 1, ",
    ),
    *(
        "There is no ",
        "“",
        "top left (1,2) ",
        "=",
        "<ref>",
        "\ud800",
        "1 2 ",
        "{'label': '",
        "u'",
        "...",
        "No Objects",
    ),
    *(
        "{'Position': [1,2,3,4], 'Confidence': .5},",
        "[1,2,3,4]",
        "<answer></answer>",
        "answer:\n",
        "**",
        "[1 ",
        "' ",
        "a'",
        "<|object_ref_start|>",
    ),
]


def check_written(written: RawAnswer) -> None:
    assert all(math.isfinite(n) for box in written.boxes for n in box.numbers)
    assert all(math.isfinite(n) for point in written.points for n in point.numbers)
    assert not any(box.confidence is not None and math.isnan(box.confidence) for box in written.boxes)
    assert not (written.abstained and (written.boxes or written.points))


@pytest.mark.parametrize("part", range(PARTS))
def test_no_text_raises_or_gives_an_unsound_number(part):
    for number, text in enumerate(strings(COUNT // PARTS, seed=part)):
        check_answer(parse_boxes_answer(text, FRAMES[number % 3], Form.THINK))
        if number % 4 == 0:
            check_answer(parse_corners_answer(text, FRAMES[number % 3], Form.DIRECT))
            check_answer(parse_label_answer(text, Form.DIRECT))
            check_written(read_answer(text))


def test_the_generator_makes_answers_as_well_as_rubbish():
    answers = [parse_boxes_answer(text, FRAMES[0], Form.THINK) for text in strings(2_000, seed=9)]
    assert 200 < sum(bool(boxes_of(answer)) for answer in answers) < 1_800
    assert sum(answer.abstained for answer in answers) > 50
    assert len({fault for answer in answers for fault in answer.faults}) >= 10


def test_the_papers_notation_is_read_alike_by_both_readers():
    """``read_content`` with a comma too many goes the long way round, to the same boxes."""
    read = 0
    for text in strings(40_000, seed=PARTS):
        start = text.find("[{")
        content = text[start : text.rfind("}]") + 2] if start >= 0 else ""
        quick = read_paper(content)
        if quick is not None:
            slow = read_content(content + " ,")
            assert (slow.boxes, slow.notations, slow.faults) == (quick.boxes, quick.notations, quick.faults)
            read += 1
    assert read > 400


@pytest.mark.parametrize("flood", FLOODS)
def test_a_megabyte_of_anything_takes_a_fifth_of_a_second_at_most(flood):
    for wrap in ("{}", "<answer>{}</answer>", "<answer>[{}"):
        text = wrap.replace("{}", flood * (MEGABYTE // len(flood)))
        for parse in (
            parse_boxes_answer,
            parse_corners_answer,
            lambda text, _, form: parse_label_answer(text, form),
        ):
            times = []
            for _ in range(3):  # the best of three
                start = time.process_time()
                answer = parse(text, FRAMES[0], Form.THINK)
                check_answer(answer)
                times.append(time.process_time() - start)
                assert not answer.formatted
                if times[-1] < SECONDS:
                    break
            assert min(times) < SECONDS
