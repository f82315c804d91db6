"""Exact values of Visual-RFT, Vision-R1 and VLM-R1, worked out by hand, in the mode each belongs to."""

from pathlib import Path

import pytest
from reward_answers import ABSTAINED, FRAME, SAFE, boxes_answer, label_answer, parsed, terms_of

from vrft.geometry.boxes import as_array, giou_matrix, iou
from vrft.rewards import text_rewards
from vrft.rewards.papers import vision_r1
from vrft.rewards.papers.vision_r1 import ADVANCED, BEGINNER, differentiated
from vrft.rewards.papers.vlm_r1 import vlm_r1_detection as vlm_r1
from vrft.tasks.registry import load_task
from vrft.tasks.scorer import RewardOptions, Scorer
from vrft.types import Answer, Boxes, BoxXYXY, Clock, Example, Form, Image, Label


def cell(place: int, share: float = 1.0) -> BoxXYXY:
    """One of ten boxes apart from each other, or a part of it whose IoU with it is the share."""
    return (100.0 * place, 0.0, 100.0 * place + 50, 50 * share)


def found(*boxes: BoxXYXY) -> Answer:
    return boxes_answer(boxes)


def labels(n: int) -> Boxes:
    return Boxes(tuple(cell(i) for i in range(n)))


# Visual-RFT


@pytest.mark.parametrize(
    ("a", "b", "shared", "general"),
    [((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3, 1 / 3), ((0, 0, 10, 10), (20, 0, 30, 10), 0.0, -1 / 3)],
)
def test_two_squares_next_to_each_other(a, b, shared, general):
    assert iou(a, b) == pytest.approx(shared)
    assert giou_matrix(as_array([a]), as_array([b]))[0, 0] == pytest.approx(general)


@pytest.mark.parametrize("setting", SAFE)
def test_a_perfect_answer_has_three_and_an_empty_one_nothing(setting):
    text = "<think>I look.</think><answer>[{'Position': [0, 0, 50, 50], 'Confidence': 1.00}]</answer>"
    terms = terms_of("detection", setting).values()
    assert sum(term(parsed("detection", text), labels(1)) for term in terms) == 3.0
    for empty in ("", "<answer></answer>"):
        assert sum(term(parsed("detection", empty), labels(1)) for term in terms) == 0.0


@pytest.mark.parametrize("k", [1, 2, 5])
def test_k_further_boxes_on_one_label_leave_one_in_k_plus_one(k):
    # not exact duplicates, which the parser and the released code drop
    boxes = [cell(0), *((0.0, 0.0, 50.0, 49.0 - i) for i in range(k))]
    for setting in SAFE:
        assert terms_of("detection", setting)["iou"](found(*boxes), labels(1)) == pytest.approx(1 / (1 + k))
    written = ", ".join(f"{{'Position': {[int(n) for n in b]}, 'Confidence': 1}}" for b in boxes)
    twice = ", ".join([f"{{'Position': {[int(n) for n in cell(3)]}, 'Confidence': 1}}"] * (k + 1))
    released = terms_of("detection", "released")["iou"]
    target = Boxes(((0.0, 1.0, 50.0, 50.0),))  # another y1, so that the prelude keeps still
    assert released(Answer(text=f"<answer>[{written}]</answer>"), target) == pytest.approx(
        (49 / 50) / (1 + k)
    )
    target = Boxes(((300.0, 1.0, 350.0, 50.0),))
    assert released(Answer(text=f"<answer>[{twice}]</answer>"), target) == pytest.approx(49 / 50)


# Vision-R1


def test_three_labels_and_boxes_of_iou_8_6_and_0():
    answer, target = found(cell(0, 0.8), cell(1, 0.6), cell(9)), labels(3)
    first = {"progress": 0.0}
    assert vision_r1.recall(answer, target, **first) == pytest.approx(2 / 3)
    assert vision_r1.precision(answer, target, **first) == pytest.approx((1 + 0.6 + 0) / 3)
    second = {"progress": 0.5}
    assert vision_r1.recall(answer, target, **second) == 0.0
    assert vision_r1.precision(answer, target, **second) == pytest.approx(0.8 / 3)


@pytest.mark.parametrize(
    ("stage", "value", "expected"),
    [
        (BEGINNER, 0.49999, 0.0),
        (BEGINNER, 0.5, 0.5),
        (BEGINNER, 0.74999, 0.74999),
        (BEGINNER, 0.75, 1.0),
        (ADVANCED, 0.74999, 0.0),
        (ADVANCED, 0.75, 0.75),
        (ADVANCED, 0.89999, 0.89999),
        (ADVANCED, 0.9, 1.0),
    ],
)
def test_differentiation_at_its_edges(stage, value, expected):
    assert differentiated(value, stage) == expected


@pytest.mark.parametrize("progress", [0.0, 0.49, 0.5, 1.0])
def test_a_perfect_answer_has_all_in_both_stages(progress):
    for term in (vision_r1.recall, vision_r1.precision):
        assert term(found(cell(0), cell(1)), labels(2), progress=progress) == 1.0


def test_the_stage_begins_where_step_says_and_1_leaves_it_out():
    answer = found(cell(0, 0.6))
    rewards = {
        step: vision_r1.recall(answer, labels(1), progress=0.4, step=step) for step in (0.0, 0.4, 0.41)
    }
    assert rewards == {0.0: 0.0, 0.4: 0.0, 0.41: 1.0}
    assert vision_r1.recall(answer, labels(1), progress=1.0, step=1.0) == 1.0


def test_a_run_lets_the_rules_know_how_far_it_is():
    options = RewardOptions(weights={"vision_r1_recall": 1.0, "vision_r1_precision": 1.0})
    scorer, media = Scorer(load_task("detection"), options), (Image(Path("a.png"), (1000, 1000)),)
    example = Example("a", "a", "detection", media, "cat", labels(1), form=Form.DIRECT)
    text = "<answer>[{'Position': [0, 0, 50, 30], 'Confidence': 1}]</answer>"
    early, late = (scorer.score_text(text, example, [FRAME], now=Clock(s, 10)).terms for s in (1, 9))
    assert (early["vision_r1_recall"], early["vision_r1_precision"]) == (1.0, 0.6)
    assert (late["vision_r1_recall"], late["vision_r1_precision"]) == (0.0, 0.0)


def test_a_further_box_lowers_precision_and_a_missed_label_lowers_recall():
    assert vision_r1.precision(found(cell(0), cell(1)), labels(2)) == 1.0
    assert vision_r1.precision(found(cell(0), cell(1), cell(7)), labels(2)) == pytest.approx(2 / 3)
    assert vision_r1.recall(found(cell(0), cell(1)), labels(3)) == pytest.approx(2 / 3)


# VLM-R1


def test_two_right_boxes_and_eight_too_many_have_a_fifth():
    answer = found(cell(0), cell(1), *(cell(2, 0.1 * i) for i in range(1, 9)))
    assert vlm_r1.ap(answer, labels(2), od_length=False) == 1.0
    assert vlm_r1.length_share(2, 10) == 0.2
    assert vlm_r1.ap(answer, labels(2)) == vlm_r1.ap50(answer, labels(2)) == pytest.approx(0.2)


def test_surplus_boxes_strictly_lower_the_ap_reward_and_too_few_do_not_raise_it():
    rewards = [vlm_r1.ap(found(cell(0), *(cell(1 + i) for i in range(k))), labels(1)) for k in range(4)]
    assert rewards == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4])
    assert vlm_r1.length_share(5, 1) == 1.0


