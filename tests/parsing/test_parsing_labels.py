"""Class names as models write them."""

import pytest
from answer_parts import name_of

from vrft.tasks.parsing.answer_parsers import parse_label_answer
from vrft.types import Fault, Form


@pytest.mark.parametrize(
    ("text", "label", "faults"),
    [
        ("<answer> garden phlox\n</answer>", "garden phlox", ()),
        ("<answer>" + "x" * 200 + "</answer>", "x" * 200, ()),
        ("<answer>one two three four five six seven</answer>", "one two three four five six seven", ()),
        ("garden phlox<|im_end|>", "garden phlox", (Fault.NO_ANSWER_TAG,)),
        ("one two three four five six", "one two three four five six", (Fault.NO_ANSWER_TAG,)),
        ("one two three four five six seven", None, (Fault.NO_ANSWER_TAG, Fault.NOT_READABLE)),
        ("<answer>" + "x" * 201 + "</answer>", None, (Fault.NOT_READABLE,)),
        ("<answer>rose\ntulip</answer>", None, (Fault.NOT_READABLE,)),
        ("<answer></answer>", None, (Fault.EMPTY,)),
        ("<answer> \n </answer>", None, (Fault.EMPTY,)),
        ("", None, (Fault.NO_ANSWER_TAG, Fault.EMPTY)),
    ],
)
def test_labels(text, label, faults):
    answer = parse_label_answer(text, Form.DIRECT)
    assert name_of(answer) == label
    assert answer.faults == faults
    assert answer.parsed == (label is not None)
    assert answer.formatted == (faults == ())


def test_a_name_in_the_thought_is_not_an_answer():
    assert name_of(parse_label_answer("<think>rose", Form.THINK)) is None
    assert name_of(parse_label_answer("<think>rose</think> tulip", Form.THINK)) == "tulip"


@pytest.mark.parametrize(
    ("content", "label"),
    [
        ('{"label": "rose"}', "rose"),
        ("{'species': 'garden phlox'}", "garden phlox"),
        ('```json\n{"class": "rose", "confidence": 0.9}\n```', "rose"),
        ("['rose']", "rose"),
        ('[{"label": "rose"}]', "rose"),
        ("```\nrose\n```", "rose"),
        ("**rose**", "rose"),
        ("species name: rose", "rose"),
        ("Answer: rose", "rose"),
        ("物种：rose", "物种：rose"),
    ],
)
def test_a_wrapped_name_is_taken_out_and_costs_the_form(content, label):
    answer = parse_label_answer(f"<answer>{content}</answer>", Form.DIRECT)
    assert answer.parsed and name_of(answer) == label
    assert answer.formatted == (label == content) == (Fault.OTHER_NOTATION not in answer.faults)


@pytest.mark.parametrize(
    "content", ["['rose', 'tulip']", "{}", '{"color": "red"}', "[]", '[{"label": "a"}, {"label": "b"}]']
)
def test_brackets_without_a_single_name_are_not_a_name(content):
    answer = parse_label_answer(f"<answer>{content}</answer>", Form.DIRECT)
    assert not answer.parsed and answer.faults == (Fault.NOT_READABLE,)


def test_without_tags_the_last_line_may_name_the_answer():
    text = "Thought: it has petals and thorns, and a scent.\n> final answer: rose"
    assert name_of(parse_label_answer(text, Form.DIRECT)) == "rose"
    assert name_of(parse_label_answer("Answer: rose, I would say, if it had petals", Form.DIRECT)) is None
