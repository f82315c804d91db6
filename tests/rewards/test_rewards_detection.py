"""Detection rewards against worked examples of Visual-RFT, Eq. 5-8, and a second computation."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reward_answers import ABSTAINED, SAFE, UNREAD, boxes_answer, terms_of

from vrft.rewards.box_rewards import confidence_brier
from vrft.tasks.registry import load_task
from vrft.types import Answer, Boxes

GT = (0.0, 0.0, 100.0, 100.0)
FAR = (500.0, 500.0, 600.0, 600.0)
NOTHING = Boxes(())
ONE = Boxes((GT,))


def overlapping(iou: float) -> tuple[float, float, float, float]:
    """A box within GT whose area is the wanted share of GT's."""
    return (0.0, 0.0, 100.0, 100.0 * iou)


def boxes(*found: tuple[tuple[float, float, float, float], float]) -> Answer:
    return boxes_answer([box for box, _ in found], [c for _, c in found])


def row(n: int) -> Boxes:
    """GT and n - 1 others."""
    return Boxes((GT, *((200.0 + 20 * i, 0.0, 210.0 + 20 * i, 10.0) for i in range(n - 1))))


def terms(setting: str, answer: Answer, target: Boxes) -> dict[str, float]:
    return {name: term(answer, target) for name, term in terms_of("detection", setting).items()}


# setting, answer, target -> IoU and confidence reward, each worked out by hand from the equations
WORKED = [
    ("paper released_fixed", boxes((overlapping(0.8), 1.0)), ONE, 0.8, 1.0),
    ("recommended", boxes((overlapping(0.8), 1.0)), ONE, 0.8, 1.0),
    ("paper released_fixed", boxes((overlapping(0.8), 0.9), (FAR, 0.0)), ONE, 0.4, 0.95),
    ("recommended", boxes((overlapping(0.8), 0.9), (FAR, 0.0)), ONE, 0.4, (0.995 + 0.5) / 2),
    ("paper released_fixed", boxes((FAR, 0.0)), ONE, 0.0, 1.0),
    ("recommended", boxes((FAR, 0.0)), ONE, 0.0, 0.5),
    ("paper released_fixed recommended", boxes((FAR, 1.0)), ONE, 0.0, 0.0),
    ("paper released_fixed", boxes((overlapping(0.49), 0.9)), ONE, 0.0, 0.1),
    ("recommended", boxes((overlapping(0.49), 0.9)), ONE, 0.49, (1 - 0.81) / 2),
    ("paper released_fixed", boxes((overlapping(0.49), 0.0)), ONE, 0.0, 1.0),
    ("recommended", boxes((overlapping(0.49), 0.0)), ONE, 0.49, 0.5),
    ("paper", boxes((overlapping(0.8), 1.0)), row(3), 0.8, 1.0),
    ("released_fixed recommended", boxes((overlapping(0.8), 1.0)), row(3), 0.8 / 3, 1.0),
    ("paper", boxes((overlapping(0.9), 1.0)), row(20), 0.9, 1.0),
    ("released_fixed recommended", boxes((overlapping(0.9), 1.0)), row(20), 0.045, 1.0),
    ("paper released_fixed recommended", ABSTAINED, ONE, 0.0, 0.0),
    ("paper released_fixed recommended", ABSTAINED, NOTHING, 1.0, 1.0),
    ("paper released_fixed recommended", UNREAD, ONE, 0.0, 0.0),
    ("paper released_fixed recommended", UNREAD, NOTHING, 0.0, 0.0),
    ("paper released_fixed", boxes((FAR, 0.25)), NOTHING, 0.0, 0.75),
    ("recommended", boxes((FAR, 0.0)), NOTHING, 0.0, 0.0),
    # the threshold is strict, and a label is matched once, by the surest
    ("paper released_fixed", boxes((overlapping(0.5), 0.0)), ONE, 0.0, 1.0),
    ("recommended", boxes((overlapping(0.5), 0.0)), ONE, 0.5, 0.5),
    ("paper released_fixed", boxes((overlapping(0.9), 0.4), (overlapping(0.6), 0.8)), ONE, 0.3, 0.7),
]


@pytest.mark.parametrize(
    ("setting", "answer", "target", "iou", "confidence"),
    [(setting, *case) for settings, *case in WORKED for setting in settings.split()],
)
def test_worked_examples(setting, answer, target, iou, confidence):
    found = terms(setting, answer, target)
    assert found == pytest.approx({"iou": iou, "confidence": confidence, "format": float(answer.formatted)})


