"""What several answers to one question come to: agreement by its formula, and each reason for no label."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from answered import BOX, NOTHING, SIDE, UNREADABLE, boxes, name, predicted, question
from hypothesis import given
from hypothesis import strategies as st

from vrft.errors import BoxError, ConfigError
from vrft.tasks.fusion import mean_pair_agreement
from vrft.tasks.registry import load_task, task_names
from vrft.training.pseudo_labels import Outcome, PseudoOptions
from vrft.training.pseudo_labels.pseudo_labels import label_of
from vrft.types import Answer, Boxes, Completion, GateAnswer, Label, Points

IMAGE = Path("a.png")
POINT = Answer(Points(((3.0, 4.0),)))


def settings(**chosen):
    return PseudoOptions(
        **{"predictions": ("a.jsonl",), "min_agreement": 0.0, "min_confidence": 0.0} | chosen
    )


def pairs(answers, task="detection"):
    return mean_pair_agreement([answer.value for answer in answers], load_task(task).similarity)


def of(task, answers, options=(), classes=(), **chosen):
    example = question(IMAGE, task, options=options)
    return label_of(predicted(example, *answers), settings(**chosen), classes)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4).filter(lambda counts: sum(counts) > 1))
def test_agreement_of_names_is_the_chance_that_two_answers_name_one_class(counts):
    answers = [name(f"class {place}") for place, count in enumerate(counts) for _ in range(count)]
    n = sum(counts)
    expected = sum(c * (c - 1) for c in counts) / (n * (n - 1))
    assert pairs(answers, "classification") == pytest.approx(expected)
    found = of("classification", [*answers, *[UNREADABLE] * (n // 2)])
    assert found.agreement == pytest.approx(expected)


@given(st.lists(st.integers(1, 40), min_size=2, max_size=6))
def test_agreement_of_single_boxes_is_their_mean_iou(heights):
    answers = [boxes((0.0, 0.0, 10.0, float(height))) for height in heights]
    ious = [min(a, b) / max(a, b) for a, b in combinations(heights, 2)]
    assert pairs(answers) == pytest.approx(sum(ious) / len(ious))


@pytest.mark.parametrize("count", [2, 5, 16])
def test_agreement_of_k_abstentions_among_n(count):
    for k in range(count + 1):
        answers = [NOTHING] * k + [boxes(BOX)] * (count - k)
        other = count - k
        expected = (k * (k - 1) + other * (other - 1)) / (count * (count - 1))
        assert pairs(answers) == pytest.approx(expected)


def test_a_box_more_counts_against_agreement_like_a_box_less():
    far = (30.0, 30.0, 40.0, 40.0)
    assert pairs([boxes(BOX), boxes(BOX, far)]) == 0.5
    assert pairs([boxes(BOX)]) == pairs([]) == 0.0


def test_the_threshold_itself_is_enough():
    answers = [name("cat")] * 3 + [name("dog")]  # 3 of 6 pairs
    assert of("classification", answers, min_agreement=0.5).found == Label("cat")
    assert of("classification", answers, min_agreement=0.501).found is Outcome.DISAGREE
    assert of("classification", [name("cat")] * 9, min_agreement=1.0).found == Label("cat")


def test_one_answer_alone_is_never_a_label():
    assert of("detection", [boxes(BOX)]).found is Outcome.LONE


def test_what_a_gate_has_closed_is_one_answer_however_often_it_stands_there():
    asked = predicted(question(IMAGE), *[NOTHING] * 4)
    closed = replace(asked, gate=GateAnswer(Completion("no"), False, 1))
    open_ = replace(asked, gate=GateAnswer(Completion("yes"), True, 1))
    assert label_of(closed, settings(abstentions=True)).found is Outcome.LONE
    assert label_of(open_, settings(abstentions=True)).found == Boxes(())


@pytest.mark.parametrize("silent", [UNREADABLE, POINT])
def test_half_of_the_answers_must_be_readable_and_a_point_is_no_box(silent):
    two = [boxes(BOX)] * 2
    assert of("detection", [*two, silent, silent]).found == Boxes((BOX,))
    assert of("detection", [*two, silent, silent, silent]).found is Outcome.UNREADABLE
    assert of("detection", [boxes(BOX), silent]).found is Outcome.UNREADABLE


def test_an_abstention_is_a_label_only_where_that_was_asked_for():
    assert of("detection", [NOTHING] * 4).found is Outcome.ABSTAIN
    assert of("detection", [NOTHING] * 4, abstentions=True).found == Boxes(())
    assert of("grounding", [NOTHING] * 4, abstentions=True).found is Outcome.ABSTAIN


def test_boxes_that_few_answers_found_leave_the_label():
    seldom = (30.0, 30.0, 40.0, 40.0)
    answers = [boxes(BOX)] * 3 + [boxes(BOX, seldom)]  # by wbf 1.0 and 0.25
    assert of("detection", answers, min_confidence=0.5).found == Boxes((BOX,))
    assert of("detection", answers, min_confidence=0.25).found == Boxes((BOX, seldom))
    weak = [boxes(BOX, confidence=0.4)] * 4
    assert of("detection", weak, min_confidence=0.5).found is Outcome.UNSURE


def test_grounding_has_exactly_one_box():
    apart = [boxes(BOX), boxes((30.0, 30.0, 40.0, 40.0))]
    assert of("grounding", apart, rule="wbf").found is Outcome.DISAGREE
    assert of("grounding", apart, rule="wbf", min_confidence=0.9).found is Outcome.UNSURE
    assert of("grounding", [boxes(BOX)] * 2, rule="wbf").found == Boxes((BOX,))


def test_names_are_written_as_the_options_or_the_labelled_classes_have_them():
    answers = [name("Garden_Phlox."), name("garden phlox")]
    listed = of("classification", answers, options=("rose", "garden phlox")).found
    assert listed == Label("garden phlox", ("rose", "garden phlox"))
    assert of("classification", answers, options=("rose", "phlox")).found is Outcome.NO_OPTION
    known = of("classification", answers, classes=["Garden phlox", "rose"]).found
    assert known == Label("Garden phlox", ("Garden phlox", "rose"))
    new = of("classification", [name("tulip")] * 2, classes=["rose"]).found
    assert new == Label("tulip", ("rose",))


def test_a_rule_that_does_not_suit_the_task_is_named_by_its_key():
    for answers in ([boxes(BOX)] * 2, [NOTHING] * 2):
        with pytest.raises(ConfigError, match=r"pseudo_labels\.rule: 'vote'"):
            of("detection", answers, rule="vote")
    with pytest.raises(ConfigError, match=r"pseudo_labels\.rule: 'wbf'"):
        of("classification", [name("cat")] * 2, rule="wbf")
    with pytest.raises(ConfigError, match=r"pseudo_labels\.rule: 'best_logprob'"):
        of("detection", [boxes(BOX)] * 2, rule="best_logprob")


def test_a_box_outside_its_image_is_reported():
    outside = (4.0, 4.0, SIDE + 5.0, 24.0)
    with pytest.raises(BoxError, match="a#seven"):
        of("detection", [boxes(outside)] * 2)


def test_every_task_s_target_becomes_a_pseudo_label_by_every_rule():
    for task in map(load_task, task_names()):
        (example,) = task.audit_examples(1, np.random.default_rng(1))
        target, bare = example.target, replace(example, target=None)
        values = [replace(target, scores=(1.0,) * target.size)] if isinstance(target, Boxes) else [target]
        answers = [Answer(value, True, text="said") for value in values * 3]
        for rule in (None, *set(task.rules) - {"best_logprob"}):
            found = label_of(predicted(bare, *answers), settings(rule=rule))
            assert isinstance(found.found, task.answer), (task.name, rule)
            assert found.agreement == pytest.approx(1.0)
            assert task.similarity(found.found, target) == pytest.approx(1.0)
