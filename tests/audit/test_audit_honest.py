"""The honest policy is the one that is declared, as its answers are read back."""

from __future__ import annotations

import numpy as np
import pytest

from vrft.diagnostics.audit.audit_plan import lay_out
from vrft.errors import InputError
from vrft.geometry.jitter import SIDE, box_apart, box_at_iou, draw_boxes, shrunk_about_center
from vrft.rewards.label_rewards import exact_match
from vrft.tasks.classification.classification import ALL_NAMES
from vrft.tasks.parsing.label_reading import nearest_names
from vrft.tasks.registry import load_task
from vrft.types import CoordinateFrame, Fault


def counted_iou(a, b):
    """IoU by counting columns and rows of pixels, without minima and maxima of edges."""
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = ([round(value) for value in box] for box in (a, b))
    columns = len(set(range(ax1, ax2)) & set(range(bx1, bx2)))
    rows = len(set(range(ay1, ay2)) & set(range(by1, by2)))
    both = columns * rows
    return both / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - both)


def is_real(box, case):
    return max((counted_iou(box, gold) for gold in case.boxes), default=0.0) > 0.2


def honest_boxes(plan):
    """Best IoU with a label, confidence and origin of every box in the honest policy's texts.

    A box that is made from a label has an IoU of 0.4 and more with it, an invented one of 0.05 at most.
    """
    found = []
    for case, answer in zip(plan.cases, plan.attempts["honest"].answers, strict=True):
        boxes = answer.value.xyxy_px
        for box, confidence in zip(boxes, answer.value.scores or (1.0,) * len(boxes), strict=True):
            iou = max((counted_iou(box, gold) for gold in case.boxes), default=0.0)
            found.append((iou, confidence, is_real(box, case)))
    return [np.array(column) for column in zip(*found, strict=True)]


@pytest.mark.parametrize("name", ["detection", "grounding"])
def test_honest_boxes_have_the_declared_precision(plan_of, name):
    iou, _, real = honest_boxes(plan_of(name))
    assert iou[real].mean() == pytest.approx(0.70, abs=0.01)
    assert iou[real].std() == pytest.approx(0.12, abs=0.01)
    assert iou[~real].max() <= 0.05


def test_one_box_in_five_is_missed_and_one_image_in_three_has_a_false_box(plan_of):
    plan = plan_of("detection")
    _, _, real = honest_boxes(plan)
    positive = [case for case in plan.cases if case.boxes]
    assert real.sum() == pytest.approx(0.8 * sum(len(case.boxes) for case in positive), abs=1)
    false = [sum(not is_real(box, case) for box in case.belief.xyxy_px) for case in positive]
    assert sum(false) == pytest.approx(len(positive) / 3, abs=1) and max(false) == 1


def test_confidence_is_the_hit_rate_within_a_tenth(plan_of):
    iou, confidence, _ = honest_boxes(plan_of("detection"))
    rate = (iou > 0.5).mean()
    assert confidence.min() >= rate - 0.105 and confidence.max() <= rate + 0.105
    assert confidence.mean() == pytest.approx(rate, abs=0.01)
    assert confidence.std() == pytest.approx(0.2 / 12**0.5, abs=0.005)


def test_fifteen_per_cent_have_nothing_to_find_and_four_in_five_of_these_get_an_abstention(plan_of):
    plan = plan_of("detection")
    answers = zip(plan.cases, plan.attempts["honest"].answers, strict=True)
    negative = [answer for case, answer in answers if not case.boxes]
    assert len(negative) == 75 and sum(answer.abstained for answer in negative) == 60


def test_in_grounding_a_missed_box_is_a_wrong_box(plan_of):
    iou, _, real = honest_boxes(plan_of("grounding"))
    assert len(iou) == 500 and real.sum() == 400


def test_sixty_per_cent_of_the_classes_are_right_and_the_others_the_nearest(plan_of):
    plan = plan_of("classification")
    pairs = zip(plan.cases, plan.attempts["honest"].answers, strict=True)
    wrong = [(case, answer) for case, answer in pairs if not exact_match(answer.value.name, case.name)]
    assert len(wrong) == 200
    assert all(answer.value.name == nearest_names(case.name, case.vocabulary)[0] for case, answer in wrong)


