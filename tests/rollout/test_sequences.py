"""Turns that extend each other are one sequence for the gradient; what was shown is not trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from vrft.rollout.scripted import CharacterRenderer
from vrft.training.answer_rows import join_turns
from vrft.types import Answer, Example, Image, Message, Rollout, Turn

IMAGE, CROP = Image(Path("a.png"), (20, 10)), Image(Path("a.png"), (20, 10), window_px=(0, 0, 5, 5))
RENDERER = CharacterRenderer()
EXAMPLE = Example("1", "1", "counting", (IMAGE,), "how?")


@pytest.fixture
def rollout():
    first = RENDERER.first([Message("user", (IMAGE, "how?"))])
    zoom, answer = RENDERER.said("zoom"), replace(RENDERER.said("3"), logprobs=(-0.5, -0.25))
    second = RENDERER.following(first, zoom, [Message("user", (CROP, "now?"))])
    return Rollout(
        EXAMPLE, (Turn(first, zoom), Turn(second, answer)), Answer(), advantages=((1.0,), (2.0, 3.0))
    )


def test_turns_that_extend_each_other_are_one_sequence(rollout):
    (whole,) = join_turns(rollout)
    assert whole.token_ids == rollout.turns[1].prompt.token_ids + rollout.turns[1].completion.token_ids
    assert whole.media == (IMAGE, CROP)
    shown, said = (None,), (1.0,)
    assert whole.advantages == shown * 5 + said * 5 + shown * 5 + (2.0, 3.0)
    assert whole.logprobs == (0.0,) * 5 + (-0.1,) * 5 + (0.0,) * 5 + (-0.5, -0.25)
    assert whole.n_shown_first == 5
    for token, logprob, advantage in zip(whole.token_ids, whole.logprobs, whole.advantages, strict=True):
        assert (logprob == 0.0) == (advantage is None) and isinstance(token, int)


@pytest.mark.parametrize("rewritten", ["tokens", "media"])
def test_a_turn_that_does_not_begin_with_all_before_is_a_sequence_of_its_own(rollout, rewritten):
    second = rollout.turns[1]
    if rewritten == "tokens":
        prompt = RENDERER.first([Message("user", (IMAGE, "anew")), Message("user", (CROP, "now?"))])
    else:
        messages = (Message("user", (CROP, "how?")), *second.prompt.messages[1:])
        prompt = replace(second.prompt, messages=messages)
    changed = replace(rollout, turns=(rollout.turns[0], replace(second, prompt=prompt)))
    one, two = join_turns(changed)
    assert one.token_ids == rollout.turns[0].prompt.token_ids + rollout.turns[0].completion.token_ids
    assert two.token_ids == prompt.token_ids + second.completion.token_ids
    assert [a for s in (one, two) for a in s.advantages if a is not None] == [1.0] * 5 + [2.0, 3.0]


def test_gold_has_no_logprobs(rollout):
    first = rollout.turns[0]
    gold = replace(first, completion=replace(first.completion, logprobs=()))
    (whole,) = join_turns(replace(rollout, turns=(gold,), advantages=((1.0,),)))
    assert whole.logprobs == (0.0,) * 10 and whole.advantages[5:] == (1.0,) * 5


def test_advantages_and_logprobs_are_as_many_as_the_tokens(rollout):
    with pytest.raises(ValueError, match="turn 1 of 1: 3 advantages and 2 log-probabilities for 2 tokens"):
        join_turns(replace(rollout, advantages=((1.0,), (1.0, 2.0, 3.0))))
    first = rollout.turns[0]
    short = replace(first, completion=replace(first.completion, logprobs=(-1.0,)))
    with pytest.raises(ValueError, match="turn 0"):
        join_turns(replace(rollout, turns=(short, rollout.turns[1])))
    with pytest.raises(ValueError, match=r"shorter|longer"):
        join_turns(replace(rollout, advantages=((1.0,),)))
