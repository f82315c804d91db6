"""What counts as a success, by cases that a reader can check on paper."""

from __future__ import annotations

import pytest

from vrft.diagnostics.probe.success import HITS, finds_every_box, finds_first_box, hit_of, names_the_class
from vrft.errors import InputError
from vrft.tasks.task import task_names
from vrft.types import Answer, BoxesTarget, ClassTarget

A, B = (0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0)
HALF_A = (0.0, 0.0, 5.0, 10.0)  # IoU 0.5 with A
LESS_A = (0.0, 0.0, 4.9, 10.0)  # IoU 0.49 with A
BOTH = (0.0, 0.0, 30.0, 10.0)  # IoU 1/3 with each


def boxes(*found, parsed=True):
    return Answer(parsed, True, boxes_xyxy_px=found, confidences=(1.0,) * len(found))


@pytest.mark.parametrize(
    ("answer", "labels", "hit"),
    [
        (boxes(A, B), (A, B), True),
        (boxes(B, A), (A, B), True),
        (boxes(HALF_A), (A,), True),
        (boxes(LESS_A), (A,), False),
        (boxes(A), (A, B), False),
        (boxes(A, A), (A, B), False),
        (boxes(A, B), (A,), False),
        (boxes(BOTH, BOTH), (A, B), False),
        (boxes(A, parsed=False), (A,), False),
        (boxes(), (), True),
        (boxes(parsed=False), (), False),
        (boxes(A), (), False),
        (boxes(), (A,), False),
    ],
)
def test_detection(answer, labels, hit):
    assert finds_every_box(answer, BoxesTarget(labels)) is hit


def test_a_chain_of_overlaps_is_paired_as_well_as_can_be():
    """The first box is near both labels, the second near the first alone: a greedy pairing would fail."""
    near_both, near_first = (3.0, 0.0, 13.0, 10.0), (0.0, 0.0, 9.0, 10.0)
    labels = ((2.5, 0.0, 12.0, 10.0), (5.0, 0.0, 15.0, 10.0))
    assert finds_every_box(boxes(near_both, near_first), BoxesTarget(labels))


@pytest.mark.parametrize(
    ("answer", "hit"),
    [(boxes(HALF_A), True), (boxes(LESS_A), False), (boxes(B, A), False), (boxes(), False)],
)
def test_grounding_judges_the_first_box(answer, hit):
    assert finds_first_box(answer, BoxesTarget((A,))) is hit
    assert not finds_first_box(boxes(A, parsed=False), BoxesTarget((A,)))


@pytest.mark.parametrize(("label", "hit"), [("Red rose", True), ("rose", False), (None, False)])
def test_classification(label, hit):
    assert names_the_class(Answer(True, True, label=label), ClassTarget("red rose")) is hit
    assert not names_the_class(Answer(False, False, label=label), ClassTarget("red rose"))


def test_every_task_has_a_rule_and_others_are_refused():
    assert set(HITS) == set(task_names())
    with pytest.raises(InputError, match="captioning"):
        hit_of("captioning")
    with pytest.raises(InputError, match="class name"):
        finds_every_box(boxes(A), ClassTarget("a"))
    with pytest.raises(InputError, match="boxes"):
        names_the_class(Answer(True, True, label="a"), BoxesTarget((A,)))
