"""Random answers for the tests of fusion rules."""

from __future__ import annotations

from hypothesis import strategies as st

from vrft.tasks.fusion import Candidate
from vrft.tasks.registry import load_task
from vrft.types import Answer, Boxes, Label, Points, Value

NAMES = ("cat", "Cat.", "dog", "garden phlox", "garden_phlox")
ABSTENTION = Answer(Boxes(), True, text="No Objects")
UNREADABLE = Answer(text="?")
DETECTION, CLASSIFICATION = load_task("detection"), load_task("classification")


def alike(one: Value, other: Value) -> float:
    """Similarity of the task that the value is of."""
    return (CLASSIFICATION if isinstance(one, Label) else DETECTION).similarity(one, other)


def _of(rule):
    return lambda candidates, **options: rule(candidates, alike, **options)


RULES = {name: _of(rule) for name, rule in {**CLASSIFICATION.rules, **DETECTION.rules}.items()}
vote, wbf, nms, medoid = (RULES[name] for name in ("vote", "wbf", "nms", "medoid"))
best_logprob, self_consistency = RULES["best_logprob"], RULES["self_consistency"]

corners = st.tuples(*(st.integers(0, 40) for _ in range(2)), *(st.integers(1, 30) for _ in range(2)))
far_boxes = corners.map(lambda c: (float(c[0]), float(c[1]), float(c[0] + c[2]), float(c[1] + c[3])))
near_boxes = st.tuples(*(st.floats(0, 4) for _ in range(2)), *(st.floats(16, 20) for _ in range(2)))
boxes = st.one_of(far_boxes, near_boxes)
confidences = st.one_of(st.sampled_from([0.0, 0.5, 0.9, 1.0]), st.floats(0, 1))


@st.composite
def answers_with_boxes(draw) -> Answer:
    found = tuple(draw(st.lists(boxes, min_size=1, max_size=4, unique=True)))
    scores = tuple(draw(confidences) for _ in found)
    labels = tuple(draw(st.sampled_from(NAMES)) for _ in found) if draw(st.booleans()) else ()
    return Answer(Boxes(found, scores, labels), draw(st.booleans()))


about_boxes = st.one_of(
    answers_with_boxes(),
    answers_with_boxes(),
    st.just(ABSTENTION),
    st.just(UNREADABLE),
    st.just(Answer(Points(((3.0, 4.0),)))),
)
about_classes = st.sampled_from([UNREADABLE, *(Answer(Label(n), True, text=n) for n in NAMES)])
KINDS = {
    "vote": (about_classes,),
    "wbf": (about_boxes,),
    "nms": (about_boxes,),
    "medoid": (about_boxes,),
    "best_logprob": (about_boxes, about_classes),
    "self_consistency": (about_boxes, about_classes),
}
"""What each rule is for."""


@st.composite
def candidates_for(draw, rule: str) -> list[Candidate]:
    """Answers to one question; their mean log-probabilities differ, so that order has no tie to break."""
    drawn = draw(st.lists(draw(st.sampled_from(KINDS[rule])), min_size=1, max_size=6))
    levels = draw(st.permutations(range(len(drawn))))
    # Minus a power of two each: no two different sets of them have the same mean by chance.
    return [Candidate(a, -(2.0**level), 5) for a, level in zip(drawn, levels, strict=True)]


def seen(*boxes_xyxy_px, confidence: float = 1.0, logprob: float | None = None) -> Candidate:
    """An answer with these boxes."""
    value = Boxes(tuple(boxes_xyxy_px), (confidence,) * len(boxes_xyxy_px))
    return Candidate(Answer(value, True), logprob, 5)


def named(label: str, logprob: float | None = None) -> Candidate:
    """An answer with this class name."""
    return Candidate(Answer(Label(label), True, text=label), logprob, 5)


def nothing(logprob: float | None = None) -> Candidate:
    """An abstention."""
    return Candidate(ABSTENTION, logprob, 5)
