"""What holds of every rule: N = 1 is the plain answer, order plays no part, abstentions are voted on."""

from __future__ import annotations

import pytest
from drawing import UNREADABLE, candidates_for, named, nothing, seen
from hypothesis import given, settings
from hypothesis import strategies as st

from vrft.errors import InputError
from vrft.tasks.fusion import RULES, Candidate, load_rule
from vrft.types import Answer

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
    given_boxes = [box for c in candidates if c.answer.parsed for box in c.answer.boxes_xyxy_px]
    for x1, y1, x2, y2 in fused.boxes_xyxy_px:
        assert min(b[0] for b in given_boxes) <= x1 < x2 <= max(b[2] for b in given_boxes)
        assert min(b[1] for b in given_boxes) <= y1 < y2 <= max(b[3] for b in given_boxes)
    if fused.label is None:
        assert len(fused.confidences) == len(fused.boxes_xyxy_px)
        assert len(fused.labels) in (0, len(fused.boxes_xyxy_px))
    assert all(0 <= confidence <= 1 for confidence in fused.confidences)


@pytest.mark.parametrize("rule", BOX_RULES)
def test_the_majority_says_whether_anything_is_there(rule):
    found, other = seen(BOX, logprob=-0.1), seen(BOX, logprob=-0.2)
    absent = [nothing(-2.0), nothing(-3.0)]
    assert RULES[rule]([found, *absent]).abstained
    assert RULES[rule]([found, other, absent[0]]).boxes_xyxy_px == (BOX,)
    # Two unreadable answers are no votes.
    unread = [Candidate(UNREADABLE, -0.1, 5)] * 2
    assert RULES[rule]([*unread, found, other, absent[0]]).boxes_xyxy_px == (BOX,)


@pytest.mark.parametrize("rule", BOX_RULES)
def test_a_tie_over_presence_goes_to_the_likelier_side(rule):
    assert RULES[rule]([seen(BOX, logprob=-2.0), nothing(-0.5)]).abstained
    assert RULES[rule]([nothing(-2.0), seen(BOX, logprob=-0.5)]).boxes_xyxy_px == (BOX,)


@pytest.mark.parametrize("rule", ["wbf", "nms", "medoid", "self_consistency"])
def test_a_tie_over_presence_goes_to_finding_where_nothing_is_known(rule):
    assert RULES[rule]([nothing(), seen(BOX)]).boxes_xyxy_px == (BOX,)


@pytest.mark.parametrize("rule", RULES)
def test_where_nothing_can_be_read_the_first_answer_stays_as_it_is(rule):
    first = Answer(False, False, text="the first")
    unread = [Candidate(first, -3.0, 5), Candidate(UNREADABLE, -1.0, 5)]
    assert RULES[rule](unread) is first


@pytest.mark.parametrize("rule", BOX_RULES)
def test_points_speak_for_presence_and_are_no_boxes(rule):
    pointing = Candidate(Answer(True, False, points_xy_px=((30.0, 30.0),)), -4.0, 5)
    assert RULES[rule]([pointing, seen(BOX, logprob=-5.0), nothing(-0.1)]).boxes_xyxy_px == (BOX,)
    assert RULES[rule]([pointing, pointing, nothing(-0.1)]) is pointing.answer


@pytest.mark.parametrize("rule", RULES)
def test_no_answer_at_all_is_refused(rule):
    with pytest.raises(InputError, match="at least one"):
        RULES[rule]([])


@pytest.mark.parametrize("rule", ["wbf", "nms", "medoid"])
def test_rules_for_boxes_refuse_class_names(rule):
    with pytest.raises(InputError, match="'vote'"):
        RULES[rule]([named("cat"), named("dog")])


def test_the_vote_refuses_boxes():
    with pytest.raises(InputError, match="'wbf', 'nms', 'medoid'"):
        RULES["vote"]([seen(BOX), seen(BOX)])


def test_rules_are_found_by_name_and_others_refused():
    assert all(load_rule(name) is rule for name, rule in RULES.items())
    with pytest.raises(InputError, match=r"'mean'.*vote, wbf, nms, medoid"):
        load_rule("mean")


@pytest.mark.parametrize("threshold", [-0.1, 1.0, float("nan")])
@pytest.mark.parametrize("rule", ["wbf", "nms"])
def test_a_threshold_that_is_none_is_refused(rule, threshold):
    with pytest.raises(InputError, match=r"\[0, 1\)"):
        RULES[rule]([seen(BOX)], iou_threshold=threshold)


def test_a_candidate_refuses_what_cannot_be():
    with pytest.raises(InputError, match="not a number"):
        named("cat", float("nan"))
    with pytest.raises(InputError, match="-1 tokens"):
        Candidate(UNREADABLE, None, -1)
    assert Candidate.drawn(UNREADABLE, ()).mean_logprob is None
    assert Candidate.drawn(UNREADABLE, (-1.0, -2.0, -6.0)) == Candidate(UNREADABLE, -3.0, 3)
