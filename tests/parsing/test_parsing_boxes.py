"""Every notation of boxes that is read, and what each flaw costs. The frame is 1:1, so that numbers stay."""

import json

import pytest
from answer_parts import boxes_of, scores_of
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.tasks.parsing.answer_parsers import parse_boxes_answer
from vrft.types import Answer, CoordinateFrame, Fault, Form

FRAME = CoordinateFrame.whole("norm1000", (1000, 1000), (500, 500))
A, B = (1.0, 2.0, 30.0, 40.0), (500.0, 500.0, 600.0, 700.0)


def read(content: str) -> Answer:
    return parse_boxes_answer(f"<answer>{content}</answer>", FRAME, Form.DIRECT)


@pytest.mark.parametrize(
    "content",
    [
        "[{'Position': [1, 2, 30, 40], 'Confidence': 0.50}]",
        '[{"Position": [1, 2, 30, 40], "Confidence": 0.5}]',
        "[{'position': [1.0,2.0,30.0,40.0], 'CONFIDENCE': .5}]",
        "[{'Confidence': 5e-1, 'Position': (1, 2, 30, 40)}]",
        "{'Position': [1, 2, 30, 40], 'Confidence': 0.5}",
        '```json\n[\n\t{"bbox_2d": [1, 2, 30, 40], "label": "the dog\'s nose", "confidence": 0.5},\n]\n```',
        '```json\n[{"bbox": [1, 2, 30, 40], "score": 0.5}]\n```json',
        "[{'box': [1, 2, 30, 40,], 'label': 'the dog's nose', 'score': 0.5,},]",
        '[{"bounding_box": [1, 2, 30, 40], "label": "a \\"dog\\", lying", "score": 0.5}]',
        """[{"bbox_2d': [1, 2, 30, 40], 'score': 0.5}]""",
        "\n[{'Position':\n[1, 2,\n30, 40],\n'Confidence': 0.5}]\n",
    ],
)
def test_notations_of_one_box(content):
    answer = read(content)
    assert (boxes_of(answer), scores_of(answer)) == ((A,), (0.5,))
    assert answer.parsed and not answer.abstained


@pytest.mark.parametrize(
    "content",
    [
        "[[1, 2, 30, 40], [500, 500, 600, 700]]",
        "[1,2,30,40],[500,500,600,700]",
        "[(1,2,30,40), (500,500,600,700)]",
    ],
)
def test_bare_lists_are_sure(content):
    answer = read(content)
    assert boxes_of(answer) == (A, B)
    assert scores_of(answer) == (1.0, 1.0)
    assert answer.formatted


boxes = st.tuples(*[st.integers(0, 499)] * 2, *[st.integers(500, 1000)] * 2)
detections = st.lists(st.tuples(boxes, st.integers(0, 100)), min_size=1, max_size=6, unique_by=lambda d: d[0])


@settings(deadline=None)
@given(detections, st.sampled_from([str, json.dumps, lambda v: json.dumps(v, indent=12)]))
def test_whatever_python_or_json_writes_is_read(found, write):
    answer = read(write([{"Position": list(box), "Confidence": c / 100} for box, c in found]))
    assert boxes_of(answer) == tuple(tuple(map(float, box)) for box, _ in found)
    assert scores_of(answer) == tuple(c / 100 for _, c in found)
    assert answer.formatted


@settings(deadline=None)
@given(detections, st.data())
def test_a_cut_keeps_every_box_before_it(found, data):
    pieces = [f"{{'Position': {list(box)}, 'Confidence': {c / 100}}}" for box, c in found]
    text = "[" + ", ".join(pieces)
    end = data.draw(st.integers(1, len(text)))
    answer = parse_boxes_answer(f"<answer>{text[:end]}", FRAME, Form.DIRECT)
    whole = sum(len("[" + ", ".join(pieces[: n + 1])) <= end for n in range(len(pieces)))
    assert boxes_of(answer)[:whole] == tuple(tuple(map(float, box)) for box, _ in found[:whole])
    assert scores_of(answer)[:whole] == tuple(c / 100 for _, c in found[:whole])
    assert len(boxes_of(answer)) <= whole + 1 and set(boxes_of(answer)) <= {b for b, _ in found}
    assert Fault.TRUNCATED in answer.faults and not answer.formatted and not answer.abstained


