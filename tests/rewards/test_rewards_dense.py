"""The denser detection terms against pixel counts, brute force and pycocotools."""

from __future__ import annotations

import itertools
from contextlib import redirect_stdout
from io import StringIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from reward_answers import ABSTAINED, boxes_answer, label_answer, terms_of

from vrft.errors import InputError
from vrft.geometry.matching import MATCHERS
from vrft.rewards import box_rewards as detection
from vrft.rewards.matched_boxes import THRESHOLDS
from vrft.rewards.papers import vision_r1
from vrft.rewards.papers.vlm_r1 import vlm_r1_detection as vlm_r1
from vrft.tasks.registry import load_task
from vrft.types import Answer, Boxes, Label

spans = st.integers(0, 7).flatmap(lambda low: st.tuples(st.just(low), st.integers(low + 1, 8)))
boxes = st.tuples(spans, spans).map(
    lambda s: (float(s[0][0]), float(s[1][0]), float(s[0][1]), float(s[1][1]))
)
answers = st.lists(st.tuples(boxes, st.sampled_from([0.1, 0.5, 0.9])), min_size=1, max_size=4).map(
    lambda found: boxes_answer([b for b, _ in found], [c for _, c in found])
)
targets = st.lists(boxes, min_size=1, max_size=4).map(lambda found: Boxes(tuple(found)))


def pixels(box) -> set[tuple[int, int]]:
    return {(x, y) for x in range(int(box[0]), int(box[2])) for y in range(int(box[1]), int(box[3]))}


def counted_iou(a, b) -> float:
    return len(pixels(a) & pixels(b)) / len(pixels(a) | pixels(b))


def counted_giou(a, b) -> float:
    around = pixels((min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])))
    return counted_iou(a, b) - len(around - pixels(a) - pixels(b)) / len(around)


def best_sum(answer: Answer, target: Boxes, value) -> float:
    """Greatest sum of a value over all one-to-one assignments."""
    first, second = answer.value.xyxy_px, target.xyxy_px
    if len(first) <= len(second):
        pairings = (zip(first, chosen, strict=True) for chosen in itertools.permutations(second, len(first)))
    else:
        pairings = (zip(chosen, second, strict=True) for chosen in itertools.permutations(first, len(second)))
    return max(sum(value(a, b) for a, b in pairs) for pairs in pairings)


def larger(answer: Answer, target: Boxes) -> int:
    return max(answer.value.size, target.size)


@settings(deadline=None)
@given(answers, targets)
def test_giou_is_the_best_assignment_of_pixel_counts(answer, target):
    expected = best_sum(answer, target, lambda a, b: (counted_giou(a, b) + 1) / 2) / larger(answer, target)
    assert detection.giou_matched(answer, target) == pytest.approx(expected)


@settings(deadline=None)
@given(answers, targets, st.sampled_from([0.0, 0.3, 0.5, 0.75]))
def test_hungarian_matching_takes_the_greatest_sum_of_the_iou_that_counts(answer, target, tau):
    def counts(a, b) -> float:
        return counted_iou(a, b) * (counted_iou(a, b) > tau)

    expected = best_sum(answer, target, counts)
    options = {"tau": tau, "matching": "hungarian"}
    assert detection.iou_released(answer, target, **options) == pytest.approx(
        expected / larger(answer, target)
    )
    assert detection.iou_paper(answer, target, **options) == pytest.approx(expected / answer.value.size)


@settings(deadline=None)
@given(boxes, boxes)
def test_one_box_against_one_label(box, label):
    answer, target, value = boxes_answer([box]), Boxes((label,)), counted_iou(box, label)
    levels = [t / 100 for t in range(50, 100, 5)]
    assert detection.iou_ladder(answer, target) == pytest.approx(sum(min(value / t, 1) for t in levels) / 10)
    if not any(abs(value - t) < 1e-9 for t in levels):
        assert detection.f1_thresholds(answer, target) == pytest.approx(sum(value > t for t in levels) / 10)


def test_f1_counts_boxes_too_many_and_too_few_alike():
    good = [(100.0 * i, 0.0, 100.0 * i + 50, 50.0) for i in range(3)]
    few, many = boxes_answer(good[:2]), boxes_answer(good)
    assert detection.f1_thresholds(few, Boxes(tuple(good))) == pytest.approx(2 * 2 / 5)
    assert detection.f1_thresholds(many, Boxes(tuple(good[:2]))) == pytest.approx(2 * 2 / 5)


@pytest.mark.parametrize("term", [detection.iou_ladder, detection.giou_matched, detection.iou_dense])
def test_a_nearer_box_has_more_wherever_it_is(term):
    target = Boxes(((0.0, 0.0, 100.0, 100.0),))
    shares = [0.05 * i for i in range(1, 20)]
    rewards = [term(boxes_answer([(0.0, 0.0, 100.0, 100 * s)]), target) for s in shares]
    assert all(a < b for a, b in itertools.pairwise(rewards))


@pytest.mark.parametrize("term", [detection.iou_paper, detection.iou_ladder, detection.confidence_brier])
def test_an_unknown_matching_is_refused_with_those_that_exist(term):
    with pytest.raises(InputError, match="greedy, hungarian"):
        term(ABSTAINED, Boxes(), matching="optimal")


