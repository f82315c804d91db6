"""Votes, other scores, and the spread of AP over ties."""

from itertools import permutations

import numpy as np
import pytest
from predicted import detection, random_detections

from vrft.errors import InputError
from vrft.tasks.detection.box_scores import rescored, untied, vote_shares
from vrft.tasks.metrics import AP, AP50
from vrft.tasks.metrics.metric import answer_boxes, answer_scores
from vrft.types import Answer, Boxes

A, B, AWAY = (0.0, 0.0, 10.0, 10.0), (50.0, 50.0, 80.0, 90.0), (20.0, 60.0, 30.0, 70.0)
NEAR_A = (0.0, 0.0, 10.0, 8.0)


def said(*boxes: tuple[float, float, float, float], parsed: bool = True) -> Answer:
    return Answer(Boxes(boxes, (1.0,) * len(boxes)), True) if parsed else Answer(other=Boxes(boxes))


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
    predictions = [detection("p", "cat", [A], [(AWAY, 1.0), (A, 1.0)])]
    votes = [vote_shares(j.answer, [said(A), said(NEAR_A), said(AWAY, A)]) for j in predictions]
    assert AP50.value(predictions) == pytest.approx(0.5, abs=1e-12)
    assert AP50.value(rescored(predictions, votes)) == pytest.approx(1.0, abs=1e-12)


def test_scores_that_do_not_fit_are_refused() -> None:
    predictions = [detection("p", "cat", [A], [(A, 1.0)])]
    for scores in ([], [[]], [[0.1, 0.2]], [[-0.1]], [[float("nan")]]):
        with pytest.raises(InputError):
            rescored(predictions, scores)
    with pytest.raises(InputError, match="no samples"):
        vote_shares(said(A), [])


def test_ties_are_broken_and_all_else_stays() -> None:
    predictions = random_detections(np.random.default_rng(0), 10, 2)
    before = np.concatenate([answer_scores(j.answer) for j in predictions])
    after = np.concatenate([answer_scores(j.answer) for j in untied(predictions, 1)])
    assert len(set(after)) == len(after) and after.min() > 0 and after.max() == 1.0
    assert all(
        after[i] < after[k] for i in range(len(after)) for k in range(len(after)) if before[i] < before[k]
    )
    assert [answer_boxes(j.answer) for j in untied(predictions, 1)] == [
        answer_boxes(j.answer) for j in predictions
    ]
    assert untied([]) == []


def test_without_ties_ap_stays() -> None:
    predictions = random_detections(np.random.default_rng(2), 10, 2, coarse_scores=False)
    values = {AP.value(untied(predictions, seed)) for seed in range(3)}
    assert values == {AP.value(predictions)}


def test_the_spread_over_ties_is_that_of_all_orders() -> None:
    boxes = [A, AWAY, B, (90.0, 90.0, 95.0, 95.0)]
    predictions = [detection("p", "cat", [A, B], [(box, 1.0) for box in boxes])]
    orders = [
        [detection("p", "cat", [A, B], [(box, 1 - i / 10) for i, box in enumerate(order)])]
        for order in permutations(boxes)
    ]
    every = {round(AP50.value(order), 9) for order in orders}
    drawn = {round(AP50.value(untied(predictions, seed)), 9) for seed in range(100)}
    assert drawn == every and len(every) > 1
