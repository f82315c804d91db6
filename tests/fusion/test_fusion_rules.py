"""What holds of every rule: N = 1 is the plain answer, order plays no part, abstentions are voted on."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_answers import (
    CLASSIFICATION,
    DETECTION,
    RULES,
    UNREADABLE,
    alike,
    candidates_for,
    named,
    nothing,
    seen,
)

from vrft.errors import InputError
from vrft.tasks import fusion
from vrft.tasks.fusion import Candidate
from vrft.tasks.registry import load_task
from vrft.types import Answer, Boxes, Completion, Example, Label, Number, Points, Prompt, Rollout, Turn

BOX_RULES = ("wbf", "nms", "medoid", "best_logprob", "self_consistency")
LABEL_RULES = ("vote", "best_logprob", "self_consistency")
BOX = (10.0, 10.0, 50.0, 50.0)


@pytest.mark.parametrize("rule", RULES)
@given(data=st.data())
@settings(max_examples=25)
def test_of_one_answer_a_rule_gives_that_answer(rule, data):
    (first, *others) = data.draw(candidates_for(rule))
    assert RULES[rule]([first]) is first.answer
    # Doubles within one answer are not merged, and what cannot be read is as if it were not there.
    unread = [Candidate(UNREADABLE, -1.0, 5)] * len(others)
    if first.answer.parsed:
        assert RULES[rule]([*unread, first]) is first.answer


@pytest.mark.parametrize("rule", RULES)
@given(data=st.data())
@settings(max_examples=40)
def test_the_order_of_the_answers_plays_no_part(rule, data):
    candidates = data.draw(candidates_for(rule))
    if not any(c.answer.parsed for c in candidates):
        return
    assert RULES[rule](data.draw(st.permutations(candidates))) == RULES[rule](candidates)


@pytest.mark.parametrize("rule", BOX_RULES)
@given(data=st.data())
@settings(max_examples=40)
def test_boxes_stay_among_the_given_ones_and_confidences_in_range(rule, data):
    candidates = data.draw(candidates_for(rule))
    fused = RULES[rule](candidates)
    given_boxes = [box for c in candidates if c.answer.as_(Boxes) for box in c.answer.value.xyxy_px]
    found = fused.as_(Boxes) or Boxes()
    for x1, y1, x2, y2 in found.xyxy_px:
        assert min(b[0] for b in given_boxes) <= x1 < x2 <= max(b[2] for b in given_boxes)
        assert min(b[1] for b in given_boxes) <= y1 < y2 <= max(b[3] for b in given_boxes)
    assert len(found.scores) == len(found.xyxy_px)
    assert len(found.labels) in (0, len(found.xyxy_px))
    assert all(0 <= score <= 1 for score in found.scores)


@pytest.mark.parametrize("rule", BOX_RULES)
def test_the_majority_says_whether_anything_is_there(rule):
    found, other = seen(BOX, logprob=-0.1), seen(BOX, logprob=-0.2)
    absent = [nothing(-2.0), nothing(-3.0)]
    assert RULES[rule]([found, *absent]).abstained
    assert RULES[rule]([found, other, absent[0]]).value.xyxy_px == (BOX,)
    # Two unreadable answers are no votes.
    unread = [Candidate(UNREADABLE, -0.1, 5)] * 2
    assert RULES[rule]([*unread, found, other, absent[0]]).value.xyxy_px == (BOX,)


@pytest.mark.parametrize("rule", BOX_RULES)
def test_a_tie_over_presence_goes_to_the_likelier_side(rule):
    assert RULES[rule]([seen(BOX, logprob=-2.0), nothing(-0.5)]).abstained
    assert RULES[rule]([nothing(-2.0), seen(BOX, logprob=-0.5)]).value.xyxy_px == (BOX,)


@pytest.mark.parametrize("rule", ["wbf", "nms", "medoid", "self_consistency"])
def test_a_tie_over_presence_goes_to_finding_where_nothing_is_known(rule):
    assert RULES[rule]([nothing(), seen(BOX)]).value.xyxy_px == (BOX,)


@pytest.mark.parametrize("rule", RULES)
def test_where_nothing_can_be_read_the_first_answer_stays_as_it_is(rule):
    first = Answer(text="the first")
    unread = [Candidate(first, -3.0, 5), Candidate(UNREADABLE, -1.0, 5)]
    assert RULES[rule](unread) is first


@pytest.mark.parametrize("rule", BOX_RULES)
def test_points_speak_for_presence_and_are_no_boxes(rule):
    pointing = Candidate(Answer(Points(((30.0, 30.0),))), -4.0, 5)
    assert RULES[rule]([pointing, seen(BOX, logprob=-5.0), nothing(-0.1)]).value.xyxy_px == (BOX,)
    assert RULES[rule]([pointing, pointing, nothing(-0.1)]) is pointing.answer


@pytest.mark.parametrize("rule", RULES)
def test_no_answer_at_all_is_refused(rule):
    with pytest.raises(InputError, match="at least one"):
        RULES[rule]([])


@pytest.mark.parametrize("rule", ["wbf", "nms", "medoid"])
def test_rules_for_boxes_refuse_class_names(rule):
    with pytest.raises(InputError, match=r"kind 'boxes', and one is of kind 'label'.*self_consistency"):
        RULES[rule]([named("cat"), named("dog")])


def test_the_vote_refuses_boxes():
    with pytest.raises(InputError, match=r"kind 'label', and one is of kind 'boxes'.*self_consistency"):
        RULES["vote"]([seen(BOX), seen(BOX)])


def test_rules_are_found_by_name_and_others_refused_with_the_choice():
    for task, usual in ((DETECTION, "wbf"), (CLASSIFICATION, "vote"), (load_task("grounding"), "medoid")):
        assert task.rule() is task.rule(usual) is task.rules[usual] is getattr(fusion, usual)
        assert all(task.rule(name) is rule is getattr(fusion, name) for name, rule in task.rules.items())
    with pytest.raises(InputError, match=r"'mean'.*wbf, nms, medoid, best_logprob, self_consistency"):
        DETECTION.rule("mean")
    with pytest.raises(InputError, match=r"'wbf'.*vote, best_logprob, self_consistency"):
        CLASSIFICATION.fuse([named("cat")], "wbf")


def test_a_task_fuses_by_its_usual_rule_and_its_own_similarity():
    assert DETECTION.fuse([seen(BOX), nothing()]) == RULES["wbf"]([seen(BOX), nothing()])
    said = [Candidate(Answer(Number(n), True), None, 1) for n in (4.0, 2.0, 3.0, 2.0)]
    assert fusion.self_consistency(said, lambda a, b: float(a == b)).value == Number(2.0)
    near = fusion.self_consistency(said, lambda a, b: 1 / (1 + abs(a.number - b.number)))
    assert near.value in (Number(2.0), Number(3.0)) and near in [c.answer for c in said]


@pytest.mark.parametrize("threshold", [-0.1, 1.0, float("nan")])
@pytest.mark.parametrize("rule", ["wbf", "nms"])
def test_a_threshold_that_is_none_is_refused(rule, threshold):
    with pytest.raises(InputError, match=r"\[0, 1\)"):
        RULES[rule]([seen(BOX)], iou_threshold=threshold)


def test_a_candidate_refuses_what_cannot_be():
    with pytest.raises(InputError, match="not a number"):
        named("cat", float("nan"))
    with pytest.raises(InputError, match="n_tokens is -1"):
        Candidate(UNREADABLE, None, -1)


def test_a_rollout_is_a_candidate_with_the_mean_of_all_its_tokens():
    def rollout(*logprobs):
        turns = tuple(Turn(Prompt(), Completion("", (1,) * len(ps), ps)) for ps in logprobs)
        return Rollout(Example("a", "a", "detection", (), "cat"), turns, UNREADABLE)

    assert Candidate.of(rollout(())) == Candidate(UNREADABLE, None, 0)
    assert Candidate.of(rollout((-1.0, -2.0), (-6.0,))) == Candidate(UNREADABLE, -3.0, 3)


@pytest.mark.parametrize("values", [(), (Label("cat"),)])
def test_of_fewer_than_two_answers_none_agree(values):
    assert fusion.mean_pair_agreement(values, alike) == 0.0


def test_agreement_is_the_chance_that_two_answers_say_the_same():
    names = [Label(name) for name in ("cat", "Cat", "cat", "dog")]
    assert fusion.mean_pair_agreement(names, alike) == 0.5
    boxes = [Boxes(((0.0, 0.0, 10.0, y),)) for y in (10.0, 5.0)]
    assert fusion.mean_pair_agreement([*boxes, Boxes()], alike) == pytest.approx(0.5 / 3)
