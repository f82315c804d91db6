"""Whether thoughts carry right answers: exact shares of policies whose answers are written down."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrft.config.run_config import make_config
from vrft.diagnostics.probe.advice import AdviceContext, advise, side_of
from vrft.diagnostics.probe.probe_summary import Thoughts, describe
from vrft.diagnostics.probe.thoughts import right_samples, thoughts_behind
from vrft.rollout.driver import prompts_for, read_turns, roll_out
from vrft.rollout.scripted import CharacterRenderer
from vrft.tasks.parsing.tags import thought_span
from vrft.types import (
    GREEDY,
    Example,
    Form,
    Image,
    Label,
    RolloutGroup,
    SampleSeed,
    Turn,
)

RENDERER = CharacterRenderer()
NAMES = ("rose", "tulip", "daisy", "poppy")
HASTY = "I look."


def question(number: int, form: Form = Form.THINK) -> Example:
    """A question about one flower of four."""
    name = NAMES[number % len(NAMES)]
    media = (Image(Path(f"{number}.png"), (8, 8)),)
    return Example(
        f"q{number}", f"q{number}", "classification", media, "plant", Label(name, NAMES), form=form
    )


def answered(thought: str, name: str) -> str:
    return f"<think> {thought} </think> <answer>{name}</answer>"


def sampled(number: int, text: str, form: Form = Form.THINK):
    example = question(number, form)
    (prompt,) = prompts_for(RENDERER, [example])
    return read_turns(example, (Turn(prompt, RENDERER.said(text)),))


class Policy:
    """Answers behind a thought: what the thought names, or else what it knows of the image, or a daisy."""

    def __init__(self, known=()):
        self.known, self.begun = set(known), []

    def generate(self, prompts, n, params, draw, encoded=None):
        assert params == GREEDY and n == 1 and len(draw.places) == len(prompts)
        self.begun += [prompt.begun for prompt in prompts]
        return [[RENDERER.said(self.answer(prompt))] for prompt in prompts]

    def answer(self, prompt):
        number = int(prompt.media[0].path.stem)
        start, end, content = thought_span(prompt.begun)
        assert content == len(prompt.begun)
        named = [name for name in NAMES if name in prompt.begun[start:end]]
        seen = NAMES[number % len(NAMES)] if number in self.known else "daisy"
        return f"{named[0] if named else seen}</answer>"


def asked_again(rollouts, known=(), at_once=5):
    policy = Policy(known)
    right = right_samples([RolloutGroup(one.example, (one,)) for one in rollouts])
    return thoughts_behind(policy, RENDERER, right, right, GREEDY, at_once), policy


def test_a_chain_carries_a_guess_does_not_and_what_is_known_needs_none():
    chain = sampled(0, answered("Its petals are those of a rose.", "rose"))
    lucky = sampled(1, answered(HASTY, "tulip"))
    known = sampled(3, answered(HASTY, "poppy"))
    wrong = sampled(0, answered(HASTY, "poppy"))
    bare = sampled(0, "<answer>rose</answer>")
    found, policy = asked_again([chain, lucky, known, wrong, bare], known={3})
    assert (found.right, found.tried) == (3, 3)
    assert found.carried == found.lucky == found.unneeded == pytest.approx(1 / 3)
    # The rose follows no hasty thought, while both others follow the chain of the rose, if they get it.
    assert policy.begun[0] == "<think> Its petals are those of a rose. </think> <answer>"
    assert policy.begun[3] == "<think> </think> <answer>"
    assert policy.begun[6:] == [
        "<think> I look. </think> <answer>",
        "<think> I look. </think> <answer>",
        "<think> Its petals are those of a rose. </think> <answer>",
    ]
    assert (found.swapped, found.follows) == (3, pytest.approx(1 / 3))


@given(
    st.lists(st.tuples(st.integers(0, 7), st.booleans()), min_size=1, max_size=12),
    st.sets(st.integers(0, 7)),
    st.integers(1, 13),
)
def test_shares_are_those_of_counting(drawn, known, at_once):
    """A thought either names the flower of its image or says nothing: all outcomes follow on paper."""
    names = [NAMES[number % 4] for number, _ in drawn]
    rollouts = [
        sampled(number, answered(f"It is a {name}." if chain else HASTY, name))
        for (number, chain), name in zip(drawn, names, strict=True)
    ]
    found, _ = asked_again(rollouts, known, at_once)
    count = len(drawn)
    alone = [number in known or name == "daisy" for (number, _), name in zip(drawn, names, strict=True)]
    own = [chain or right for (_, chain), right in zip(drawn, alone, strict=True)]
    assert found.tried == count
    assert found.unneeded == pytest.approx(sum(alone) / count)
    assert found.carried == pytest.approx(sum(a and not b for a, b in zip(own, alone, strict=True)) / count)
    assert found.carried + found.unneeded + found.lucky == pytest.approx(1)
    assert found.swapped == sum(any(other != name for other in names) for name in names)
    followed = 0
    for place, ((number, _), name) in enumerate(zip(drawn, names, strict=True)):
        order = [*range(place + 1, count), *range(place)]
        other = next((i for i in order if names[i] != name), None)
        if other is not None:
            seen = names[other] if drawn[other][1] else name if number in known else "daisy"
            followed += seen == names[other]
    assert found.follows == (pytest.approx(followed / found.swapped) if found.swapped else None)


def test_of_the_direct_form_and_of_wrong_answers_nothing_is_asked():
    direct = sampled(0, "<answer>rose</answer>", Form.DIRECT)
    found, policy = asked_again([direct, sampled(1, answered(HASTY, "rose"))])
    assert found == Thoughts(0, 0, None, None, None, 0, None) and policy.begun == []


def test_a_beginning_ends_where_a_token_does_that_the_policy_wrote():
    """A tokenizer may write the tag and the first letters as one token: the policy begins before it."""
    text = answered("It is a rose.", "rose")
    one = sampled(0, text)
    content = text.index("rose</")
    coarse = [end for end in one.completion.ends if end not in range(content - 4, content + 2)]
    said = replace(one.completion, token_ids=tuple(range(len(coarse))), logprobs=(), ends=tuple(coarse))
    one = replace(one, turns=(replace(one.turns[0], completion=said),))

    class Whole(Policy):
        def answer(self, prompt):
            assert prompt.begun.endswith("</think> <an")
            return "swer>rose</answer>"

    policy = Whole()
    found = thoughts_behind(policy, RENDERER, [one], [one], GREEDY, 4)
    assert policy.begun == ["<think> It is a rose. </think> <an", "<think> </think> <an"]
    assert found.unneeded == 1.0


def test_an_answer_that_was_begun_is_read_whole_and_only_its_own_tokens_are_trained_on():
    example, begun = question(0), "<think> It is a rose. </think> <answer>"
    prompts = prompts_for(RENDERER, [example], [begun])
    plain = prompts_for(RENDERER, [example])
    assert prompts[0].token_ids == plain[0].token_ids + tuple(map(ord, begun))
    assert plain[0].begun == "" and prompts[0].begun == begun
    drawn = roll_out(Policy(), RENDERER, [example], 1, GREEDY, SampleSeed.whole(1), prompts=prompts)
    ((rollout,),) = drawn
    assert rollout.answer.value == Label("rose") and rollout.answer.formatted
    assert rollout.answer.thinking == "It is a rose." and rollout.answer.text == begun + "rose</answer>"
    assert rollout.completion.text == "rose</answer>" and rollout.n_tokens == len("rose</answer>") + 1
    said = rollout.turns[0]
    start = len(begun)
    assert said.span_logprob((start, start + 4)) == said.completion.span_logprob((0, 4)) is not None


@pytest.mark.parametrize("task", ["reasoning", "classification"])
def test_how_many_thoughts_show_a_computation_is_counted_where_the_task_knows_one(task):
    example = replace(question(0), task=task)
    (prompt,) = prompts_for(RENDERER, [example])
    said = [answered(thought, "rose") for thought in ("1 + 1 = 2", HASTY, HASTY, "2 * 3 = 6")]
    rollouts = [read_turns(example, (Turn(prompt, RENDERER.said(text)),)) for text in said]
    found, _ = asked_again(rollouts)
    assert found.tried == 4 and found.shown == (0.5 if task == "reasoning" else None)


def thoughts(tried, carried=0, unneeded=0, **more):
    rest = tried - carried - unneeded
    shares = [count / tried for count in (carried, unneeded, rest)]
    return Thoughts(more.get("right", tried), tried, *shares, 0, None)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (thoughts(24, 15), "Of 24 right answers 15 (62%) are carried by their thought: "),
        (thoughts(20, 3), "RFT has chains to reinforce"),
        (thoughts(30, 4), "so few answers do not tell these apart"),
        (thoughts(20, 2), "RFT may reward guesses before chains"),
        (thoughts(18, 1, 3), "without it. 14 are luck"),
        (thoughts(18, 1, 12), "without it. 12 stay right without any thought"),
        (thoughts(7, 7), "Only 7 sampled answers are right and in form"),
        (Thoughts(0, 0, None, None, None, 0, None), "Only 0 sampled answers"),
    ],
)
def test_the_side_that_a_base_is_on_is_said(found, words):
    assert words in side_of(found)


def test_advice_speaks_of_thoughts_beside_what_it_says_of_the_signal():
    config = make_config(
        {
            "task": "classification",
            "data": {"path": "photos"},
            "form": "think",
            "rollout": {"group_size": 2},
        }
    )
    pair = (sampled(0, answered(HASTY, "rose")), sampled(0, answered("No.", "poppy")))
    rewarded = tuple(replace(one, reward=reward) for one, reward in zip(pair, (1.0, 0.0), strict=True))
    groups = [RolloutGroup(question(0), rewarded)]
    plain = describe(groups, form=Form.THINK, group_size=2, weights={}, limit=64)
    assert json.loads(json.dumps(plain.row()))["thoughts"] is None
    found = replace(plain, thoughts=thoughts(24, 15))
    before, after = ([a.rule for a in advise(AdviceContext(p, (), config))] for p in (plain, found))
    assert after == [*before, "to_think"]
    assert Thoughts(**json.loads(json.dumps(found.row()))["thoughts"]) == Thoughts(**asdict(found.thoughts))
