"""Boxes in space: volumes against random points, layouts of numbers, answers, metrics and labels."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PILImage

from vrft.data.dataset import load_dataset
from vrft.errors import InputError
from vrft.geometry.volumes import iou_3d
from vrft.rewards.box_3d_rewards import closeness_3d, iou_3d_matched
from vrft.tasks.boxes_3d import TASK
from vrft.tasks.boxes_3d.box_3d_metrics import yaw_error
from vrft.tasks.boxes_3d.boxes_in_space import BoxesInSpace
from vrft.types import Answer, Boxes3D, Example, Fault, Form, Image, Prediction
from vrft.types.boxes_3d import corners_of, to_layout

NUMBER = st.floats(-3, 3).map(lambda n: round(n, 3))
SIDE = st.floats(0.2, 3).map(lambda n: round(n, 3))
BOX = st.tuples(NUMBER, NUMBER, NUMBER, SIDE, SIDE, SIDE, NUMBER)
ONE = '{"bbox_3d": [0, 0, 4, 1, 1, 1, 0]}'
BITS = ['{"bbox_3d": ', *"[]},-", "1, ", "2.5, ", "NaN, ", "1e999, ", "no ", "objects "]
CHAIR = (0.5, 0.2, 4.0, 0.6, 1.0, 0.7, 0.3)


def inside(points_N3, box, up):
    """Whether points are in a box, by its definition: turned back into the box's own axes."""
    first, second, height = (0, 1, 2) if up == "z" else (2, 0, 1)
    u, v = points_N3[:, first] - box[first], points_N3[:, second] - box[second]
    along, across = (
        u * math.cos(box[6]) + v * math.sin(box[6]),
        -u * math.sin(box[6]) + v * math.cos(box[6]),
    )
    level = points_N3[:, height] - box[height]
    sides = box[3:6]
    return (
        (abs(along) <= sides[first] / 2)
        & (abs(across) <= sides[second] / 2)
        & (abs(level) <= sides[height] / 2)
    )


@pytest.mark.parametrize("up", ["z", "y"])
@pytest.mark.parametrize("seed", range(8))
def test_iou_is_that_of_random_points(seed, up):
    rng = np.random.default_rng(seed)
    one, other = ((*rng.uniform(-0.4, 0.4, 3), *rng.uniform(0.5, 2, 3), rng.uniform(-4, 4)) for _ in range(2))
    points = rng.uniform(-2.2, 2.2, (400_000, 3))
    a, b = inside(points, one, up), inside(points, other, up)
    assert iou_3d(one, other, up) == pytest.approx((a & b).sum() / (a | b).sum(), abs=0.01)


@settings(max_examples=80, deadline=None)
@given(BOX, BOX, st.sampled_from("yz"), st.integers(-3, 3))
def test_iou_has_its_range_is_symmetric_and_does_not_see_half_a_turn(one, other, up, turns):
    found = iou_3d(one, other, up)
    assert 0 <= found <= 1 and found == iou_3d(other, one, up)
    assert iou_3d(one, one, up) == pytest.approx(1)
    turned = (*other[:6], other[6] + turns * math.pi)
    assert iou_3d(one, turned, up) == pytest.approx(found, abs=1e-9)
    assert Boxes3D((turned,)).same_as(Boxes3D((other,)))


def test_closed_forms_of_turns():
    lying = (0.0, 0.0, 0.0, 2.0, 1.0, 1.0)
    assert iou_3d((*lying, 0.0), (*lying, math.pi / 2)) == pytest.approx(1 / 3)
    cube = (5.0, -2.0, 1.0, 1.0, 1.0, 1.0)
    assert iou_3d((*cube, 0.0), (*cube, math.pi / 2)) == pytest.approx(1)
    # The octagon that two squares share at an eighth of a turn.
    octagon = 2 * (math.sqrt(2) - 1)
    assert iou_3d((*cube, 0.0), (*cube, math.pi / 4)) == pytest.approx(octagon / (2 - octagon))
    above = (5.0, -2.0, 2.0, 1.0, 1.0, 1.0, 0.0)
    assert iou_3d((*cube, 0.0), above) == 0.0


NINE = (1.0, 0.5, 4.0, 1.8, 1.5, 4.2, 0.1, 1.2, 0.0)