def test_nearest_is_what_a_reader_would_confuse():
    nearest = {name: nearest_names(name, ALL_NAMES)[0] for name in ALL_NAMES}
    assert nearest["Audi S4 Sedan 2007"] == "Audi S4 Sedan 2012"
    assert nearest["english marigold"] == "marigold" and nearest["A320"] == "A321"
    assert all(nearest[name] != name for name in ALL_NAMES) and len(ALL_NAMES) == len(set(ALL_NAMES)) == 40


@pytest.mark.parametrize("name", ["detection", "grounding", "classification"])
def test_references_are_without_fault(plan_of, name):
    plan = plan_of(name)
    for reference in ("gold", "honest"):
        assert {f for answer in plan.attempts[reference].answers for f in answer.faults} == set()


def test_targets_vary_in_number_and_size_and_hardly_overlap(plan_of):
    boxes = [case.boxes for case in plan_of("detection").cases]
    assert {len(found) for found in boxes} == set(range(7))
    sides = [side for found in boxes for x1, y1, x2, y2 in found for side in (x2 - x1, y2 - y1)]
    assert min(sides) >= 100 and max(sides) > 400 and max(sides) <= 600
    pairs = [(a, b) for found in boxes[:60] for i, a in enumerate(found) for b in found[:i]]
    assert len(pairs) > 100 and max(counted_iou(a, b) for a, b in pairs) <= 0.05


@pytest.mark.parametrize("iou", [0.4, 0.475, 0.7, 0.98])
def test_a_box_has_the_iou_that_was_asked_for(iou):
    rng = np.random.default_rng(0)
    for _ in range(60):
        (gold,) = draw_boxes(1, rng)
        found = box_at_iou(gold, iou, rng)
        assert 0 <= found[0] < found[2] <= SIDE and 0 <= found[1] < found[3] <= SIDE
        assert counted_iou(gold, found) == pytest.approx(iou, abs=0.0125)


def test_boxes_move_in_every_direction():
    rng = np.random.default_rng(0)
    gold = (400.0, 400.0, 600.0, 600.0)
    found = np.array([box_at_iou(gold, 0.7, rng) for _ in range(300)]) - gold
    assert (found.min(0) < -20).all() and (found.max(0) > 20).all() and abs(found.mean(0)).max() < 8


def test_shrinking_about_the_center_never_loses_iou():
    gold = (13.0, 27.0, 160.0, 131.0)
    ious = [counted_iou(gold, shrunk_about_center(gold, share)) for share in np.linspace(0.05, 1, 60)]
    assert ious == sorted(ious) and ious[-1] == 1
    assert np.abs(np.array(ious) - np.linspace(0.05, 1, 60)).max() < 0.02


def test_a_box_apart_keeps_away_and_keeps_its_upper_edge():
    rng = np.random.default_rng(0)
    for _ in range(40):
        gold = draw_boxes(3, rng)
        box = box_apart(gold, rng, y1=gold[0][1])
        assert box[1] == gold[0][1] and max(counted_iou(box, other) for other in gold) < 0.2


def test_a_trial_is_decided_by_its_seed():
    task = load_task("classification")
    texts = [lay_out(task, targets=60, seed=seed).attempts["random_name"].texts for seed in (3, 3, 4)]
    assert texts[0] == texts[1] != texts[2]


def test_too_few_targets_are_refused():
    with pytest.raises(InputError, match="too few for an audit"):
        lay_out(load_task("grounding"), targets=59)


@pytest.mark.parametrize("frame", ["norm1", "resized_pixels"])
def test_other_frames_write_the_same_boxes(small_plan_of, frame):
    plan = lay_out(load_task("detection"), frame=frame, targets=60)
    assert plan.cases[0].frames == (CoordinateFrame.whole(frame, (SIDE, SIDE)),)
    for name in ("gold", "honest", "near_miss", "grid_100"):
        usual = small_plan_of("detection").attempts[name].answers
        for found, expected in zip(plan.attempts[name].answers, usual, strict=True):
            assert np.allclose(found.value.xyxy_px, expected.value.xyxy_px, atol=1e-6)
    assert all(Fault.BAD_BOX in answer.faults for answer in plan.attempts["far_outside"].answers)