def test_a_number_at_the_cut_is_not_believed():
    answer = read("[{'Position': [1, 2, 30, 40], 'Confidence': 0.")
    assert boxes_of(answer) == (A,) and scores_of(answer) == (1.0,)
    assert set(answer.faults) == {Fault.TRUNCATED, Fault.BAD_CONFIDENCE}
    assert not read("[[1, 2, 30, 4").parsed


def test_a_cut_before_the_box_is_not_a_bad_box():
    answer = read("[{'Position': [1, 2, 30, 40], 'Confidence': 0.5}, {'Confidence': 0.5, 'Posi")
    assert boxes_of(answer) == (A,) and answer.faults == (Fault.NOT_READABLE, Fault.TRUNCATED)
    assert read("[[1, 2, 30, 40], {'label': 'dog', ").faults == (Fault.TRUNCATED,)


def test_what_lies_beyond_the_limit_is_not_passed_over_silently():
    assert read("[[1, 2, 30, 40]]" + " " * 100_000 + "[[500, 500, 600, 700]]").faults == (Fault.TRUNCATED,)


@pytest.mark.parametrize(
    "content",
    [
        "No Objects",
        "no objects",
        "'No Objects'",
        '"No Object".',
        "No Objects.",
        "[]",
        "['No Objects']",
        "``` [ ] ```",
    ],
)
def test_abstentions(content):
    answer = read(content)
    assert answer.abstained and answer.parsed and answer.formatted and not answer.faults


@pytest.mark.parametrize(
    "content",
    [
        "I see a dog.",
        "0",
        "[",
        "[] maybe",
        "No",
        "()",
        "][",
        "The prompt says to write 'No Objects' if there are none, and there are two.",
        "No Objects, but a dog.",
        "There are no cats; however, a dog lies at the left.",
        "There are no objects. I see a dog.",
    ],
)
def test_what_names_neither_boxes_nor_nothing_is_not_read(content):
    answer = read(content)
    assert not answer.parsed and not answer.formatted and not answer.abstained and answer.faults


@pytest.mark.parametrize(
    "content",
    [
        "There are no objects.",
        "There are no dogs in the image, so no box can be given.",
        "none",
        "No dogs were detected",
        "no object found in this image.",
        "no object found in this picture.",
        "The picture does not contain any dogs.",
        "**No Objects**",
        "N/A",
        "{}",
        "[{}]",
        "[[]]",
        "[None]",
        "[{'Position': [], 'Confidence': 0.0}]",
        "[{'Position': None, 'Confidence': 0.0}]",
        "There is none.\n```json\n[]\n```",
        '{"bounding_box": "None"}',
        "图中没有人脸。",
    ],
)
def test_abstentions_in_other_words_are_read_and_cost_the_form(content):
    answer = read(content)
    assert answer.abstained and answer.parsed and not answer.formatted
    assert Fault.OTHER_NOTATION in answer.faults


def test_an_empty_place_next_to_a_box_is_a_bad_box():
    answer = read("[{'Position': [1, 2, 30, 40], 'Confidence': 0.5}, {'Position': [], 'Confidence': 0.5}]")
    assert boxes_of(answer) == (A,) and answer.faults == (Fault.BAD_BOX,)


def test_an_abstention_that_may_go_on_is_not_believed():
    assert not parse_boxes_answer("<answer>There are no dogs", FRAME, Form.DIRECT).parsed
    assert parse_boxes_answer("<answer>There are no dogs.", FRAME, Form.DIRECT).abstained


def test_prose_is_not_readable_and_nothing_is_empty():
    assert read("I see a dog.").faults == (Fault.NOT_READABLE,)
    assert read("  ").faults == (Fault.EMPTY,)