@pytest.mark.parametrize(
    ("layout", "angle", "yaw"),
    [
        ("x y z dx dy dz roll pitch yaw", "rad", 0.0),
        ("x y z dx dy dz roll yaw pitch", "rad", 1.2),
        ("x y z dx dy dz roll yaw pitch", "deg", math.radians(1.2)),
    ],
)
def test_the_layout_says_which_number_is_the_yaw(layout, angle, yaw):
    (box,) = Boxes3D((NINE,), layout=layout, angle=angle).each
    assert box == (*NINE[:6], pytest.approx(yaw))
    assert Boxes3D.decode(Boxes3D((NINE,), layout=layout, angle=angle).encode()).each == (box,)


@pytest.mark.parametrize(
    ("numbers", "layout", "said"),
    [
        (NINE, "x y z dx dy dz yaw", "9 numbers.*Name the layout"),
        ((*NINE, 1.0), "x y z dx dy dz yaw", "10 numbers"),
        (NINE[:7], "x y z dx dy dz qw", "does not say each number"),
        (NINE[:6], "x y z dx dy dz", "does not say each number"),
        ((1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0), "x y z dx dy dz yaw", "not above 0"),
    ],
)
def test_numbers_without_their_layout_are_refused(numbers, layout, said):
    with pytest.raises(InputError, match=said):
        Boxes3D((numbers,), layout=layout)


@settings(max_examples=30, deadline=None)
@given(BOX, st.sampled_from("yz"), st.sampled_from(["rad", "deg"]))
def test_every_layout_writes_what_it_reads(box, up, angle):
    for layout in ("yaw l w h x y z", f"{'x y' if up == 'z' else 'x z'} bottom dx dy dz yaw"):
        written = to_layout(box, layout, angle, up)
        (back,) = Boxes3D((tuple(written),), layout=layout, angle=angle, up=up).each
        assert back == pytest.approx((*box[:6], math.remainder(box[6], 2 * math.pi)), abs=1e-9)


def asked(target, **fields):
    media = (Image(Path("a.png"), (100, 80)),)
    return Example(
        "a", "a", "boxes_3d", media, "chair", target, group="chair", form=Form.DIRECT, fields=fields
    )


def test_answers_are_read_in_the_layout_that_was_asked_for():
    task = BoxesInSpace(layout="x y z dx dy dz roll pitch yaw", angle="deg")
    example = asked(Boxes3D((CHAIR,), up="y"), up="y")
    prompt = task.question(example, ())
    assert "x, y, z, dx, dy, dz, roll, pitch, yaw" in prompt and "degrees" in prompt and "y down" in prompt
    answer = task.parse(task.gold(example, ()), example, ())
    assert answer.formatted and answer.value.each[0] == pytest.approx(CHAIR, abs=1e-5)
    short = task.parse('<answer>[{"bbox_3d": [0, 0, 4, 1, 1, 1, 0]}]</answer>', example, ())
    assert not short.parsed and Fault.BAD_BOX in short.faults


@pytest.mark.parametrize(
    ("content", "boxes", "faults"),
    [
        ('[{"bbox_3d": [0, 0, 4, 1, 1, 1, 0]}]', 1, ()),
        ('[{"bbox_3d": [0, 0, 4, 1, 1, 1, 0], "label": "chair"}]', 1, ()),
        ("[[0, 0, 4, 1, 1, 1, 0]]", 1, (Fault.OTHER_NOTATION,)),
        ('[{"bbox_3d": [0, 0, 4, 1, 1, 1, 0]}, {"bbox_3d": [0, 0, 4, 0, 1, 1, 0]}]', 1, (Fault.BAD_BOX,)),
        ('[{"bbox_3d": [0, 0, 4, 1, 1, 1, NaN]}]', None, (Fault.BAD_BOX,)),
        ('[{"bbox_3d": [0, 0, 1e300, 1, 1, 1, 0]}]', None, (Fault.BAD_BOX,)),
        (f"[{ONE}, {ONE}]", 2, (Fault.REPEATED_BOX,)),
        ("No Objects", 0, ()),
        ("[ ]", 0, (Fault.OTHER_NOTATION,)),
        ("The chair is 4 m away.", None, (Fault.NOT_READABLE,)),
        ("[10, 20, 30, 40]", None, (Fault.BAD_BOX,)),
    ],
)  # fmt: skip
def test_what_is_read_and_what_is_odd(content, boxes, faults):
    answer = TASK.parse(f"<answer>{content}</answer>", asked(None), ())
    assert (answer.value.size if answer.parsed else None) == boxes
    assert set(faults) <= set(answer.faults) and bool(answer.faults) == bool(faults)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(BITS), max_size=24))
