"""Several categories in one question: names, known categories, rewards that no further box raises, AP."""

from __future__ import annotations

import json
import math
from contextlib import redirect_stdout
from dataclasses import replace
from io import StringIO
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from vrft.geometry.boxes import iou
from vrft.inference.formats.prediction_format import Setting, open_format
from vrft.rewards.box_rewards import confidence_gain, iou_f1
from vrft.tasks.fusion import Candidate
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import score
from vrft.types import Annotation, Answer, Boxes, Fault, Form, Image, Prediction, Record

TASK = load_task("multi_detection")
SHOWN = (Image(Path("a.png"), (1000, 1000)),)
A, B, C, FAR = (
    (0.0, 0.0, 100.0, 100.0),
    (300.0, 0.0, 400.0, 100.0),
    (0.0, 500.0, 100.0, 600.0),
    (800.0, 800.0, 900.0, 900.0),
)


def asked(*names: str, target: Boxes | None = None):
    example = TASK.ask("a", SHOWN, ", ".join(names), form=Form.DIRECT)
    return replace(example, target=target)


def read(content: str, *names: str) -> Answer:
    example = asked(*names)
    return TASK.parse(
        f"<answer>{content}</answer>", example, [SHOWN[0].frame("resized_pixels", (1000, 1000))]
    )


def answered(*boxes, scores=None) -> Answer:
    """An answer of (name, box) pairs."""
    scores = (1.0,) * len(boxes) if scores is None else scores
    return Answer(Boxes(tuple(b for _, b in boxes), tuple(scores), tuple(n for n, _ in boxes)), True)


def labelled(*boxes) -> Boxes:
    return Boxes(tuple(b for _, b in boxes), labels=tuple(n for n, _ in boxes))


def test_spelling_is_no_other_name_and_other_names_stay_as_predictions_of_no_category():
    listed = [
        {"bbox_2d": [1, 2, 30, 40], "label": "Fire_Hydrant"},
        {"bbox_2d": [5, 5, 50, 60], "label": " CUP "},
        {"bbox_2d": [1, 2, 30, 40], "label": "cup"},
        {"bbox_2d": [9, 9, 80, 80], "label": "spoon"},
        {"bbox_2d": [7, 7, 70, 70]},
    ]
    answer = read(json.dumps(listed), "cup", "fire hydrant")
    assert answer.value.labels == ("fire hydrant", "cup", "cup", "spoon", None)
    assert answer.faults == (Fault.OTHER_CLASS, Fault.NO_LABEL) and not answer.formatted
    example = asked("cup", "fire hydrant", target=Boxes())
    parts = {
        p.example.question: p.answer.value.xyxy_px
        for p in TASK.split_by_category(Prediction(example, answer))
    }
    assert parts == {"cup": ((5, 5, 50, 60), (1, 2, 30, 40)), "fire hydrant": ((1, 2, 30, 40),)}
    card = {s.name: s for s in TASK.sections}["names"].measure(_Scored([Prediction(example, answer)]))
    assert card == {"boxes": 5, "unasked": 1, "unnamed": 1, "unasked_names": {"spoon": 1}}


class _Scored:
    def __init__(self, predictions):
        self.predictions = predictions


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ('{"cup": [[1, 2, 30, 40], [5, 5, 50, 60]], "fork": []}', {"cup": 2, "fork": 0}),
        ('{"Fork": [1, 2, 30, 40]}', {"cup": 0, "fork": 1}),
        ('[{"label": "fork", "boxes": [[1, 2, 30, 40], [5, 5, 50, 60]]}]', {"cup": 0, "fork": 2}),
        (
            '```json\n[{"bbox_2d": [1, 2, 30, 40], "label": "cup", "confidence": 0.5}]\n```',
            {"cup": 1, "fork": 0},
        ),
        ("No Objects", {"cup": 0, "fork": 0}),
    ],
)
def test_a_category_that_is_not_mentioned_is_answered_with_none(content, found):
    answer = read(content, "cup", "fork")
    assert Fault.BAD_BOX not in answer.faults
    parts = TASK.split_by_category(Prediction(asked("cup", "fork", target=Boxes()), answer))
    assert {p.example.question: p.answer.value.size for p in parts} == found


def test_boxes_without_any_name_answer_nothing():
    for content in ("No cup. Fork: [1, 2, 30, 40]", "[[1, 2, 30, 40], [5, 5, 50, 60]]"):
        answer = read(content, "cup", "fork")
        assert answer.value is None and Fault.NO_LABEL in answer.faults and answer.other.size


