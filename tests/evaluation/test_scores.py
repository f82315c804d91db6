"""Votes, other scores, and the spread of AP over ties."""

from itertools import permutations

import numpy as np
import pytest
from judged_answers import detection, random_detections

from vrft.errors import InputError
from vrft.tasks.detection.box_scores import rescored, untied, vote_shares
from vrft.tasks.metrics.metric import METRICS
from vrft.types import Answer

A, B, AWAY = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 80.0, 90.0), (20.0, 60.0, 30.0, 70.0)
NEAR_A = (0.0, 0.0, 10.0, 8.0)


def said(*boxes: tuple[float, float, float, float], parsed: bool = True) -> Answer:
    return Answer(parsed, parsed, boxes, (1.0,) * len(boxes))


def test_votes_by_hand() -> None:
    samples = [said(NEAR_A), said(A, B), said(), said(A, parsed=False)]
    assert vote_shares(said(B, A, AWAY), samples) == [1 / 4, 2 / 4, 0.0]
    assert vote_shares(said(), samples) == []


def test_a_box_written_twice_shares_its_votes() -> None:
    assert vote_shares(said(A, NEAR_A), [said(A), said(A)]) == [1.0, 0.0]
    assert vote_shares(said(A), [said(A, NEAR_A)]) == [1.0]


def test_a_box_that_overlaps_too_little_is_no_vote() -> None:
    barely = (0.0, 0.0, 10.0, 5.0)
    assert vote_shares(said(A), [said(barely)]) == [0.0]
    assert vote_shares(said(A), [said(barely)], tau=0.4) == [1.0]


def test_votes_rank_a_right_box_above_a_spurious_one() -> None:
    judged = [detection("p", "cat", [A], [(AWAY, 1.0), (A, 1.0)])]
    votes = [vote_shares(j.answer, [said(A), said(NEAR_A), said(AWAY, A)]) for j in judged]
    assert METRICS["ap50"].value(judged) == pytest.approx(0.5, abs=1e-12)
    assert METRICS["ap50"].value(rescored(judged, votes)) == pytest.approx(1.0, abs=1e-12)


def test_scores_that_do_not_fit_are_refused() -> None:
    judged = [detection("p", "cat", [A], [(A, 1.0)])]
    for scores in ([], [[]], [[0.1, 0.2]], [[-0.1]], [[float("nan")]]):
        with pytest.raises(InputError):
            rescored(judged, scores)
    with pytest.raises(InputError, match="no samples"):
        vote_shares(said(A), [])


def test_ties_are_broken_and_all_else_stays() -> None:
    judged = random_detections(np.random.default_rng(0), 10, 2)
    before = np.concatenate([j.answer.confidences for j in judged])
    after = np.concatenate([j.answer.confidences for j in untied(judged, 1)])
    assert len(set(after)) == len(after) and after.min() > 0 and after.max() == 1.0
    assert all(
        after[i] < after[k] for i in range(len(after)) for k in range(len(after)) if before[i] < before[k]
    )
    assert [j.answer.boxes_xyxy_px for j in untied(judged, 1)] == [j.answer.boxes_xyxy_px for j in judged]
    assert untied([]) == []


def test_without_ties_ap_stays() -> None:
    judged = random_detections(np.random.default_rng(2), 10, 2, coarse_scores=False)
    values = {METRICS["ap"].value(untied(judged, seed)) for seed in range(3)}
    assert values == {METRICS["ap"].value(judged)}


def test_the_spread_over_ties_is_that_of_all_orders() -> None:
    boxes = [A, AWAY, B, (90.0, 90.0, 95.0, 95.0)]
    judged = [detection("p", "cat", [A, B], [(box, 1.0) for box in boxes])]
    orders = [
        [detection("p", "cat", [A, B], [(box, 1 - i / 10) for i, box in enumerate(order)])]
        for order in permutations(boxes)
    ]
    every = {round(METRICS["ap50"].value(order), 9) for order in orders}
    drawn = {round(METRICS["ap50"].value(untied(judged, seed)), 9) for seed in range(100)}
    assert drawn == every and len(every) > 1