def test_no_text_raises(parts):
    answer = TASK.parse("".join(parts), asked(None), ())
    assert answer.parsed or answer.faults
    assert not answer.parsed or all(math.isfinite(n) for box in answer.value.each for n in box)


def test_every_further_box_costs_and_centres_count_apart():
    gold = Boxes3D((CHAIR,))
    far = (9.0, 9.0, 9.0, 1.0, 1.0, 1.0, 0.0)
    for boxes, value in (
        ((CHAIR,), 1.0),
        ((CHAIR, CHAIR), 0.5),
        ((CHAIR, far), 0.5),
        ((far,), 0.0),
        ((), 0.0),
    ):
        assert iou_3d_matched(Answer(Boxes3D(boxes)), gold) == pytest.approx(value)
        assert closeness_3d(Answer(Boxes3D(boxes)), gold) == pytest.approx(value, abs=1e-6)
    assert iou_3d_matched(Answer(Boxes3D()), Boxes3D()) == 1 and iou_3d_matched(Answer(), Boxes3D()) == 0
    errors = [closeness_3d(Answer(Boxes3D(((0.5 + d, *CHAIR[1:]),))), gold) for d in (0.0, 0.1, 0.5, 2.0)]
    assert errors == sorted(errors, reverse=True) and errors[0] == 1


def test_metrics_in_closed_form():
    assert [yaw_error(a, 0.0) for a in (math.pi, math.pi / 2, -math.pi / 4)] == pytest.approx([0, 90, 45])
    turned, missing = replace(Boxes3D((CHAIR,)), boxes=((*CHAIR[:6], 0.3 + math.pi / 6),)), Boxes3D()
    predictions = [Prediction(asked(Boxes3D((CHAIR,))), Answer(value)) for value in (turned, missing)]
    values = {metric.name: metric.value(predictions) for metric in TASK.metrics}
    assert values["yaw_error"] == pytest.approx((30 + 90) / 2) and values["mra"] == pytest.approx(0.5)
    assert values["f1_25"] == pytest.approx(2 / 3)


def test_rows_say_their_layout_camera_and_axes_and_a_bad_one_costs_itself(tmp_path):
    PILImage.effect_noise((100, 80), 60).convert("RGB").save(tmp_path / "a.png")
    PILImage.effect_noise((100, 80), 90).convert("RGB").save(tmp_path / "b.png")
    shown = {"kind": "boxes3d", "up": "y", "intrinsics": [100, 100, 50, 40]}
    sound = {**shown, "boxes": [[0, 0, 400, 20, 20, 30, 0, 0, 90]], "unit": "cm", "angle": "deg"}
    sound["layout"] = "x y z dx dy dz pitch roll yaw"
    entries = [{"image": "a.png", "category": f"chair {k}", "target": sound} for k in range(6)]
    entries.append({"image": "b.png", "category": "table", "target": {**shown, "boxes": [list(NINE)]}})
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(one) + "\n" for one in entries), "utf-8")
    dataset = load_dataset(tmp_path, TASK.needs)
    (mistake,) = dataset.left_out
    assert "9 numbers" in str(mistake) and mistake.where.endswith("line 7")
    first = TASK.examples(dataset.records)[0]
    assert first.target.each[0] == pytest.approx((0, 0, 400, 20, 20, 30, math.pi / 2))
    assert first.fields == {"up": "y", "unit": "cm", "intrinsics": [100.0, 100.0, 50.0, 40.0]}
    (outline,) = first.target.shapes()
    ends = list(zip(outline.numbers[::2], outline.numbers[1::2], strict=True))
    edges = {frozenset(edge) for edge in zip(ends, ends[1:] + ends[:1], strict=True)}
    assert outline.kind == "polygon" and len(edges) == 12
    # Of 20 cm in depth after a quarter of a turn, the near face is at 390 and 30 cm wide.
    assert max(outline.numbers[::2]) == pytest.approx(50 + 100 * 15 / 390, abs=0.01)
    assert {round(z) for *_, z in corners_of(first.target.each[0], "y")} == {390, 410}