def test_an_image_is_asked_about_what_its_labels_know_in_full():
    def record(name, *boxes, **known):
        notes = tuple(Annotation("category", n, Boxes((b,)), counts) for n, b, counts in boxes)
        return Record(name, (Image(Path(f"{name}.png"), (1000, 1000)),), notes, **known)

    records = [
        record("whole", ("cup", A, True), ("fork", B, True)),
        record("partly", ("cup", A, True), ("fork", B, True), not_exhaustive=("fork",)),
        record("crowd", ("cup", A, False)),
        record("listed", ("cup", C, True), absent=("knife",)),
        record("nothing", unknown=("",)),
        record("knife", ("knife", C, True), absent=()),
    ]
    questions = {e.id: e for e in TASK.examples(records)}
    assert {name: e.options for name, e in questions.items()} == {
        "whole": ("cup", "fork", "knife"),
        "partly": ("cup", "knife"),
        "crowd": ("fork", "knife"),
        "listed": ("cup", "knife"),
        "knife": ("knife",),
    }
    assert questions["partly"].target.labels == ("cup",) and questions["crowd"].target.is_empty
    few = load_task("multi_detection", {"classes": ["fork", "spoon"]})
    assert {e.id: e.options for e in few.examples(records)}["whole"] == ("fork", "spoon")
    assert "spoon" in " ".join(few.class_name_warnings(["cup", "fork"]))


def test_a_box_pays_under_its_own_name_alone():
    target = labelled(("cup", A), ("fork", B))
    right, exchanged = answered(("cup", A), ("fork", B)), answered(("fork", A), ("cup", B))
    assert iou_f1(right, target) == confidence_gain(right, target) == 1
    assert iou_f1(exchanged, target) == confidence_gain(exchanged, target) == 0
    half = answered(("cup", A))
    assert iou_f1(half, target) == pytest.approx(2 / 3) and confidence_gain(half, target) == 0.5
    assert TASK.score(half, target) == 0.5 and not TASK.success(half, target) and TASK.success(right, target)
    assert iou_f1(answered(("Cup", A), ("FORK", B)), target) == 1


names = st.sampled_from(["cup", "fork", "knife"])
corners = st.builds(
    lambda x, y, w, h: (float(x), float(y), float(x + w), float(y + h)),
    st.integers(0, 6), st.integers(0, 6), st.integers(1, 6), st.integers(1, 6),
)  # fmt: skip
lists = st.lists(st.tuples(names, corners), max_size=4)
hundredths = st.integers(0, 100).map(lambda n: n / 100)


@settings(max_examples=150, deadline=None)
@given(found=lists, gold=lists, data=st.data())
def test_rewards_are_those_of_the_best_pairing_and_no_box_that_misses_raises_them(found, gold, data):
    target = labelled(*gold)
    scores = [data.draw(hundredths) for _ in found]
    answer = answered(*found, scores=scores)
    more, many = sorted((found, gold), key=len), max(len(found), len(gold))
    best = max(
        math.fsum(iou(a[1], b[1]) for a, b in zip(more[0], order, strict=True) if a[0] == b[0])
        for order in permutations(more[1], len(more[0]))
    )
    expected = 2 * best / (len(found) + len(gold)) if found else float(not gold)
    assert iou_f1(answer, target) == pytest.approx(expected)
    assert TASK.score(answer, target) <= 1 and TASK.similarity(answer.value, target) == pytest.approx(
        best / many if found and gold else float(not found and not gold)
    )
    extra = (data.draw(names), FAR)
    added = answered(*found, extra, scores=[*scores, data.draw(hundredths)])
    assert iou_f1(added, target) < iou_f1(answer, target) or iou_f1(answer, target) == 0
    assert confidence_gain(added, target) <= confidence_gain(answer, target)


def test_the_confidence_that_wins_most_is_the_chance_of_a_hit():
    target, hit, miss = labelled(("cup", A)), ("cup", A), ("cup", FAR)

    def expected(chance: float, said: float) -> float:
        # A sure hit beside it keeps the sum above its floor.
        both = labelled(("cup", A), ("cup", B))
        won = [confidence_gain(answered(("cup", B), one, scores=(1.0, said)), both) for one in (hit, miss)]
        return chance * won[0] + (1 - chance) * won[1]

    for chance in (0.0, 0.3, 0.8, 1.0):
        best = max((n / 100 for n in range(101)), key=lambda said: expected(chance, said))
        assert best == pytest.approx(chance)
    assert confidence_gain(answered(miss), target) == 0


