"""What counts as a success, by cases that a reader can check on paper."""

from __future__ import annotations

from pathlib import Path

import pytest

from vrft.diagnostics.probe.probe_summary import describe
from vrft.errors import InputError
from vrft.tasks.registry import load_task
from vrft.types import Answer, Boxes, Example, Form, Image, Label, Number, Rollout, RolloutGroup

A, B = (0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0)
HALF_A = (0.0, 0.0, 5.0, 10.0)  # IoU 0.5 with A
LESS_A = (0.0, 0.0, 4.9, 10.0)  # IoU 0.49 with A
BOTH = (0.0, 0.0, 30.0, 10.0)  # IoU 1/3 with each


def boxes(*found, parsed=True):
    return Answer(Boxes(found, scores=(1.0,) * len(found)) if parsed else None, True)


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
        (boxes(parsed=False), (A,), False),
        (boxes(), (), True),
        (boxes(parsed=False), (), False),
        (boxes(A), (), False),
        (boxes(), (A,), False),
        (Answer(Number(1.0), True), (A,), False),
    ],
)
def test_detection(answer, labels, hit):
    assert load_task("detection").success(answer, Boxes(labels)) is hit


def test_a_chain_of_overlaps_is_paired_as_well_as_can_be():
    """The first box is near both labels, the second near the first alone: a greedy pairing would fail."""
    near_both, near_first = (3.0, 0.0, 13.0, 10.0), (0.0, 0.0, 9.0, 10.0)
    labels = ((2.5, 0.0, 12.0, 10.0), (5.0, 0.0, 15.0, 10.0))
    assert load_task("detection").success(boxes(near_both, near_first), Boxes(labels))


@pytest.mark.parametrize(
    ("answer", "hit"),
    [
        (boxes(HALF_A), True),
        (boxes(LESS_A), False),
        (boxes(B, A), False),
        (boxes(), False),
        (boxes(parsed=False), False),
    ],
)
def test_grounding_judges_the_first_box(answer, hit):
    assert load_task("grounding").success(answer, Boxes((A,))) is hit


@pytest.mark.parametrize(("label", "hit"), [("Red rose", True), ("rose", False), (None, False)])
def test_classification(label, hit):
    answer = Answer(Label(label) if label is not None else None, True)
    assert load_task("classification").success(answer, Label("red rose")) is hit


def test_every_answer_is_judged_by_its_own_questions_task():
    media = (Image(Path("a.png"), (40, 20)),)
    asked = {
        "detection": (Boxes((A, B)), boxes(B, A)),
        "grounding": (Boxes((A,)), boxes(B, A)),
        "classification": (Label("rose"), Answer(Label("Rose."), True)),
    }
    groups = [
        RolloutGroup(example, (Rollout(example, (), answer), Rollout(example, (), Answer())))
        for name, (target, answer) in asked.items()
        for example in [Example(name, "a", name, media, "cat", target)]
    ]
    found = describe(groups, form=Form.THINK, group_size=2, weights={}, limit=9)
    assert found.hits == pytest.approx(2 / 6) and found.never_hit == pytest.approx(1 / 3)
    unlabelled = Example("d", "a", "detection", media, "cat")
    groups.append(RolloutGroup(unlabelled, (Rollout(unlabelled, (), boxes(A)),) * 2))
    assert describe(groups, form=Form.THINK, group_size=2, weights={}, limit=9).hits == pytest.approx(2 / 8)


@pytest.mark.parametrize("name", ["detection", "grounding"])
def test_a_label_of_another_kind_is_refused(name):
    with pytest.raises(InputError, match="of kind 'boxes' was expected"):
        load_task(name).success(boxes(A), Label("a"))


@pytest.mark.parametrize("name", ["detection", "grounding", "classification"])
def test_every_rule_is_said_in_words(name):
    assert len(load_task(name).success_rule.split()) >= 3
