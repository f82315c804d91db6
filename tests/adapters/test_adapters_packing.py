from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from answers import DETECTION, FIND_CAT, NAME_PET, SIZE
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from vrft.errors import InputError
from vrft.geometry.frames import View
from vrft.integrations.packing import pack, unpack
from vrft.integrations.verl import compute_score
from vrft.tasks.task import load_task
from vrft.types import BoxesTarget, ClassTarget, Example, Form, Mask

BOX = (33.3, 12.0, 150.5, 99.0)
PIXELS = np.zeros((100, 200), np.uint8, order="F")
PIXELS[12:90, 40:150] = 1
PIXELS[50, 60:70] = 0
REGION = Mask((100, 200), coco_mask.encode(PIXELS)["counts"].decode())
TARGETS = {
    "detection": (BoxesTarget(()), BoxesTarget((BOX, (0.0, 0.0, 200.0, 100.0)))),
    "grounding": (BoxesTarget((BOX,)), BoxesTarget((BOX,), REGION), BoxesTarget((BOX,), REGION, REGION)),
    "classification": (ClassTarget("café \n 'au lait'", ("café \n 'au lait'", "tea")), ClassTarget("tea")),
}
FRAMES = ("thousand", "input_pixels", "unit")


def example(task: str, target) -> Example:
    return Example("pic 1#猫", "pic 1", Path("pics/1.png"), SIZE, task, 'the "猫"\nleft', target, ("tea",))


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(("task", "target"), [(k, t) for k, v in TARGETS.items() for t in v])
def test_what_was_packed_comes_back(task, target, frame, form):
    given_view = View(frame, SIZE, (56, 28))
    text = pack(example(task, target), given_view, form)
    assert text.isascii() and len(text.splitlines()) == 1
    read, view, read_form = unpack(text)
    assert (read.task, read.id, read.question, read.image_wh) == (task, "pic 1#猫", 'the "猫"\nleft', SIZE)
    assert read.target == target
    assert (view, read_form) == (given_view, form)


def boxes():
    side = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted).filter(lambda s: s[0] < s[1])
    return st.tuples(side, side).map(lambda s: (s[0][0], s[1][0], s[0][1], s[1][1]))


@given(st.lists(boxes(), max_size=5), st.text(), st.integers(1, 10**6), st.integers(1, 10**6))
def test_any_boxes_come_back_to_the_last_digit(found, question, width, height):
    target = BoxesTarget(tuple(found))
    one = Example("x", "x", Path("x.png"), (width, height), "detection", question, target)
    read, _, _ = unpack(pack(one, View("unit", (width, height), (8, 8)), Form.DIRECT))
    assert read.target == target and read.question == question


def test_the_text_is_plain_json_with_boxes_in_original_pixels():
    tree = json.loads(FIND_CAT)
    assert tree["boxes_xyxy_px"] == [[20.0, 10.0, 120.0, 60.0]]
    assert (tree["task"], tree["form"], tree["frame"]) == ("detection", "direct", "thousand")
    assert json.loads(NAME_PET)["names"] == ["cat", "dog"]


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(("task", "terms"), [("detection", 3), ("grounding", 2), ("classification", 2)])
def test_the_right_answer_earns_all_in_every_frame(task, terms, frame):
    # Sides of the input are unlike those of the picture, and divide its boxes evenly.
    view, box = View(frame, SIZE, (400, 300)), (20.0, 10.0, 120.0, 60.0)
    target = ClassTarget("cat") if task == "classification" else BoxesTarget((box,))
    one = example(task, target)
    for form in Form:
        gold = load_task(task).gold(one, view, form)
        assert compute_score("x", gold, pack(one, view, form), setting="paper")["score"] == pytest.approx(
            terms
        )


def without(key: str) -> str:
    return json.dumps({k: v for k, v in json.loads(FIND_CAT).items() if k != key})


def changed(**values) -> str:
    return json.dumps({**json.loads(FIND_CAT), **values})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "JSON"),
        ("{'vrft': 1}", "JSON"),
        (FIND_CAT[:-9], "JSON"),
        ("[1, 2]", "pack"),
        (None, "NoneType"),
        ({"task": "detection"}, "dict"),
        (["a"], "list"),
        (without("original_wh"), "original_wh"),
        (without("frame"), "frame"),
        (without("boxes_xyxy_px"), "boxes_xyxy_px"),
        (changed(vrft=2), "vrft"),
        (changed(colour="red"), "colour"),
        (changed(frame="pixels"), "input_pixels"),
        (changed(form="chat"), "think"),
        (changed(task="poker"), "There is no task 'poker'"),
        (changed(task="classification"), "classification has no right answer"),
        (changed(task="grounding", boxes_xyxy_px=[]), "grounding has no right answer"),
        (changed(name="cat"), "either"),
        (changed(original_wh=[0, 100]), "original_wh"),
        (changed(original_wh=["200", "100"]), "original_wh"),
        (changed(boxes_xyxy_px=[[20, 10, 120]]), "boxes_xyxy_px"),
        (changed(boxes_xyxy_px=[[20, 10, 120, None]]), "boxes_xyxy_px"),
        (changed(boxes_xyxy_px=[[20, 10, 120, float("nan")]]), "boxes_xyxy_px"),
        (changed(boxes_xyxy_px=[[120, 10, 20, 60]]), "no area"),
        (changed(boxes_xyxy_px=[[20, 10, 120, 600]]), "outside its picture"),
        (changed(mask={"size_hw": [200, 100], "counts": REGION.counts}), "high and wide"),
        (changed(mask={"size_hw": [100, 200], "counts": REGION.counts[:-4]}), "counts of the mask"),
        (changed(mask={"size_hw": [100, 200], "counts": "0a1"}), "counts of the mask"),
        (changed(mask={"size_hw": [100, 200], "counts": "a"}), "counts of the mask"),
        (changed(mask={"size_hw": [100, 200], "counts": "猫"}), "counts of the mask"),
        (changed(mask={"size_hw": [100, 200]}), "mask.counts"),
        (changed(ignore={"size_hw": [200, 100], "counts": REGION.counts}), "high and wide"),
    ],
)
def test_a_broken_text_is_refused_with_the_reason(text, says):
    with pytest.raises(InputError, match=says):
        unpack(text)


@pytest.mark.parametrize(
    ("target", "view", "says"),
    [
        (BoxesTarget(((30.0, 10.0, 20.0, 60.0),)), View("unit", SIZE, SIZE), "no area"),
        (BoxesTarget(((30.0, 10.0, 20.0, float("inf")),)), View("unit", SIZE, SIZE), "finite"),
        (ClassTarget("cat"), View("unit", SIZE, SIZE), "no right answer"),
        (DETECTION.target, View("unit", SIZE[::-1], SIZE), "view is of"),
        (DETECTION.target, View("unit", SIZE, (0, 0)), "input_wh"),
    ],
)
def test_what_cannot_be_scored_is_not_packed(target, view, says):
    with pytest.raises(InputError, match=f"Example 'pic 1#猫'.*{says}"):
        pack(example("detection", target), view, Form.DIRECT)