def _coco(rows, images):
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i + 1} for i in range(images)],
        "categories": [{"id": i + 1} for i in range(3)],
        "annotations": [
            {
                "id": n, "image_id": image + 1, "category_id": category + 1, "iscrowd": 0, "score": score,
                "bbox": [b[0], b[1], b[2] - b[0], b[3] - b[1]], "area": (b[2] - b[0]) * (b[3] - b[1]),
            }
            for n, (image, category, b, score) in enumerate(rows, 1)
        ],
    }  # fmt: skip
    coco.createIndex()
    return coco


def test_average_precision_is_that_of_pycocotools_over_all_images_and_categories():
    rng = np.random.default_rng(5)
    known = ("cup", "fork", "knife")
    gold, said, predictions = [], [], []
    for image in range(12):
        listed, found = [], []
        for _ in range(int(rng.integers(1, 6))):
            x, y, w, h = rng.uniform(0, 500), rng.uniform(0, 500), rng.uniform(20, 400), rng.uniform(20, 400)
            name = int(rng.integers(3))
            listed.append((name, (x, y, x + w, y + h)))
            moved = tuple(v + rng.normal(0, 15) for v in (x, y, x + w, y + h))
            shown = int(rng.integers(3)) if rng.random() < 0.3 else name
            found.append((shown, moved, float(rng.random())))
        gold += [(image, c, b, 1.0) for c, b in listed]
        said += [(image, c, b, s) for c, b, s in found]
        example = asked(*known, target=labelled(*((known[c], b) for c, b in listed)))
        example = replace(example, id=f"{image:02}", record_id=f"{image:02}")
        extra = (("spoon", FAR), (None, FAR))
        answer = answered(
            *((known[c], b) for c, b, _ in found), *extra, scores=[s for *_, s in found] + [1.0] * 2
        )
        predictions.append(Prediction(example, answer))
    with redirect_stdout(StringIO()):
        evaluation = COCOeval(_coco(gold, 12), _coco(said, 12), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    metrics = {metric.name: metric for metric in TASK.metrics}
    ours = [metrics[name].value(predictions) for name in ("ap", "ap50", "ap75", "ap_medium", "ap_large")]
    assert ours == pytest.approx([evaluation.stats[i] for i in (0, 1, 2, 4, 5)])
    assert 0.1 < ours[0] < 0.9
    drawn = metrics["ap"].prepare(predictions)(np.array([3, 4, 7]))
    assert drawn == pytest.approx(metrics["ap"].value([predictions[i] for i in (3, 4, 7)]))


def test_boxes_of_several_answers_are_fused_under_their_own_names():
    near = (4.0, 0.0, 104.0, 100.0)
    said = [answered(("cup", A)), answered(("cup", near), ("fork", near)), answered(("fork", near))]
    fused = TASK.fuse([Candidate(one, None, 5) for one in said]).value
    assert sorted(fused.labels) == ["cup", "fork"]
    cup = fused.xyxy_px[fused.labels.index("cup")]
    assert cup == pytest.approx((2.0, 0.0, 102.0, 100.0))


def test_exports_write_each_box_under_its_category():
    example = asked("cup", "fork", target=Boxes())
    answer = answered(("fork", A), ("cup", B), ("spoon", C), scores=(0.5, 0.25, 1.0))
    whole = open_format("coco", [example], Setting("me"))([Prediction(example, answer)])
    named = {row["id"]: row["name"] for row in whole["categories"]}
    rows = {(named[r["category_id"]], r["score"], tuple(r["bbox"])) for r in whole["annotations"]}
    assert rows == {("fork", 0.5, (0, 0, 100, 100)), ("cup", 0.25, (300, 0, 100, 100))}


@pytest.mark.parametrize("notation", ["list", "fenced", "lines"])
@pytest.mark.parametrize("form", Form)
def test_every_notation_is_shown_in_the_prompt_and_read_back(notation, form):
    task = load_task("multi_detection", {"notation": notation})
    record = Record("a", SHOWN, (Annotation("category", 'it\'s "big" 猫', Boxes((A,))),))
    (example,) = task.examples([record])
    example = replace(example, form=form)
    frames = [SHOWN[0].frame("norm1000", (500, 500))]
    assert task.question(example, frames).count("```") == 2 * (notation == "fenced")
    rollout = score(TASK.gold(example, [SHOWN[0].frame("resized_pixels", (1000, 1000))]), example)
    assert rollout.answer.formatted and rollout.reward == 3, rollout.answer
    assert not task.class_name_warnings(['it\'s "big" 猫', "a, b", "no objects"])
