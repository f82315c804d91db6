"""Several answers as one, their tokens, and what they say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from counting import counted, counting  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st
from predicted import asked, boxes_of, namings, predicted, rolled, with_prompts

from vrft.errors import InputError
from vrft.evaluation.ensemble import (
    FOUND,
    NOTHING,
    TokenCost,
    answer_cost,
    answers_of,
    fused,
    headline,
    is_closed,
    plain_answer,
    token_cost,
)
from vrft.evaluation.scorecard import CardOptions, scorecard
from vrft.types import (
    Answer,
    Boxes,
    Completion,
    GateAnswer,
    Label,
    Number,
    Points,
    Prediction,
    Prompt,
    Rollout,
    Turn,
    Value,
)

CAT = asked("p", "p", "classification", "pet", Label("a"))
CUP = asked("q", "q", "detection", "cup", Boxes())
BOX = (0.0, 0.0, 9.0, 9.0)


def said(name: str) -> Answer:
    return Answer(Label(name), True, text=name)


def drawn(labels: str, prompt: int, tokens: int = 3, name: str = "p") -> Prediction:
    """Answers to one question, all seen plainly."""
    example = replace(CAT, id=name, record_id=name)
    rollouts = tuple(rolled(example, said(label), tokens, prompt=prompt, logprob=-1.0) for label in labels)
    return Prediction(example, rollouts[0].answer, rollouts)


VIEWS = {"plain": 100, "flip": 80, "scale 0.5": 60}


@given(st.lists(st.tuples(st.sampled_from(list(VIEWS)), st.integers(0, 50)), min_size=1, max_size=9))
def test_every_prompt_is_counted_once_and_every_answer_by_itself(rows):
    rollouts = tuple(rolled(CAT, said("a"), tokens, view=view, prompt=VIEWS[view]) for view, tokens in rows)
    one = Prediction(CAT, said("a"), rollouts)
    for n in range(1, len(rows) + 1):
        counted_views: set[str] = set()
        total = 0
        for view, tokens in rows[:n]:
            total += tokens + (0 if view in counted_views else VIEWS[view])
            counted_views.add(view)
        assert token_cost(one, n).total == total
    assert token_cost(one) == token_cost(one, len(rows))


def test_a_curve_by_hand():
    questions = [drawn("abbb", 100), drawn("baaa", 50, tokens=5, name="q")]
    # n = 1: a, b. n = 2: ties, first met. n = 4: b, a.
    rows = scorecard(questions, CardOptions(resamples=5, sizes=(1, 2, 4)))["compute"]["rules"]["vote"]
    assert [(r["n"], r["tokens"], r["value"]) for r in rows] == [
        (1, 79.0, 0.5),
        (2, 83.0, 0.5),
        (4, 91.0, 0.5),
    ]
    (last,) = scorecard(questions[1:], CardOptions(sizes=(4,)))["compute"]["rules"]["vote"]
    assert (last["tokens"], last["value"]) == (70.0, 1.0)


@pytest.mark.parametrize("rule", ["vote", "best_logprob", "self_consistency", None])
def test_one_answer_is_the_first_whatever_the_rule(rule):
    rollouts = tuple(rolled(CAT, said(n), logprob=p) for n, p in (("a", -9.0), ("b", -1.0), ("b", -1.0)))
    one = Prediction(CAT, rollouts[0].answer, rollouts)
    assert fused(one, rule, 1).answer == rollouts[0].answer
    whole = fused(one, rule)
    assert whole.answer.as_(Label).name == "b" and whole.rollouts == rollouts
    assert whole.rule == (rule or "vote") and plain_answer(whole) == one


def test_a_rule_of_another_task_is_refused_and_one_answer_cannot_be_fused():
    with pytest.raises(InputError, match=r"no fusion rule 'wbf'. Choose one of: vote"):
        fused(drawn("ab", 1), "wbf")
    with pytest.raises(InputError, match="nothing to fuse"):
        headline(namings([True, False]), "vote")
    assert headline(namings([True]), None) == namings([True])


def test_what_was_not_sampled_or_was_closed_stays_as_it_is():
    found = Prediction(CUP, Answer(boxes_of((BOX, 0.5)), True))
    shut = Prediction(CUP, Answer(Boxes(), True), gate=GateAnswer(Completion("no", (1, 2)), False, 30))
    for one in (found, shut):
        assert fused(one).answer is one.answer and fused(one).rule == "wbf" and answers_of(one) == 1
    assert (is_closed(found), is_closed(shut)) == (False, True)
    assert token_cost(found) == TokenCost(0, None) and token_cost(found).total is None
    assert token_cost(shut) == TokenCost(0, 0, 32) and token_cost(shut).total == 32


def test_later_turns_cost_what_they_show_anew():
    first = Turn(Prompt(n_tokens=100), Completion("zoom", (1, 2, 3)))
    second = Turn(Prompt(n_tokens=150), Completion("a", (4, 5)))
    one = Prediction(CAT, said("a"), (Rollout(CAT, (first, second), said("a")),))
    assert token_cost(one) == TokenCost(5, 100 + (150 - 100 - 3))
    unknown = replace(second, prompt=Prompt())
    assert token_cost(replace(one, rollouts=(Rollout(CAT, (first, unknown), said("a")),))).prompts is None


def test_tokens_are_not_known_where_a_prompt_is_not():
    assert answer_cost(with_prompts(drawn("ab", 1))).tokens is None
    assert answer_cost(drawn("ab", 10)).tokens == 16


def several(*values: Value | None, example=CUP) -> Prediction:
    answers = [Answer(value, value is not None) for value in values]
    first, *others = answers
    return predicted(example, first, 3, *(rolled(example, answer) for answer in others))


def test_shares_say_whether_something_is_there_or_which_name():
    boxes, point = boxes_of((BOX, 0.5)), Points(((1.0, 2.0),))
    spent = answer_cost(several(boxes, Boxes(), boxes, None, point, Boxes(), boxes))
    assert (spent.answers, spent.readable) == (7, 6)
    assert spent.shares == {FOUND: pytest.approx(4 / 6), NOTHING: pytest.approx(2 / 6)}
    names = answer_cost(several(*map(Label, ("dog", "cat", "Cat.", "cat")), example=CAT))
    assert names.shares == {"cat": 0.75, "dog": 0.25}
    assert answer_cost(several(None, None)).shares == {}
    numbers = counted("a", 3, 3).example
    assert answer_cost(several(Number(3.0), Number(2.0), Number(3.0), example=numbers)).shares == {
        "Number: 3": pytest.approx(2 / 3),
        "Number: 2": pytest.approx(1 / 3),
    }
