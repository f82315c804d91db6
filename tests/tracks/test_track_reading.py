"""Answers about things in several images: what is read, what is refused, and what never raises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.rewards.track_rewards import mean_iou
from vrft.tasks.tracking import TASK
from vrft.tasks.tracking.tracking_sections import images_off
from vrft.types import Answer, Example, Fault, Form, Image, Tracks

A, B, C = (10.0, 20.0, 40.0, 60.0), (20.0, 20.0, 50.0, 60.0), (30.0, 20.0, 60.0, 60.0)
GOLD = Tracks(((1, "", *A), (2, "", *B), (3, "", *C)))
MEDIA = tuple(Image(Path(f"{n}.png"), (100, 80)) for n in (1, 2, 3))
ASKED = Example("s#p0", "s", "tracking", MEDIA, "the red car", GOLD, group="track", form=Form.DIRECT)
SEVERAL = replace(ASKED, fields={"several": True})


def frames_of(example, name="resized_pixels"):
    return [medium.frame(name, medium.size_wh) for medium in example.media]


def read(content, example=ASKED):
    return TASK.parse(f"<answer>{content}</answer>", example, frames_of(example))


def written(**boxes):
    items = ", ".join(f'"{key[1:]}": {list(box)}' for key, box in boxes.items())
    return f'{{"boxes": {{{items}}}}}'


TWO = '{"boxes": {"1": {"a": [10, 20, 40, 60], "b": [0, 0, 9, 9]}}}'


@pytest.mark.parametrize(
    ("content", "iou", "missing", "extra", "faults"),
    [
        (written(_1=A, _2=B, _3=C), 1.0, (), (), ()),
        (written(_1=A, _3=C), 2 / 3, (2,), (), ()),
        # Counted from 0: each box is one image early, and overlaps by half of itself.
        (written(_0=A, _1=B, _2=C), 1 / 3, (3,), (), (Fault.UNKNOWN_IMAGE,)),
        (written(_1=A, _2=B, _3=C, _4=A), 1.0, (), (), (Fault.UNKNOWN_IMAGE,)),
        (written(_1=A, _2=B, _3=(30, 20, 600, 60)), 2 / 3, (3,), (), (Fault.BAD_BOX,)),
        ('{"boxes": {"1": [10, 20, 40, 60], "1": [0, 0, 9, 9]}}', None, None, None, (Fault.REPEATED_NAME,)),
        (f'{{"1": {list(A)}, "2": {list(B)}}}', 2 / 3, (3,), (), (Fault.OTHER_NOTATION,)),
        ('{"boxes": {}}', 0.0, (1, 2, 3), (), ()),
        ("No Objects", 0.0, (1, 2, 3), (), (Fault.OTHER_NOTATION,)),
        # A thing that is not to be seen is left out, and said to be absent it is not seen either.
        (f'{{"boxes": {{"1": {list(A)}, "2": null, "3": []}}}}', 1 / 3, (2, 3), (), (Fault.OTHER_NOTATION,)),
        (f"{{'boxes': {{'1': {list(A)}, '2': 'none'}}}}", 1 / 3, (2, 3), (), (Fault.OTHER_NOTATION,)),
        (f"{written(_1=A)} or {written(_1=B)}", None, None, None, (Fault.NOT_READABLE,)),
        (f"[{list(A)}, {list(B)}, {list(C)}]", None, None, None, (Fault.NOT_READABLE,)),
        (TWO, None, None, None, (Fault.SEVERAL_BOXES,)),
        ('{"boxes": {"1": [NaN, 20, 40, 60], "2": [20, 20, 50, 60]}}', 1 / 3, (1, 3), (), (Fault.BAD_BOX,)),
    ],
)  # fmt: skip
def test_images_keep_their_numbers_and_one_bad_box_costs_itself(content, iou, missing, extra, faults):
    answer = read(content)
    assert answer.faults == faults and answer.formatted == (not faults)
    if iou is None:
        assert not answer.parsed and mean_iou(answer, GOLD) == 0.0
    else:
        assert mean_iou(answer, GOLD) == pytest.approx(iou)
        assert images_off(answer.as_(Tracks), GOLD) == (missing, extra)


def test_several_things_have_names_and_a_name_is_one_things_in_an_image():
    two = '{"boxes": {"1": {"a": [10, 20, 40, 60], "b": [50, 20, 90, 60]}, "2": {"a": [20, 20, 50, 60]}}}'
    answer = read(two, SEVERAL)
    assert answer.formatted and answer.as_(Tracks).names == ("a", "b")
    twice = two.replace('"b"', '"a"')
    answer = read(twice, SEVERAL)
    assert answer.faults == (Fault.REPEATED_NAME,) and answer.as_(Tracks).by_image.keys() == {2}


def test_numbers_of_the_labels_are_said_in_the_prompt_and_read():
    example = replace(ASKED, fields={"numbers": [40, 45, 50]}, target=Tracks(((45, "", *B),), (40, 45, 50)))
    prompt = TASK.question(example, frames_of(example))
    assert "Their numbers are 40, 45 and 50." in prompt and '{"boxes": {"40": [x1, y1, x2, y2]' in prompt
    assert read(written(_45=B), example).value == example.target
    assert read(written(_2=B), example).faults == (Fault.UNKNOWN_IMAGE,)
    assert [shape.frame for shape in example.target.shapes()] == [1]


def test_where_the_first_box_is_given_it_is_not_asked_for():
    example = replace(ASKED, fields={"begin": list(A)}, target=replace(GOLD, boxes=GOLD.boxes[1:]))
    for name, shown in (("norm1000", "[100, 250, 400, 750]"), ("norm1", "[0.100, 0.250, 0.400, 0.750]")):
        prompt = TASK.question(example, frames_of(example, name))
        assert shown in prompt and '{"boxes": {"2": [x1, y1, x2, y2], "3"' in prompt
    answer = read(written(_1=A, _2=B, _3=C), example)
    assert answer.formatted and answer.value == example.target
    assert not read(written(_1=A), example).value.boxes, "the copy of what was given earns nothing"


BITS = st.sampled_from(
    ['{"boxes": ', "{", "}", "[", "]", '"1": ', '"2": ', '"9": ', "[10, 20, 40, 60]", ", ", '{"a": ', "NaN",
     "1e400", "null", "no objects", "<answer>", "</answer>", "\x00", '"' + "9" * 30 + '": ']
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(BITS, max_size=14).map("".join))
def test_no_text_raises_and_what_is_read_lies_in_the_images_that_were_shown(text):
    for example in (ASKED, SEVERAL):
        answer = TASK.parse(text, example, frames_of(example))
        assert isinstance(answer, Answer) and (answer.parsed or answer.faults)
        if answer.parsed:
            assert answer.value.label_error([(100, 80)] * 3) is None
