from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from answers import DETECTION, FIND_CAT, FRAMES, NAME_PET, SIZE
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from vrft.errors import InputError
from vrft.integrations.packing import pack, unpack
from vrft.integrations.verl import compute_score
from vrft.tasks.registry import load_task
from vrft.types import Boxes, CoordinateFrame, Example, Form, Image, Label, Mask

BOX = (33.3, 12.0, 150.5, 99.0)
PIXELS = np.zeros((100, 200), np.uint8, order="F")
PIXELS[12:90, 40:150] = 1
PIXELS[50, 60:70] = 0
REGION = Mask((100, 200), coco_mask.encode(PIXELS)["counts"].decode())
TARGETS = {
    "detection": (Boxes(()), Boxes((BOX, (0.0, 0.0, 200.0, 100.0)))),
    "grounding": (Boxes((BOX,)), Boxes((BOX,), mask=REGION), Boxes((BOX,), mask=REGION, ignore=REGION)),
    "classification": (Label("café \n 'au lait'", ("café \n 'au lait'", "tea")), Label("tea")),
}
FRAME_NAMES = ("norm1000", "resized_pixels", "norm1")
IMAGES = (
    Image(Path("pics/1.png"), SIZE),
    Image(Path("pics/1.png"), SIZE, window_px=(10, 10, 190, 100), resized_wh=(90, 45), mirrored=True),
)


def example(task: str, target, form=Form.DIRECT, image=IMAGES[0], **more) -> Example:
    return Example("pic 1#猫", "pic 1", task, (image,), 'the "猫"\nleft', target, ("tea",), form=form, **more)


def whole(name: str, size=SIZE, input_wh=None) -> list[CoordinateFrame]:
    return [CoordinateFrame.whole(name, size, input_wh)]


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("frame", FRAME_NAMES)
@pytest.mark.parametrize(("task", "target"), [(k, t) for k, v in TARGETS.items() for t in v])
def test_what_was_packed_comes_back(task, target, frame, form, image):
    given_frame = image.frame(frame, (56, 28))
    text = pack(example(task, target, form, image, fields={"hint": [1, "a"]}), [given_frame])
    assert text.isascii() and len(text.splitlines()) == 1
    read, frames = unpack(text)
    assert (read.task, read.id, read.question, read.image.size_wh) == (
        task,
        "pic 1#猫",
        'the "猫"\nleft',
        SIZE,
    )
    assert read.target == target
    assert (frames, read.form) == ((given_frame,), form)
    assert (read.options, read.fields) == (("tea",), {"hint": [1, "a"]})
    shown = ("window_px", "resized_wh", "mirrored")
    assert [getattr(read.image, name) for name in shown] == [getattr(image, name) for name in shown]
    assert "pics" not in text


def boxes():
    side = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted).filter(lambda s: s[0] < s[1])
    return st.tuples(side, side).map(lambda s: (s[0][0], s[1][0], s[0][1], s[1][1]))


@given(st.lists(boxes(), max_size=5), st.text(), st.integers(1, 10**6), st.integers(1, 10**6))
def test_any_boxes_come_back_to_the_last_digit(found, question, width, height):
    target, size = Boxes(tuple(found)), (width, height)
    one = Example("x", "x", "detection", (Image(Path("x.png"), size),), question, target, form=Form.DIRECT)
    read, _ = unpack(pack(one, whole("norm1", size, (8, 8))))
    assert read.target == target and read.question == question


def test_the_text_is_plain_json_with_boxes_in_original_pixels():
    tree = json.loads(FIND_CAT)
    assert tree["target"] == {"kind": "boxes", "xyxy_px": [[20.0, 10.0, 120.0, 60.0]]}
    assert (tree["task"], tree["form"], tree["frames"][0]["name"]) == ("detection", "direct", "norm1000")
    assert json.loads(NAME_PET)["target"]["vocabulary"] == ["cat", "dog"]


@pytest.mark.parametrize("frame", FRAME_NAMES)
@pytest.mark.parametrize(("task", "terms"), [("detection", 3), ("grounding", 2), ("classification", 2)])
def test_the_right_answer_has_the_whole_reward_in_every_frame(task, terms, frame):
    # Sides of the input are unlike those of the image, and divide its boxes evenly.
    frames, box = whole(frame, SIZE, (400, 300)), (20.0, 10.0, 120.0, 60.0)
    target = Label("cat") if task == "classification" else Boxes((box,))
    for form in Form:
        one = example(task, target, form)
        gold = load_task(task).gold(one, frames)
        assert compute_score("x", gold, pack(one, frames), setting="paper")["score"] == pytest.approx(terms)


