"""An answer that repeats a box is worth what COCO and the paper give it: nothing is merged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from predicted import asked
from test_average_precision import pycocotools_precision

from vrft.rewards import box_rewards
from vrft.tasks.metrics import AP
from vrft.tasks.metrics.average_precision import match_questions
from vrft.tasks.registry import load_task
from vrft.types import Boxes, CoordinateFrame, Fault, Prediction

SIDE = 100
FRAME = CoordinateFrame.whole("resized_pixels", (SIDE, SIDE), (SIDE, SIDE))
RIGHT, WRONG = (10, 10, 50, 50), (60, 60, 90, 90)
spans = st.tuples(st.integers(0, SIDE - 1), st.integers(0, SIDE - 1)).map(
    lambda pair: (min(pair), max(pair) + 1)
)
boxes = st.tuples(spans, spans).map(lambda sides: (sides[0][0], sides[1][0], sides[0][1], sides[1][1]))
confidences = st.sampled_from((0.2, 0.5, 0.5, 0.9))
answers = st.lists(st.tuples(boxes, confidences, st.integers(1, 4)), max_size=4)


def written(said: list[tuple[tuple[int, ...], float, int]]) -> str:
    """The paper's notation, each box so many times."""
    listed = [
        f"{{'Position': [{', '.join(map(str, box))}], 'Confidence': {sure}}}"
        for box, sure, times in said
        for _ in range(times)
    ]
    return f"<think>So.</think> <answer>{'[' + ', '.join(listed) + ']' if listed else 'No Objects'}</answer>"


def predicted(number: int, gold: list[tuple[int, ...]], said: list[tuple[tuple[int, ...], float, int]]):
    target = Boxes(tuple(tuple(map(float, box)) for box in gold))
    example = asked(str(number), str(number), "detection", "cat", target)
    return Prediction(example, load_task("detection").parse(written(said), example, (FRAME,)))


def test_twenty_times_the_right_box_and_twenty_times_a_wrong_one() -> None:
    """Each of four images has one cat. By hand: after the first hit of every image nothing but repeats come
    before the next, so that AP falls far below 1; and with nineteen hits in its way, further still."""
    right = [predicted(i, [RIGHT], [(RIGHT, 0.9, 20)]) for i in range(4)]
    wrong = [predicted(i, [RIGHT], [(WRONG, 0.95, 20), (RIGHT, 0.9, 1)]) for i in range(4)]
    assert round(AP.value(right), 3) == 0.315 and round(AP.value(wrong), 3) == 0.048
    for one in (*right, *wrong):
        assert one.answer.faults == (Fault.REPEATED_BOX,) and one.answer.formatted


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.lists(boxes, max_size=3), answers), min_size=1, max_size=5))
def test_ap_is_pycocotools_whatever_is_repeated(questions: list) -> None:
    predictions = [predicted(i, gold, said) for i, (gold, said) in enumerate(questions)]
    for one, (_, said) in zip(predictions, questions, strict=True):
        count = sum(times for _, _, times in said)
        assert isinstance(one.answer.value, Boxes) and len(one.answer.value.xyxy_px) == count
        assert len(one.answer.spans) == count
        repeats = len({box for box, _, _ in said}) < count
        assert (Fault.REPEATED_BOX in one.answer.faults) == repeats
    ours = match_questions(predictions).precision(np.arange(len(predictions)))
    np.testing.assert_allclose(ours, pycocotools_precision(predictions), rtol=0, atol=1e-12)


def counted(boxes_and_scores: list, labels: list) -> tuple[list[float], list[bool]]:
    """Greedy matching by hand: the most confident first, each label once, IoU above a half by pixels."""

    def iou(a: tuple, b: tuple) -> float:
        grid = np.zeros((2, SIDE, SIDE), dtype=bool)
        for layer, (x1, y1, x2, y2) in zip(grid, (a, b), strict=True):
            layer[y1:y2, x1:x2] = True
        return float((grid[0] & grid[1]).sum() / (grid[0] | grid[1]).sum())

    free, ious = list(range(len(labels))), [0.0] * len(boxes_and_scores)
    order = sorted(range(len(boxes_and_scores)), key=lambda i: -boxes_and_scores[i][1])
    for place in order:
        found = [(iou(boxes_and_scores[place][0], labels[i]), -i) for i in free]
        if found and max(found)[0] > 0.5:
            ious[place] = max(found)[0]
            free.remove(-max(found)[1])
    return ious, [value > 0 for value in ious]


@settings(deadline=None, max_examples=60)
@given(st.lists(boxes, min_size=1, max_size=3), answers.filter(bool))
def test_every_repeat_is_a_prediction_of_the_papers_mean(gold: list, said: list) -> None:
    """R_IoU = sum of matched IoU / n and R_conf = mean of c for hits and 1 - c for misses, n with repeats."""
    one = predicted(0, gold, said)
    flat = [(box, sure) for box, sure, times in said for _ in range(times)]
    ious, hits = counted(flat, gold)
    rewards = [sure if hit else 1 - sure for (_, sure), hit in zip(flat, hits, strict=True)]
    target = one.example.target
    assert target is not None
    assert box_rewards.iou_paper(one.answer, target) == pytest.approx(sum(ious) / len(flat))
    assert box_rewards.confidence_paper(one.answer, target) == pytest.approx(sum(rewards) / len(flat))
    longer = max(len(flat), len(gold))
    assert box_rewards.iou_released(one.answer, target) == pytest.approx(sum(ious) / longer)


@pytest.mark.parametrize("term", ["iou_paper", "iou_released", "iou_dense", "iou_ladder", "f1_thresholds"])
def test_repeating_the_right_box_costs_in_every_term(term: str) -> None:
    once = predicted(0, [RIGHT], [(RIGHT, 1.0, 1)])
    twice = predicted(0, [RIGHT], [(RIGHT, 1.0, 2)])
    reward = getattr(box_rewards, term)
    assert reward(once.answer, once.example.target) == pytest.approx(1)
    assert reward(twice.answer, twice.example.target) < 0.7