@pytest.mark.parametrize("term", [detection.iou_paper, detection.f1_thresholds, detection.confidence_margin])
def test_an_answer_of_another_kind_has_no_boxes_and_such_a_target_is_refused(term):
    assert (
        term(label_answer("cat"), Boxes()) == term(label_answer("cat"), Boxes(((0.0, 0.0, 9.0, 9.0),))) == 0
    )
    with pytest.raises(InputError, match=r"kind 'boxes' was expected.*'label'"):
        term(ABSTAINED, Label("cat"))


def test_boxes_without_scores_are_sure():
    box = (0.0, 0.0, 10.0, 10.0)
    bare = Answer(Boxes((box,)), True)
    for term in (detection.iou_paper, detection.giou_matched, detection.confidence_margin):
        assert term(bare, Boxes((box,))) == term(boxes_answer([box]), Boxes((box,))) == 1.0


def test_tau_moves_the_cliff_and_is_strict():
    target = Boxes(((0.0, 0.0, 10.0, 10.0),))
    answer = boxes_answer([(0.0, 0.0, 10.0, 6.0)], [0.9])
    terms = (detection.iou_paper, detection.iou_released, detection.confidence_paper)
    assert [[term(answer, target, tau=tau) for term in terms] for tau in (0.59, 0.6)] == [
        [0.6, 0.6, 0.9],
        pytest.approx([0.0, 0.0, 0.1]),
    ]


def test_greedy_and_hungarian_differ_where_the_surest_box_takes_anothers_label():
    # IoU .6 and .55 with the two labels against .58 and 0
    rows = [[0.6, 0.55], [0.58, 0.0]]
    assert MATCHERS["greedy"](rows, [0.9, 0.8], 0.5) == [0.6, 0.0]
    assert MATCHERS["hungarian"](rows, [0.9, 0.8], 0.5) == [0.55, 0.58]


# AP against pycocotools


def coco_ap(found, labels) -> tuple[float, float]:
    """AP over .5:.95 and AP50 of one image from pycocotools, all scores 1."""

    def index(boxes_of):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": 1}],
            "categories": [{"id": 1}],
            "annotations": [
                {
                    "id": i,
                    "image_id": 1,
                    "category_id": 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),
                    "iscrowd": 0,
                    "score": 1.0,
                }
                for i, (x1, y1, x2, y2) in enumerate(boxes_of, 1)
            ],
        }
        coco.createIndex()
        return coco

    with redirect_stdout(StringIO()):
        evaluation = COCOeval(index(labels), index(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0]), float(evaluation.stats[1])


def test_ap_is_that_of_pycocotools():
    draw, seen = np.random.default_rng(5), []
    for case in range(150):
        corners = draw.uniform(0, 60, (int(draw.integers(1, 7)), 2))
        labels = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(corners, draw.uniform(20, 60, corners.shape),
                                                                strict=True)]  # fmt: skip
        picks = draw.integers(0, len(labels), int(draw.integers(1, 9)) if case else 130)
        found = [tuple(np.add(labels[i], draw.normal(0, 3, 4)).tolist()) for i in picks]
        target = Boxes(tuple(tuple(map(float, b)) for b in labels))
        answer = boxes_answer(found)
        ours = (vlm_r1.ap(answer, target, od_length=False), vlm_r1.ap50(answer, target, od_length=False))
        assert ours == pytest.approx(coco_ap(found, labels), abs=1e-9)
        share = min(1.0, len(labels) / len(found))
        assert vlm_r1.ap(answer, target) == pytest.approx(ours[0] * share)
        seen.append(ours[0])
    assert min(seen) < 0.2 and max(seen) > 0.6


def test_the_thresholds_are_cocos_ten():
    assert np.allclose(THRESHOLDS, [t / 100 for t in range(50, 100, 5)], atol=1e-12)


# Vision-R1 by counting


@settings(deadline=None)
@given(answers, targets, st.sampled_from([0.0, 0.7]))
def test_vision_r1_gives_nothing_above_what_was_found(answer, target, progress):
    hit, full = (0.75, 0.9) if progress else (0.5, 0.75)
    fits = [max(counted_iou(a, b) for b in target.xyxy_px) for a in answer.value.xyxy_px]
    most = sum(1.0 if iou >= full else iou for iou in fits if iou >= hit) / len(fits)
    assert vision_r1.precision(answer, target, progress=progress) <= most + 1e-12
    if len(fits) == target.size == 1:
        assert vision_r1.precision(answer, target, progress=progress) == pytest.approx(most)


def test_the_settings_that_runs_depend_on_are_unchanged():
    task = load_task("detection")
    names = {
        setting: [term.reward.__name__ for term in terms_of("detection", setting).values()]
        for setting in task.settings
        if setting != "released"
    }
    assert names == {
        "paper": ["iou_paper", "confidence_paper", "format_reward"],
        "released_fixed": ["iou_released", "confidence_paper", "format_reward"],
        "recommended": ["iou_dense", "confidence_margin", "format_reward"],
    }
    assert len(task.terms) == 17
