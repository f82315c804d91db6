"""Pointing: whose point is right, what an answer earns, and which labels can be asked about."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PILImage

from vrft.config.run_config import RunConfig
from vrft.data.data_options import ReadOptions
from vrft.data.dataset import labels_for, load_dataset
from vrft.diagnostics.check.run_check import check
from vrft.errors import InputError, LabelError
from vrft.geometry.masks import mask_of_region
from vrft.rewards.point_rewards import closeness, point_f1
from vrft.tasks.registry import default_task, load_task
from vrft.types import Annotation, Answer, Boxes, Example, Image, Points, Prediction, Record

TASK = load_task("pointing")
WH = (600, 400)
IMAGE = Image(Path("kitchen.png"), WH)
LEFT, RIGHT = (0.0, 0.0, 200.0, 400.0), (400.0, 0.0, 600.0, 400.0)
TWO = Points(((100.0, 200.0), (500.0, 200.0)), boxes=(LEFT, RIGHT))


def said(*xy) -> Answer:
    return Answer(Points(tuple(xy)), True)


def asked(target: Points) -> Example:
    return Example("kitchen#mug", "kitchen", "pointing", (IMAGE,), "mug", target, group="mug")


def metrics_of(*pairs) -> dict[str, float]:
    predictions = [Prediction(asked(target), answer) for answer, target in pairs]
    return {metric.name: metric.value(predictions) for metric in TASK.metrics}


def test_each_thing_is_found_once_and_every_further_point_costs():
    stripes = np.zeros((3, *WH[::-1]), dtype=bool)
    for number, stripe in enumerate(stripes):
        stripe[:, 200 * number : 200 * number + 100] = True
    masks = tuple(map(mask_of_region, stripes))
    target = Points(((50.0, 9.0), (250.0, 9.0), (450.0, 9.0)), masks=masks)
    answer = said((10.0, 10.0), (20.0, 390.0), (210.0, 5.0), (320.0, 5.0))
    found = metrics_of((answer, target))
    assert found["precision"] == 2 / 4 and found["recall"] == 2 / 3
    assert found["f1"] == pytest.approx(2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3)) == point_f1(answer, target)
    assert found["accuracy"] == 0.0 and not TASK.success(answer, target)


def test_rightly_nothing_is_a_right_answer_and_silence_is_not():
    nothing = Points()
    assert point_f1(said(), nothing) == closeness(said(), nothing, asked(nothing)) == 1.0
    assert point_f1(Answer(), nothing) == point_f1(said((1.0, 1.0)), nothing) == point_f1(said(), TWO) == 0.0
    found = metrics_of((said(), nothing), (Answer(), nothing), (said((100.0, 0.0)), TWO))
    assert found["accuracy"] == 1 / 3 and (found["precision"], found["recall"]) == (1.0, 0.5)


def test_distances_are_shares_of_the_diagonal_and_a_missed_thing_is_a_whole_one():
    diagonal = np.hypot(*WH)
    found = metrics_of((said((103.0, 204.0)), TWO))
    assert found["distance"] == pytest.approx(1000 * (5 / diagonal + 1) / 2)
    assert metrics_of((Answer(), TWO))["distance"] == 1000


def test_what_a_point_must_lie_in_can_be_chosen():
    half = np.zeros(WH[::-1], dtype=bool)
    half[:200, :200] = True
    target = Points(((50.0, 50.0),), boxes=(LEFT,), masks=(mask_of_region(half),), radius_px=20.0)
    below = said((50.0, 300.0))
    assert [point_f1(below, target, where=w) for w in ("best", "mask", "box", "radius")] == [0, 0, 1, 0]
    with pytest.raises(InputError, match="no mask"):
        point_f1(below, TWO, where="mask")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 4), st.integers(0, 4))
def test_rewards_are_those_of_the_best_of_all_pairings(seed, n, m):
    rng = np.random.default_rng(seed)
    places = rng.integers(0, (601, 401), (m, 2)).astype(float)
    points = rng.integers(0, (601, 401), (n, 2)).astype(float)
    target = Points(tuple(map(tuple, places.tolist())), radius_px=float(rng.integers(1, 300)))
    answer = said(*map(tuple, points.tolist()))
    f1, near = point_f1(answer, target), closeness(answer, target, asked(target))
    if not (n and m):
        assert f1 == near == float(n == m)
        return
    d = np.hypot(*(points[:, None] - places[None]).transpose(2, 0, 1))
    scaled = (points[:, None] - places[None]) * (1000 / np.array(WH))
    c = np.where(d <= target.radius_px, 1.0, np.exp(-(scaled**2).sum(2) / 5000))
    padded_hits, padded_c = np.zeros((2, max(n, m), max(n, m)))
    padded_hits[:n, :m], padded_c[:n, :m] = d <= target.radius_px, c
    orders = [list(enumerate(order)) for order in permutations(range(max(n, m)))]
    best = [max(sum(table[i, j] for i, j in order) for order in orders) for table in (padded_hits, padded_c)]
    assert f1 == pytest.approx(2 * best[0] / (n + m)) and near == pytest.approx(best[1] / max(n, m))
    assert point_f1(answer, target) == TASK.similarity(answer.value, target)
    # The order of points says nothing.
    shuffled = said(*answer.value.xy_px[::-1])
    assert point_f1(shuffled, target) == f1 and closeness(shuffled, target, asked(target)) == pytest.approx(
        near
    )


def test_the_target_of_a_mask_is_inside_of_it_and_the_box_is_kept():
    ring = np.ones(WH[::-1], dtype=bool)
    ring[50:350, 50:550] = False
    mask = mask_of_region(ring)
    boxes = (0.0, 0.0, 600.0, 400.0)
    record = Record("r", (IMAGE,), (Annotation("category", "frame", Boxes((boxes,), mask=mask)),))
    (example,) = TASK.examples([record])
    assert example.target.masks == (mask,) and example.target.boxes == (boxes,)
    assert point_f1(Answer(example.target), example.target) == 1
    assert point_f1(said((300.0, 200.0)), example.target) == 0, "the center of the box is in the hole"


def rows(folder: Path, *lines: dict) -> Path:
    PILImage.new("RGB", WH).save(folder / "a.png")
    PILImage.new("RGB", WH).save(folder / "b.png")
    (folder / "points.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_rows_of_points_are_read_and_one_outside_costs_that_row_alone(tmp_path):
    folder = rows(
        tmp_path,
        {"image": "a.png", "category": "mug", "target": {"kind": "points", "xy_px": [[0, 0], [600, 400]]}},
        {"image": "b.png", "category": "mug", "target": {"kind": "points", "xy_px": [[601, 5]]}},
        {"image": "b.png", "category": "fork", "target": {"kind": "points"}},
        *({"image": "a.png", "category": f"cup {n}", "target": {"kind": "points"}} for n in range(3)),
    )
    dataset = labels_for(TASK, folder)
    assert dataset.provides == {("category", "points")} and default_task(dataset.provides) is TASK
    assert len(dataset.left_out) == 1 and "outside" in str(dataset.left_out[0])
    questions = {e.id: e.target for e in TASK.examples(dataset.records)}
    assert questions["a.png#mug"].xy_px == ((0.0, 0.0), (600.0, 400.0))
    assert questions["a.png#mug"].radius_px == pytest.approx(np.sqrt(600 * 400) * 30 / 840)
    assert questions["b.png#fork"].is_empty and "b.png#mug" not in questions and "a.png#fork" not in questions


def test_phrases_with_points_are_asked_about_with_their_own_radius(tmp_path):
    target = {"kind": "points", "xy_px": [[300, 200]], "radius_px": 10}
    folder = rows(tmp_path, {"image": "a.png", "phrase": "the left mug", "target": target})
    (example,) = TASK.examples(load_dataset(folder, frozenset({("phrase", "points")})).records)
    assert example.question == "the left mug"
    assert point_f1(said((310.0, 200.0)), example.target) == 1
    assert point_f1(said((311.0, 200.0)), example.target) == 0


def test_what_a_value_is_about_follows_from_its_kind_where_the_row_leaves_it_open(tmp_path):
    target = {"kind": "points", "xy_px": [[300, 200]]}
    folder = rows(tmp_path, {"image": "a.png", "question": "the left mug", "target": target})
    dataset = load_dataset(folder)
    assert dataset.provides == {("phrase", "points")} and default_task(dataset.provides) is TASK
    action = {"kind": "action", "action": "click", "xy_px": [300, 200]}
    rows(tmp_path, {"image": "a.png", "question": "Take the left mug.", "target": action})
    assert default_task(load_dataset(folder).provides).name == "clicking"


def test_boxes_are_asked_about_by_other_tasks_where_none_is_named():
    assert default_task([("category", "boxes")]).name == "detection"
    assert default_task([("phrase", "boxes")]).name == "grounding"


def test_a_target_is_stored_and_comes_back_whole():
    mask = mask_of_region(np.ones((4, 6), dtype=bool))
    for target in (TWO, Points(((1.0, 2.0),), masks=(mask,)), Points(((1.0, 2.0),), radius_px=3.5), Points()):
        assert Points.decode(target.encode()) == target
    with pytest.raises(InputError, match="1 boxes for 2 points"):
        Points.decode({"kind": "points", "xy_px": [[1, 2], [3, 4]], "boxes": [[0, 0, 9, 9]]})


def test_labels_that_do_not_fit_and_labels_that_are_odd():
    small = mask_of_region(np.ones((4, 6), dtype=bool))
    assert TWO.label_error([WH]) is None and TWO.label_warning([WH]) is None
    assert "mask is of 6x4 pixels" in Points(((1.0, 2.0),), masks=(small,)).label_error([WH])
    assert "601, 5 is outside" in Points(((601.0, 5.0),)).label_error([WH])
    assert "beside its own box" in Points(((300.0, 5.0),), boxes=(LEFT,)).label_warning([WH])


def test_check_names_an_odd_label_and_declared_shares_are_not_taken_for_pixels(tmp_path):
    odd = {"kind": "points", "xy_px": [[300, 5]], "boxes": [list(LEFT)]}
    right = {"kind": "points", "xy_px": [[100, 5]], "boxes": [list(LEFT)]}
    lines = [{"image": "a.png", "phrase": f"mug {n}", "target": right} for n in range(5)]
    folder = rows(tmp_path, *lines, {"image": "b.png", "phrase": "odd mug", "target": odd})
    config = RunConfig.model_validate({"task": "pointing", "data": {"path": str(folder)}})
    found = [
        one for one in check(folder, TASK, lambda task: config, None).findings if one.code == "odd-label"
    ]
    assert [one.where for one in found] == ["b.png: odd mug"]
    with pytest.raises(LabelError, match="are pixels, not 0-1"):
        load_dataset(folder, frozenset({("phrase", "points")}), ReadOptions(coordinates="0-1"))