def without(key: str) -> str:
    return json.dumps({k: v for k, v in json.loads(FIND_CAT).items() if k != key})


def changed(**values) -> str:
    return json.dumps({**json.loads(FIND_CAT), **values})


def target(**values) -> str:
    return changed(target={**json.loads(FIND_CAT)["target"], **values})


def frame(**values) -> str:
    return changed(frames=[{**json.loads(FIND_CAT)["frames"][0], **values}])


def medium(**values) -> str:
    return changed(media=[{**json.loads(FIND_CAT)["media"][0], **values}])


def mask(size_hw, counts) -> dict:
    return {"kind": "mask", "size_hw": size_hw, "counts": counts}


OF_01 = (
    '{"vrft":1,"task":"detection","form":"direct","id":"a","question":"cat","frame":"thousand",'
    '"original_wh":[9,9],"input_wh":[9,9],"boxes_xyxy_px":[[1.0,1.0,5.0,5.0]]}'
)


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
        (without("media"), "media"),
        (without("frames"), "frames"),
        (without("target"), "target"),
        (without("vrft"), "vrft"),
        (OF_01, r"packed by vrft 0\.1"),
        (changed(vrft=3), "vrft"),
        (changed(color="red"), "color"),
        (frame(name="pixels"), "resized_pixels"),
        (frame(window_px=[0, 0, 100, 100]), "shows"),
        (frame(mirrored=True), "mirrored"),
        (changed(frames=[]), "one frame for each"),
        (changed(form="chat"), "think"),
        (changed(task="poker"), "There is no task 'poker'"),
        (changed(task="classification"), "classification cannot write"),
        (changed(task="grounding", target={"kind": "boxes"}), "grounding has no right answer"),
        (changed(target={"kind": "label", "name": "cat"}), "detection cannot write"),
        (changed(target={"kind": "hat"}), "no kind 'hat'"),
        (changed(target={"xyxy_px": []}), "kind"),
        (target(color="red"), "target"),
        (medium(size_wh=[0, 100]), "size_wh"),
        (medium(size_wh=["200", "100"]), "media"),
        (frame(input_wh=[0, 100]), "input_wh"),
        (target(xyxy_px=[[20, 10, 120]]), "xyxy_px"),
        (target(xyxy_px=[[20, 10, 120, None]]), "xyxy_px"),
        (target(xyxy_px=[[20, 10, 120, float("nan")]]), "xyxy_px"),
        (target(xyxy_px=[["20", 10, 120, 60]]), "target"),
        (target(xyxy_px=[[120, 10, 20, 60]]), "no area"),
        (target(xyxy_px=[[20, 10, 120, 600]]), "outside its image"),
        (target(mask=mask([200, 100], REGION.counts)), "100x200 pixels"),
        (target(mask=mask([100, 200], REGION.counts[:-4])), "mask.counts: they add up to 14912 pixels"),
        (target(mask=mask([100, 200], "0a1")), "mask.counts: they add up to 49 pixels"),
        (target(mask=mask([100, 200], "a")), "mask.counts: they are not run lengths"),
        (target(mask=mask([100, 200], "猫")), "mask.counts: they are not run lengths"),
        (target(mask={"kind": "mask", "size_hw": [100, 200]}), "mask.*counts"),
        (target(ignore=mask([200, 100], REGION.counts)), "100x200 pixels"),
    ],
)
def test_a_broken_text_is_refused_with_the_reason(text, says):
    with pytest.raises(InputError, match=says):
        unpack(text)


@pytest.mark.parametrize(
    ("goal", "frames", "says"),
    [
        (Boxes(((30.0, 10.0, 20.0, 60.0),)), whole("norm1"), "no area"),
        (Boxes(((30.0, 10.0, 20.0, float("inf")),)), whole("norm1"), "valid number"),
        (Label("cat"), whole("norm1"), "cannot write a target"),
        (None, whole("norm1"), "no target"),
        (DETECTION.target, whole("norm1", SIZE[::-1], SIZE), "frame is of"),
        (DETECTION.target, whole("norm1", SIZE, (0, 0)), "input_wh"),
        (DETECTION.target, [*FRAMES, *FRAMES], "one frame for each"),
    ],
)
def test_what_cannot_be_scored_is_not_packed(goal, frames, says):
    with pytest.raises(InputError, match=f"Example 'pic 1#猫'.*{says}"):
        pack(example("detection", goal), frames)