def test_one_good_sure_box_has_a_reward_of_2_80():
    for setting in ("paper", "released_fixed"):
        assert sum(terms(setting, boxes((overlapping(0.8), 1.0)), ONE).values()) == pytest.approx(2.8)


def test_the_settings_have_the_three_terms_of_equation_5():
    settings = load_task("detection").settings
    assert set(settings) == {*SAFE, "released"}
    assert all(set(setting) == {"iou", "confidence", "format"} for setting in settings.values())


def test_an_unread_answer_has_no_reward_even_with_boxes():
    unread = Answer(other=Boxes((GT,), (1.0,)))
    for setting in SAFE:
        assert set(terms(setting, unread, ONE).values()) == {0.0}


spans = st.integers(0, 7).flatmap(lambda low: st.tuples(st.just(low), st.integers(low + 1, 8)))
some_boxes = st.tuples(spans, spans).map(
    lambda s: (float(s[0][0]), float(s[1][0]), float(s[0][1]), float(s[1][1]))
)
answers = st.lists(st.tuples(some_boxes, st.floats(0, 1)), min_size=1, max_size=4).map(
    lambda found: boxes(*found)
)
targets = st.lists(some_boxes, min_size=1, max_size=4, unique=True).map(lambda b: Boxes(tuple(b)))


def pixel_iou(a, b) -> float:
    first, second = (
        {(x, y) for x in range(int(c[0]), int(c[2])) for y in range(int(c[1]), int(c[3]))} for c in (a, b)
    )
    return len(first & second) / len(first | second)


@settings(deadline=None)
@given(answers, targets)
def test_equations_6_to_8_computed_another_way(answer, target):
    free, found = list(target.xyxy_px), answer.value
    ious = {}
    for i in sorted(range(len(found.scores)), key=lambda i: -found.scores[i]):
        best = max(free, key=lambda g: pixel_iou(found.xyxy_px[i], g), default=None)
        ious[i] = 0.0
        if best is not None and pixel_iou(found.xyxy_px[i], best) > 0.5:
            ious[i] = pixel_iou(found.xyxy_px[i], best)
            free.remove(best)
    n, m = len(ious), len(target.xyxy_px)
    linear = [c if ious[i] else 1 - c for i, c in enumerate(found.scores)]
    brier = [1 - (bool(ious[i]) - c) ** 2 for i, c in enumerate(found.scores)]
    # Half of Brier's reward, and half a point more for a hit than for a miss.
    margin = [(b + bool(ious[i])) / 2 for i, b in enumerate(brier)]
    paper, released_fixed, recommended = (
        terms(s, answer, target) for s in ("paper", "released_fixed", "recommended")
    )
    assert paper["iou"] == pytest.approx(sum(ious.values()) / n)
    assert released_fixed["iou"] == pytest.approx(sum(ious.values()) / max(n, m))
    assert paper["confidence"] == released_fixed["confidence"] == pytest.approx(sum(linear) / n)
    assert confidence_brier(answer, target) == pytest.approx(sum(brier) / n)
    assert recommended["confidence"] == pytest.approx(sum(margin) / n)


@settings(deadline=None)
@given(answers, targets)
def test_the_dense_iou_is_the_best_of_all_assignments(answer, target):
    predicted, labelled = answer.value.xyxy_px, target.xyxy_px
    short, long = sorted((predicted, labelled), key=len)
    best = max(
        sum(pixel_iou(a, b) for a, b in zip(short, chosen, strict=True))
        for chosen in itertools.permutations(long, len(short))
    )
    assert terms("recommended", answer, target)["iou"] == pytest.approx(best / len(long))


@settings(deadline=None)
@given(answers, st.lists(some_boxes, max_size=3).map(lambda b: Boxes(tuple(b))))
def test_every_term_stays_between_0_and_1(answer, target):
    for setting in SAFE:
        assert all(0 <= value <= 1 for value in terms(setting, answer, target).values())


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.8])
def test_the_recommended_confidence_is_best_when_it_is_honest(p):
    levels = np.linspace(0, 1, 101)

    def expected(confidence) -> np.ndarray:
        hits = np.array([confidence(boxes((GT, c)), ONE) for c in levels])
        misses = np.array([confidence(boxes((FAR, c)), ONE) for c in levels])
        return p * hits + (1 - p) * misses

    for proper in (terms_of("detection", "recommended")["confidence"], confidence_brier):
        assert levels[expected(proper).argmax()] == pytest.approx(p)
    assert p == 0.5 or levels[expected(terms_of("detection", "paper")["confidence"]).argmax()] in (0.0, 1.0)
