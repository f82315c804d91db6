"""Fusion, suppression and the medoid against the papers' words put down once more, and cases by hand."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_answers import medoid, nms, nothing, seen, wbf

from vrft.tasks.fusion import Candidate
from vrft.types import Answer, Boxes

BOX = (10.0, 10.0, 50.0, 50.0)
AWAY = (70.0, 70.0, 90.0, 90.0)


def exact_iou(a, b) -> Fraction:
    a, b = [Fraction(v) for v in a], [Fraction(v) for v in b]
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def fused_by_the_paper(answers, threshold: Fraction):
    """Solovyev et al. 2021, section 3, in exact fractions; returns (box, confidence) pairs."""
    everything = sorted(
        (-Fraction(c), box) for boxes, cs in answers for box, c in zip(boxes, cs, strict=True)
    )
    clusters = []
    for minus, box in everything:
        means = [
            [sum(c * b[k] for c, b in members) / sum(c for c, _ in members) for k in range(4)]
            for members in clusters
        ]
        fits = [(exact_iou(mean, box), -i) for i, mean in enumerate(means)]
        best, minus_place = max(fits, default=(0, 0))
        if best > threshold:
            clusters[-minus_place].append((-minus, box))
        else:
            clusters.append([(-minus, box)])
    n = len(answers)
    return [
        (
            [float(sum(c * Fraction(b[k]) for c, b in m) / sum(c for c, _ in m)) for k in range(4)],
            float(sum(c for c, _ in m) / len(m) * min(len(m), n) / n),
        )
        for m in clusters
    ]


whole = st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(8, 20), st.integers(8, 20))
whole_boxes = whole.map(lambda c: tuple(map(float, (c[0], c[1], c[0] + c[2], c[1] + c[3]))))


@st.composite
def whole_answers(draw):
    """Answers whose confidences all differ: the paper gives equal ones no order."""
    counts = draw(st.lists(st.integers(1, 3), min_size=2, max_size=5))
    hundredths = draw(st.permutations(range(1, 101)))
    answers = []
    for count in counts:
        boxes = draw(st.lists(whole_boxes, min_size=count, max_size=count, unique=True))
        answers.append((tuple(boxes), tuple(hundredths.pop() / 100 for _ in range(count))))
    return answers


def rounded(numbers):
    return [round(v, 6) for v in numbers]


def as_candidates(answers) -> list[Candidate]:
    return [Candidate(Answer(Boxes(boxes, cs), True), None, 1) for boxes, cs in answers]


@settings(max_examples=60)
@given(whole_answers(), st.sampled_from([0.31, 0.5501, 0.79]))
def test_fusion_is_what_the_paper_says(answers, threshold):
    found = wbf(as_candidates(answers), iou_threshold=threshold)
    expected = [
        [*box, confidence] for box, confidence in fused_by_the_paper(answers, Fraction(str(threshold)))
    ]
    ours = [[*box, c] for box, c in zip(found.value.xyxy_px, found.value.scores, strict=True)]
    for one, other in zip(sorted(ours, key=rounded), sorted(expected, key=rounded), strict=True):
        assert one == pytest.approx(other, abs=1e-9)
    assert list(found.value.scores) == sorted(found.value.scores, reverse=True)


def test_fusion_by_hand():
    # The worked example of the weights: (10 * .9 + 12 * .6) / 1.5 = 10.8; (.9 + .6) / 2 * 2 / 2 = .75.
    found = wbf([seen(BOX, confidence=0.9), seen((12.0, 10.0, 52.0, 50.0), confidence=0.6)])
    assert found.value.xyxy_px[0] == pytest.approx((10.8, 10.0, 50.8, 50.0))
    assert found.value.scores == pytest.approx((0.75,))
    # Found by one of two: half its confidence; an abstention is a vote that it is not there.
    found = wbf([seen(BOX, AWAY, confidence=0.9), seen(BOX, confidence=0.9)])
    assert (found.value.xyxy_px, found.value.scores) == ((BOX, AWAY), pytest.approx((0.9, 0.45)))
    assert wbf([seen(BOX), seen(BOX), nothing()]).value.scores == pytest.approx((2 / 3,))


def test_two_boxes_of_one_answer_do_not_count_beyond_all_answers():
    double = seen(BOX, (10.0, 10.0, 50.0, 49.0))
    assert wbf([double, seen(BOX)]).value.scores == (1.0,)


def test_boxes_without_any_confidence_count_alike():
    found = wbf([seen((0.0, 0.0, 10.0, 10.0), confidence=0.0), seen((0.0, 0.0, 10.0, 8.0), confidence=0.0)])
    assert (found.value.xyxy_px, found.value.scores) == (((0.0, 0.0, 10.0, 9.0),), (0.0,))


def test_the_threshold_itself_joins_and_suppresses_nothing():
    half = (10.0, 10.0, 50.0, 30.0)
    assert len(wbf([seen(BOX), seen(half)], iou_threshold=0.5).value.xyxy_px) == 2
    assert len(nms([seen(BOX), seen(half)], iou_threshold=0.5).value.xyxy_px) == 2
    assert len(wbf([seen(BOX), seen(half)], iou_threshold=0.49).value.xyxy_px) == 1
    assert len(nms([seen(BOX), seen(half)], iou_threshold=0.49).value.xyxy_px) == 1


def test_labels_and_form_of_what_was_fused():
    first = Candidate(Answer(Boxes((BOX, AWAY), (0.9, 0.3), ("cup", None)), True), None, 1)
    second = Candidate(Answer(Boxes((BOX,), (0.95,), ("mug",))), None, 1)
    for rule in (wbf, nms):
        found = rule([first, second])
        assert (found.value.xyxy_px, found.value.labels) == ((BOX, AWAY), ("mug", None))
        assert (found.parsed, found.formatted, found.text) == (True, False, "")
        assert rule([seen(BOX), seen(BOX)]).value.labels == () and rule([seen(BOX), seen(BOX)]).formatted


@settings(max_examples=60)
@given(whole_answers(), st.sampled_from([0.3, 0.5]))
def test_suppression_keeps_those_that_no_better_kept_box_covers(answers, threshold):
    """A box is missing just where a better one of the kept ones covers it; only one set is so."""
    found = nms(as_candidates(answers), iou_threshold=threshold)
    every = [(c, box, v) for v, (bs, cs) in enumerate(answers) for box, c in zip(bs, cs, strict=True)]

    def covers(one, other):
        return one[0] > other[0] and exact_iou(one[1], other[1]) > Fraction(str(threshold))

    kept = [one for one in every if one[1] in found.value.xyxy_px]
    kept = [one for one in kept if not any(covers(better, one) for better in kept)]
    assert sorted(box for _, box, _ in kept) == sorted(found.value.xyxy_px)
    supports = {one: {one[2]} for one in kept}
    for one in every:
        if one not in kept:
            supports[max(better for better in kept if covers(better, one))].add(one[2])
    shares = {one[1]: len(voters) / len(answers) for one, voters in supports.items()}
    assert dict(zip(found.value.xyxy_px, found.value.scores, strict=True)) == pytest.approx(shares)


def test_the_box_of_the_likelier_answer_is_kept_where_confidences_are_equal():
    near = (11.0, 10.0, 50.0, 50.0)
    assert nms([seen(BOX, logprob=-2.0), seen(near, logprob=-1.0)]).value.xyxy_px == (near,)


def best_sum(a, b) -> float:
    """Greatest sum of IoU over all ways to pair the boxes of two answers."""
    few, many = sorted((a, b), key=len)
    chosen = itertools.permutations(many, len(few))
    return float(max(sum(map(exact_iou, few, row), Fraction(0)) for row in chosen))


@settings(max_examples=60)
@given(whole_answers())
def test_the_medoid_agrees_most_with_the_others(answers):
    found = medoid(as_candidates(answers))
    sets = [boxes for boxes, _ in answers]
    means = [
        sum(best_sum(one, other) / max(len(one), len(other)) for j, other in enumerate(sets) if j != i)
        for i, one in enumerate(sets)
    ]
    chosen = sets.index(found.value.xyxy_px)
    assert means[chosen] == pytest.approx(max(means))
    # Each box's confidence is its mean matched IoU, so together they are the sums of the matchings.
    total = sum(best_sum(found.value.xyxy_px, other) for other in sets) / len(sets)
    assert sum(found.value.scores) == pytest.approx(total)


def test_the_medoid_of_single_boxes_is_no_outlier_and_no_mean():
    near = [(10.0, 10.0, 50.0, y) for y in (46.0, 50.0, 52.0)]
    found = medoid([seen(AWAY), *(seen(box) for box in near)])
    assert found.value.xyxy_px == (near[1],)
    assert found.value.scores == pytest.approx(((0.0 + 36 / 40 + 1 + 40 / 42) / 4,))


def test_of_two_answers_the_medoid_is_the_likelier_one():
    pair = [seen(BOX, logprob=-2.0), seen((10.0, 10.0, 50.0, 40.0), logprob=-1.0)]
    assert medoid(pair).value.xyxy_px == medoid(pair[::-1]).value.xyxy_px == ((10.0, 10.0, 50.0, 40.0),)
    unknown = [seen(BOX), seen((10.0, 10.0, 50.0, 40.0))]
    assert medoid(unknown).value.xyxy_px == (BOX,)


def test_a_box_more_costs_an_answer_as_much_as_a_box_less():
    one, two = seen(BOX), seen(BOX, AWAY)
    assert medoid([one, two, two]).value.xyxy_px == (BOX, AWAY)
    assert medoid([one, one, two]).value.xyxy_px == (BOX,)
    assert medoid([one, two, two]).value.scores == pytest.approx((1.0, 2 / 3))
    assert medoid([two, two, nothing()]).value.scores == pytest.approx((2 / 3, 2 / 3))