def test_both_sides_empty_have_one_and_one_side_empty_nothing():
    for term in (vlm_r1.ap, vlm_r1.ap50, vlm_r1.weighted_sum):
        assert term(ABSTAINED, labels(0)) == 1.0
        assert term(found(cell(0)), labels(0)) == term(ABSTAINED, labels(1)) == 0.0


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ((cell(0),), 0.7 / 2 + 0.3 * (1 - 0.5 / 2)),
        ((cell(0, 0.8), cell(1, 0.6)), 0.7 * 1.4 / 2 + 0.3),
        ((cell(0, 0.8), cell(1, 0.4)), 0.7 * 0.8 / 2 + 0.3 * 0.5),
        ((cell(0), cell(1), cell(7), cell(8)), 0.7 + 0.3 * (1 - 0.5 / 2)),
        ((cell(7),), 0.0),
    ],
)
def test_the_weighted_sum_of_position_and_completeness(boxes, expected):
    assert vlm_r1.weighted_sum(found(*boxes), labels(2)) == pytest.approx(expected)


def test_one_shared_pixel_column_counts():
    # VLM-R1's own IoU gives 0 here
    assert iou((0, 0, 10, 10), (9, 0, 19, 10)) == pytest.approx(1 / 19)
    assert iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("right", "expected"), [(True, [1.0, 0.75, 0.5, 0.5]), (False, [-0.5, -0.25, 0.0, 0.0])]
)
def test_the_cosine_of_length_and_its_clamp(right, expected):
    # unclamped, 2048 would count as 0 does
    assert [text_rewards.cosine(n, right, 1024) for n in (0, 512, 1024, 2048)] == pytest.approx(
        expected, abs=1e-12
    )


def test_seven_times_the_same_word_is_one_six_gram_of_two():
    answer = label_answer("a", text="a a a a a a a")
    assert text_rewards.no_repetition(answer, Label("a")) == 0.5
