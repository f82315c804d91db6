"""VisionReasoner, Seg-Zero and OneThinker as released: numbers worked out by hand, and brute force."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from vrft.rewards.papers import seg_zero, vision_reasoner
from vrft.rewards.papers.onethinker import onethinker_segmentation as onethinker
from vrft.types import CoordinateFrame, ObjectRegion, Regions

A = {"bbox_2d": [40, 60, 140, 160], "point_2d": [90, 110]}
B = {"bbox_2d": [300, 200, 400, 260], "point_2d": [350, 230]}


def said(content, thought="I see it.") -> str:
    written = content if isinstance(content, str) else json.dumps(content)
    return f"<think>{thought}</think><answer>{written}</answer>"


def moved(item, dx=0, dy=0, px=0, py=0):
    x1, y1, x2, y2 = item["bbox_2d"]
    x, y = item["point_2d"]
    return {"bbox_2d": [x1 + dx, y1 + dy, x2 + dx, y2 + dy], "point_2d": [x + px, y + py]}


@pytest.mark.parametrize(
    ("found", "labels", "accuracy"),
    [
        ([A, B], [A, B], 3.0),
        ([B, A], [A, B], 3.0),  # whatever the order
        ([A], [A, B], 1.5),
        ([A, B, moved(A, 500)], [A, B], 2.0),
        ([A] * 5, [A], 0.6),
        ([], [], 0.0),  # abstention is never paid
        ([], [A], 0.0),
        ([A], [], 0.0),
        ([moved(A, 19, 0)], [A], 3.0),  # mean difference 9.5
        ([moved(A, 20, 0)], [A], 2.0),  # 10 is not less than 10
        ([moved(A, 10, 10)], [A], 2.0),
        ([moved(A, 60, 0, 29, 0)], [A], 1.0),  # IoU 41 / 161; the point is in the moved box
        ([moved(A, px=30)], [A], 2.0),
        ([moved(A, px=18, py=23)], [A], 3.0),  # sqrt(853) = 29.2
        ([moved(A, px=-20, py=-51)], [A], 2.0),  # outside of its own box
        ([{"bbox_2d": A["bbox_2d"]}], [A], 0.0),  # without a point the whole answer is lost
        ([A, {"point_2d": [9, 9]}], [A], 0.0),
        ([{"bbox_2d": ["40", "60", "140", "160"], "point_2d": [90, 110]}], [A], 3.0),  # text is a number
        ([{"bbox_2d": [40, 60, 140], "point_2d": [90, 110]}], [A], 0.0),
    ],
)
def test_vision_reasoners_accuracy(found, labels, accuracy):
    assert vision_reasoner.accuracy_text(said(found), json.dumps(labels)) == pytest.approx(accuracy)


def test_vision_reasoner_looks_at_120_objects():
    many = [moved(A, 7 * i, 0, 7 * i) for i in range(130)]
    assert vision_reasoner.accuracy_text(said(many), json.dumps(many)) == pytest.approx(3.0)
    # Of 130 against the last 10 of them, none is looked at that could match.
    assert vision_reasoner.accuracy_text(said([*many[:120], B]), json.dumps([B])) == 0.0


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        (said([A, B]), 3.0),
        (said([A, {"bbox_2d": [1, 2, 3, 4]}]), 2.5),
        (said([{"bbox_2d": [None] * 4, "point_2d": ["x", "y"]}]), 3.0),  # whatever they hold
        (said([A, 7]), 2.0),  # what came before the exception stays
        (said({"bbox_2d": [1, 2, 3, 4]}), 1.0),
        (said("No Objects"), 1.0),
        (said([]), 1.0),
        (said([A]) + " ", 2.0),
        (json.dumps([A]), 0.0),
        ("", 0.0),
    ],
)
def test_vision_reasoners_form(text, reward):
    assert vision_reasoner.format_text(text) == pytest.approx(reward)


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        ("", 1.0),
        ("A cup. A cup. It is red", 1.0),
        ("A cup. A cup. A cup", 0.0),
        ("A cup. A fork. A cup. A fork", 0.0),
        ("<think>A cup. A cup. A cup.</think>", 1.0),  # the first is glued to its tag
        (said([{"bbox_2d": [5.0, 5.0, 5.0, 5.0], "point_2d": [5.0, 5.0]}] * 2), 0.0),
    ],
)
def test_vision_reasoners_repetitions(text, reward):
    assert vision_reasoner.non_repeat_text(text) == reward


def test_boxes_of_vision_reasoner_own_their_last_pixels():
    def pixels(box):
        x1, y1, x2, y2 = box
        return {(x, y) for x in range(x1, x2 + 1) for y in range(y1, y2 + 1)}

    rng = np.random.default_rng(0)
    low = rng.integers(0, 20, (12, 2))
    boxes = np.concatenate([low, low + rng.integers(0, 15, (12, 2))], 1)
    found = vision_reasoner.box_ious(boxes, boxes)
    for i, j in itertools.product(range(12), repeat=2):
        a, b = pixels(boxes[i].tolist()), pixels(boxes[j].tolist())
        assert found[i, j] == pytest.approx(len(a & b) / len(a | b))
    assert math.isnan(vision_reasoner.box_ious(np.array([[1, 1, 0, 0]]), np.array([[1, 1, 0, 0]]))[0, 0])
    assert vision_reasoner.mean_l1(boxes[:1], boxes[1:2])[0, 0] == np.abs(boxes[0] - boxes[1]).mean()


ONE = {"bbox": [40, 60, 140, 160], "points_1": [70, 90], "points_2": [110, 130]}
BOX, ALL = ONE["bbox"], [0, 0, 840, 840]
GOLD = "<box>(40,60),(140,160)</box><points>(70,90),(110,130)</points>"


@pytest.mark.parametrize(
    ("text", "loose", "strict"),
    [
        (said(ONE), (1, 1, 1, 1, 1), (1, 1, 1, 1, 1)),
        (json.dumps(ONE), (0, 1, 1, 1, 1), (0, 1, 1, 1, 1)),
        (said(""), (1, 0, 0, 0, 0), (1, 0, 0, 0, 0)),
        ("", (0, 0, 0, 0, 0), (0, 0, 0, 0, 0)),
        # Other keys: 'point' will do for the form, 'points' is needed for the place.
        (said({"BBOX": BOX, "p_points": [70, 90], "points": [110, 130]}), (1, 1, 1, 1, 1), (1, 0, 0, 0, 0)),
        (said({"bbox_2d": BOX, "point_a": [70, 90], "point_b": [9, 9]}), (1, 1, 1, 1, 0), (1, 0, 0, 0, 0)),
        # The first braces are read, wherever they are.
        (said("nothing", thought=json.dumps(ONE)), (1, 1, 1, 1, 1), (1, 1, 1, 1, 1)),
        (said(ONE, thought="{so}"), (1, 0, 0, 0, 0), (1, 0, 0, 0, 0)),
        # 10 off is not near; a box that covers half has 5151 of 10201 pixels.
        (said(ONE | {"bbox": [50, 70, 150, 170]}), (1, 1, 1, 0, 1), (1, 1, 1, 0, 1)),
        (said(ONE | {"bbox": [40, 60, 140, 110]}), (1, 1, 1, 0, 0), (1, 1, 1, 0, 0)),
        (said(ONE | {"bbox": [140, 160, 240, 260]}), (1, 1, 0, 0, 0), (1, 1, 0, 0, 0)),
        # A box around everything keeps the points up to 100 away: hypot(60, 79) = 99.2 each.
        (said({"bbox": ALL, "points_1": [10, 11], "points_2": [170, 209]}), (1, 1, 0, 0, 1), (1, 1, 0, 0, 1)),
        (said({"bbox": ALL, "points_1": [10, 10], "points_2": [170, 210]}), (1, 1, 0, 0, 0), (1, 1, 0, 0, 0)),
        (said(ONE | {"points_1": [110, 130], "points_2": [70, 90]}), (1, 1, 1, 1, 1), (1, 1, 1, 1, 1)),
        (said(ONE | {"points_1": [140.9, 90.5]}), (1, 1, 1, 1, 1), (1, 1, 1, 1, 1)),  # cut to 140
        (said(ONE | {"points_1": [141, 90]}), (1, 1, 1, 1, 0), (1, 1, 1, 1, 0)),
        (said(ONE | {"points_1": [70, 90, 5]}), (1, 0, 1, 1, 1), (1, 0, 1, 1, 1)),
        (said({"bbox": ONE["bbox"]}), (1, 0, 1, 1, 0), (1, 0, 1, 1, 0)),
        (said(ONE | {"bbox": [40, 60, 140]}), (1, 0, 0, 0, 0), (1, 0, 0, 0, 0)),
        (said(ONE | {"bbox": "four"}), (1, 1, 0, 0, 0), (1, 0, 0, 0, 0)),  # four letters, and no list
    ],
)  # fmt: skip
def test_seg_zeros_five_terms(text, loose, strict):
    for strictly, expected in ((False, loose), (True, strict)):
        assert tuple(rule(text, GOLD, strictly) for rule in seg_zero.TEXTS.values()) == expected
    assert sum(rule(text, "no gold") for name, rule in seg_zero.TEXTS.items() if name in ("iou", "l1")) == 0


POINTS = [[10, 20], [30, 40], [50, 90]]
BESIDE = [[200, 200], [220, 20], [5, 240]]
WHOLE = {"boxes": [0, 0, 100, 100], "positive_points": POINTS, "negative_points": BESIDE}


@pytest.mark.parametrize("seed", range(4))
def test_onethinkers_points_are_paired_so_that_they_are_nearest(seed):
    rng = np.random.default_rng(seed)
    found, right = rng.integers(0, 200, (2, 3, 2))
    distance = np.linalg.norm(found[:, None] - right[None], axis=-1)
    least = min(sum(distance[i, order[i]] for i in range(3)) for order in itertools.permutations(range(3)))
    expected = math.exp(-((least / 3) ** 2) / 5000)
    assert onethinker.point_similarity(found.tolist(), right.tolist()) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("distance", [0, 25, 50, 100])
def test_onethinkers_points_fall_as_a_bell(distance):
    moved_points = [[x + distance, y] for x, y in [[0, 0], [0, 500], [0, 900]]]
    found = onethinker.point_similarity(moved_points, [[0, 0], [0, 500], [0, 900]])
    assert found == pytest.approx({0: 1, 25: 0.8825, 50: 0.6065, 100: 0.1353}[distance], abs=5e-5)


@pytest.mark.parametrize(
    ("found", "accuracy", "structure"),
    [
        (WHOLE, 1.0, 0.5),
        (WHOLE | {"boxes": [0, 0, 100, 50]}, 0.75, 0.5),
        (WHOLE | {"boxes": [100, 100, 0, 0]}, 0.5, 0.5),  # an inverted box keeps its points
        (WHOLE | {"boxes": None}, 0.5, 0.0),
        (WHOLE | {"positive_points": POINTS[:2]}, 0.0, 0.0),
        (WHOLE | {"negative_points": []}, 0.0, 0.0),
        (WHOLE | {"positive_points": [["10", "20"], ["30", "40"], ["50", "90"]]}, 1.0, 0.5),
        (WHOLE | {"positive_points": [[math.nan, 20], *POINTS[1:]]}, 0.75, 0.5),
        ("nothing", 0.0, 0.0),
        ([WHOLE], 0.0, 0.0),
    ],
)  # fmt: skip
def test_onethinkers_segmentation_of_an_image(found, accuracy, structure):
    gold = json.dumps(WHOLE)
    assert onethinker.accuracy_text(said(found), gold) == pytest.approx(accuracy)
    assert onethinker.structure_text(said(found)) == structure
    assert onethinker.overall_text(said(found), gold) == pytest.approx(0.9 * accuracy + 0.1 + structure)
    bare = found if isinstance(found, str) else json.dumps(found)
    assert onethinker.overall_text(bare, gold) == pytest.approx(0.9 * accuracy)  # no tags, and paid


@pytest.mark.parametrize(("late", "near"), [(0, 1.0), (1, 0.6065), (4, 0.1353)])
def test_onethinkers_segmentation_of_a_video(late, near):
    gold = json.dumps(WHOLE | {"time": 3.5})
    found = onethinker.accuracy_text(said(WHOLE | {"time": 3.5 + late}), gold, "video")
    assert found == pytest.approx(0.7 + 0.3 * near, abs=2e-5)
    assert onethinker.accuracy_text(said(WHOLE), gold, "video") == 0.0
    assert math.isnan(onethinker.accuracy_text(said(WHOLE | {"time": math.nan}), gold, "video"))


def test_gold_is_written_in_the_prompts_numbers_and_earns_everything():
    target = Regions((ObjectRegion((100.0, 50.0, 300.0, 150.0), ((200.0, 100.0), (250.0, 120.0))),))
    frame = CoordinateFrame.whole("resized_pixels", (400, 200), (840, 840))
    gold = vision_reasoner.gold_text(target, frame)
    assert json.loads(gold) == [{"bbox_2d": [210, 210, 630, 630], "point_2d": [420, 420]}]
    assert vision_reasoner.accuracy_text(said(gold), gold) == 3.0
    box, points = "<box>(210,210),(630,630)</box>", "<points>(420,420),(525,504)</points>"
    assert seg_zero.gold_text(target, frame) == box + points
    assert json.loads(onethinker.gold_text(target, frame))["boxes"] == [210, 210, 630, 630]
    assert [module.gold_text(Regions()) for module in (vision_reasoner, seg_zero, onethinker)] == [
        "[]",
        "",
        "",
    ]