@pytest.mark.parametrize(
    "bad",
    [
        "[1, 2, 30]",
        "[1, 2, 30, 40, 50]",
        "['1', '2', '30']",
        "[30, 2, 1, 40]",
        "[1, 2, 1, 40]",
        "[-1, 2, 30, 40]",
        "[1, 2, 30, 1001]",
        "[1, 2, NaN, 40]",
        "[1, 2, Infinity, 40]",
        "[1, 2, 1e999, 40]",
        "[1, 2, " + "9" * 5000 + ", 40]",
        "[1, 2, [30], 40]",
        "[x1, y1, x2, y2]",
        "[1 0, 30, 40]",
        "[1,, 2, 30, 40]",
        "[1, 2, 30, 40)",
        "[1, 2, 30, 40}",
        "many",
        "7",
    ],
)
def test_a_bad_box_costs_itself_only(bad):
    good = "{'Position': [500, 500, 600, 700], 'Confidence': 0.25}"
    answer = read(f"[{{'Position': {bad}, 'Confidence': 0.9}}, {good}]")
    assert (boxes_of(answer), scores_of(answer)) == ((B,), (0.25,))
    assert Fault.BAD_BOX in answer.faults and answer.parsed and not answer.formatted
    alone = read(f"[{{'Position': {bad}, 'Confidence': 0.9}}]")
    assert not alone.parsed and not alone.abstained and not alone.formatted


@pytest.mark.parametrize(
    ("confidence", "kept"),
    [
        ("NaN", 0.0),
        ("-NaN", 0.0),
        ("Infinity", 1.0),
        ("-Infinity", 0.0),
        ("1e999", 1.0),
        ("100", 1.0),
        ("-5", 0.0),
        ("1.01", 1.0),
        ("'0.9'", 0.9),
        ("'high'", 0.0),
        ("high", 0.0),
        ("None", 0.0),
        ("[0.9]", 0.0),
    ],
)
def test_a_bad_confidence_costs_the_format_and_keeps_the_box(confidence, kept):
    answer = read(f"[{{'Position': [1, 2, 30, 40], 'Confidence': {confidence}}}]")
    assert (boxes_of(answer), scores_of(answer)) == ((A,), (kept,))
    assert answer.faults == (Fault.BAD_CONFIDENCE,) and answer.parsed and not answer.formatted


def test_only_the_papers_notation_demands_a_confidence():
    assert read("[{'Position': [1, 2, 30, 40]}]").faults == (Fault.BAD_CONFIDENCE,)
    assert read("[{'bbox_2d': [1, 2, 30, 40], 'label': 'dog'}]").formatted
    assert scores_of(read("[{'Position': [1, 2, 30, 40]}]")) == (1.0,)


def test_equal_boxes_stay_and_are_counted():
    one = "{{'Position': [1, 2, 30, 40], 'Confidence': {}}}"
    answer = read(
        "[" + ", ".join(one.format(c) for c in (0.2, 0.8, 0.5)) + ", {'Position': [500, 500, 600, 700]}]"
    )
    assert boxes_of(answer) == (A, A, A, B)
    assert scores_of(answer) == (0.2, 0.8, 0.5, 1.0)
    assert Fault.REPEATED_BOX in answer.faults and len(answer.spans) == 4


def test_words_around_boxes_cost_the_format_only():
    answer = read("Here it is: [{'Position': [1, 2, 30, 40], 'Confidence': 0.5}], isn't it?")
    assert boxes_of(answer) == (A,) and not answer.formatted


def test_without_tags_boxes_are_read_after_the_thought():
    answer = parse_boxes_answer("<think>[[7, 7, 9, 9]]</think> [[1, 2, 30, 40]]", FRAME, Form.THINK)
    assert boxes_of(answer) == (A,) and answer.faults == (Fault.NO_ANSWER_TAG,) and not answer.formatted


def test_boxes_in_an_unfinished_thought_are_not_an_answer():
    assert not parse_boxes_answer("<think> maybe [[7, 7, 9, 9]] or", FRAME, Form.THINK).parsed


def test_the_frame_decides_what_numbers_mean():
    text = "<answer>[[100, 50, 200, 100]]</answer>"
    frames = {
        kind: CoordinateFrame.whole(kind, (2000, 1000), (400, 200))
        for kind in ("norm1000", "resized_pixels", "norm1")
    }
    read_as = {kind: boxes_of(parse_boxes_answer(text, frame, Form.DIRECT)) for kind, frame in frames.items()}
    assert read_as == {
        "norm1000": ((200.0, 50.0, 400.0, 100.0),),
        "resized_pixels": ((500.0, 250.0, 1000.0, 500.0),),
        "norm1": (),
    }
