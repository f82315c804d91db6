"""What several answers to one question come to: agreement by its formula, and each reason for no label."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest
from asked import BOX, NOTHING, SIDE, UNREADABLE, boxes, judged, name, question
from hypothesis import given
from hypothesis import strategies as st

from vrft.config.run_config import Pseudo
from vrft.errors import BoxError, ConfigError
from vrft.evaluation.judged import Gate
from vrft.tasks.fusion import RULES, USUAL
from vrft.tasks.fusion.agreement import mean_pair_agreement
from vrft.tasks.task import task_names
from vrft.training.pseudo_labels.agreed_targets import TARGETS, agreed
from vrft.training.pseudo_labels.outcome import Outcome
from vrft.types import Answer, BoxesTarget, ClassTarget

PICTURE = Path("a.png")
POINT = Answer(True, False, points_xy_px=((3.0, 4.0),))


def settings(**chosen):
    return Pseudo(**{"answers": ("a.jsonl",), "min_agreement": 0.0, "min_confidence": 0.0} | chosen)


def of(task, answers, options=(), classes=(), **chosen):
    example = question(PICTURE, task, options=options)
    return agreed(judged(example, *answers), settings(**chosen), classes)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4).filter(lambda counts: sum(counts) > 1))
def test_agreement_of_names_is_the_chance_that_two_answers_name_one_class(counts):
    answers = [name(f"class {place}") for place, count in enumerate(counts) for _ in range(count)]
    n = sum(counts)
    expected = sum(c * (c - 1) for c in counts) / (n * (n - 1))
    assert mean_pair_agreement(answers) == pytest.approx(expected)
    found = of("classification", [*answers, *[UNREADABLE] * (n // 2)])
    assert found.agreement == pytest.approx(expected)


@given(st.lists(st.integers(1, 40), min_size=2, max_size=6))
def test_agreement_of_single_boxes_is_their_mean_iou(heights):
    answers = [boxes((0.0, 0.0, 10.0, float(height))) for height in heights]
    ious = [min(a, b) / max(a, b) for a, b in combinations(heights, 2)]
    assert mean_pair_agreement(answers) == pytest.approx(sum(ious) / len(ious))


@pytest.mark.parametrize("count", [2, 5, 16])
def test_agreement_of_k_abstentions_among_n(count):
    for k in range(count + 1):
        answers = [NOTHING] * k + [boxes(BOX)] * (count - k)
        other = count - k
        expected = (k * (k - 1) + other * (other - 1)) / (count * (count - 1))
        assert mean_pair_agreement(answers) == pytest.approx(expected)


def test_a_box_more_counts_against_agreement_like_a_box_less():
    far = (30.0, 30.0, 40.0, 40.0)
    assert mean_pair_agreement([boxes(BOX), boxes(BOX, far)]) == 0.5
    assert mean_pair_agreement([boxes(BOX)]) == mean_pair_agreement([]) == 0.0


def test_the_threshold_itself_is_enough():
    answers = [name("cat")] * 3 + [name("dog")]  # 3 of 6 pairs
    assert of("classification", answers, min_agreement=0.5).found == ClassTarget("cat")
    assert of("classification", answers, min_agreement=0.501).found is Outcome.DISAGREE
    assert of("classification", [name("cat")] * 9, min_agreement=1.0).found == ClassTarget("cat")


def test_one_answer_alone_is_never_a_label():
    assert of("detection", [boxes(BOX)]).found is Outcome.LONE


def test_what_a_gate_has_closed_is_one_answer_however_often_it_stands_there():
    asked = judged(question(PICTURE), *[NOTHING] * 4)
    closed = replace(asked, gate=Gate("no", False, 1))
    open_ = replace(asked, gate=Gate("yes", True, 1))
    assert agreed(closed, settings(abstentions=True)).found is Outcome.LONE
    assert agreed(open_, settings(abstentions=True)).found == BoxesTarget(())


@pytest.mark.parametrize("silent", [UNREADABLE, POINT])
def test_half_of_the_answers_must_be_readable_and_a_point_is_no_box(silent):
    two = [boxes(BOX)] * 2
    assert of("detection", [*two, silent, silent]).found == BoxesTarget((BOX,))
    assert of("detection", [*two, silent, silent, silent]).found is Outcome.UNREADABLE
    assert of("detection", [boxes(BOX), silent]).found is Outcome.UNREADABLE


def test_an_abstention_is_a_label_only_where_that_was_asked_for():
    assert of("detection", [NOTHING] * 4).found is Outcome.ABSTAIN
    assert of("detection", [NOTHING] * 4, abstentions=True).found == BoxesTarget(())
    assert of("grounding", [NOTHING] * 4, abstentions=True).found is Outcome.ABSTAIN


def test_boxes_that_few_answers_found_leave_the_label():
    seldom = (30.0, 30.0, 40.0, 40.0)
    answers = [boxes(BOX)] * 3 + [boxes(BOX, seldom)]  # by wbf 1.0 and 0.25
    assert of("detection", answers, min_confidence=0.5).found == BoxesTarget((BOX,))
    assert of("detection", answers, min_confidence=0.25).found == BoxesTarget((BOX, seldom))
    weak = [boxes(BOX, confidence=0.4)] * 4
    assert of("detection", weak, min_confidence=0.5).found is Outcome.UNSURE


def test_grounding_has_exactly_one_box():
    apart = [boxes(BOX), boxes((30.0, 30.0, 40.0, 40.0))]
    assert of("grounding", apart, rule="wbf").found is Outcome.DISAGREE
    assert of("grounding", apart, rule="wbf", min_confidence=0.9).found is Outcome.UNSURE
    assert of("grounding", [boxes(BOX)] * 2, rule="wbf").found == BoxesTarget((BOX,))


def test_names_are_written_as_the_options_or_the_labelled_classes_have_them():
    answers = [name("Garden_Phlox."), name("garden phlox")]
    listed = of("classification", answers, options=("rose", "garden phlox")).found
    assert listed == ClassTarget("garden phlox", ("rose", "garden phlox"))
    assert of("classification", answers, options=("rose", "phlox")).found is Outcome.NO_OPTION
    known = of("classification", answers, classes=["Garden phlox", "rose"]).found
    assert known == ClassTarget("Garden phlox", ("Garden phlox", "rose"))
    new = of("classification", [name("tulip")] * 2, classes=["rose"]).found
    assert new == ClassTarget("tulip", ("rose",))


def test_a_rule_that_does_not_suit_the_task_is_told_by_its_key():
    for answers in ([boxes(BOX)] * 2, [NOTHING] * 2):
        with pytest.raises(ConfigError, match=r"data\.pseudo\.rule: 'vote'"):
            of("detection", answers, rule="vote")
    with pytest.raises(ConfigError, match=r"data\.pseudo\.rule: 'wbf'"):
        of("classification", [name("cat")] * 2, rule="wbf")
    with pytest.raises(ConfigError, match=r"data\.pseudo\.rule: 'best_logprob'"):
        of("detection", [boxes(BOX)] * 2, rule="best_logprob")


def test_a_box_outside_its_picture_is_told():
    outside = (4.0, 4.0, SIDE + 5.0, 24.0)
    with pytest.raises(BoxError, match="a#seven"):
        of("detection", [boxes(outside)] * 2)


def test_every_task_and_every_rule_is_known():
    assert sorted(TARGETS) == sorted(USUAL) == task_names()
    rules = {value for value in RULES if settings(rule=value).rule == value}
    assert rules == set(RULES)
