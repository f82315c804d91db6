"""Class names as models write them."""

import pytest

from vrft.parsing.answers import parse_label_answer
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
    assert answer.label == label
    assert answer.faults == faults
    assert answer.parsed == (label is not None)
    assert answer.formatted == (faults == ())


def test_a_name_in_the_thought_is_no_answer():
    assert parse_label_answer("<think>rose", Form.THINK).label is None
    assert parse_label_answer("<think>rose</think> tulip", Form.THINK).label == "tulip"
