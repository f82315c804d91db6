"""The consistency bonus of GRPO-CARE: its rule, whose tokens it looks at, and the policy that judges."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from vrft.config.run_config import make_config
from vrft.distributed import SINGLE_PROCESS
from vrft.errors import ConfigError
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.rollout.driver import prompts_for
from vrft.rollout.logprobs import PolicyScorer
from vrft.training.consistency import (
    TERM,
    Consistency,
    ConsistencyOptions,
    answer_tokens,
    bonuses,
    confidence,
)
from vrft.training.reference import MovingReference
from vrft.types import (
    Answer,
    Clock,
    Completion,
    Example,
    Form,
    Image,
    Label,
    Prompt,
    Rollout,
    RolloutGroup,
    Turn,
)

LN = math.log


def paid(accuracy, likely, **more):
    return bonuses(accuracy, [None if p is None else confidence([LN(p)]) for p in likely], **more)


@pytest.mark.parametrize(
    ("accuracy", "likely", "expected"),
    [
        ([1, 0, 1, 0], [0.8, 0.9, 0.4, 0.9], [0.5, 0, 0, 0]),
        ([1, 1, 0], [0.6, 0.585, 0.1], [0.5, 0.5, 0]),  # both within .01 of .5925
        ([1, 1, 0], [0.62, 0.58, 0.1], [0.5, 0, 0]),  # .02 below .60
        ([0, 0, 0], [0.9, 0.9, 0.9], [0, 0, 0]),
        ([0, 1, 0], [0.9, 0.01, 0.9], [0, 0.5, 0]),
        ([0.8, 0.6, 0.1], [0.3, 0.9, 0.9], [0, 0.3, 0]),
        ([0.1, 0.1], [0.9, 0.9], [0, 0]),  # not more than .1
        ([1, 1, 1], [0.97, 0.99, 0.951], [0.5, 0.5, 0.5]),  # all count as .95
        ([1, 1, 1], [None, 0.4, 0.9], [0, 0, 0.5]),
    ],
)
def test_right_answers_no_less_likely_than_right_ones_on_average_are_paid(accuracy, likely, expected):
    assert paid(accuracy, likely) == pytest.approx(expected)
    assert paid(accuracy, likely, coefficient=1.0) == pytest.approx([2 * amount for amount in expected])


def test_a_likelihood_is_the_geometric_mean_of_the_tokens_and_bounded():
    assert confidence([LN(0.5), LN(0.25)]) == pytest.approx(math.sqrt(0.125), rel=1e-5)
    assert confidence([-1e-3]) == 0.95 and confidence([]) == 0.95
    assert confidence([-1e-3], bound=None) == pytest.approx(0.999, abs=1e-4)


def said(text, ends):
    turn = Turn(Prompt(), Completion(text, tuple(range(len(ends))), ends=tuple(ends)))
    return Rollout(None, (turn,), Answer())


def test_tokens_of_the_answer_are_those_that_write_its_content():
    text = "<think> ab </think> <answer>cat</answer>"
    every = range(1, len(text) + 1)
    begin = text.index("cat")
    assert answer_tokens(said(text, every)) == [begin, begin + 1, begin + 2]
    # One token writes the end of the tag and the first letter, one the rest and the closing tag.
    assert answer_tokens(said(text, [8, begin + 1, len(text)])) == [1, 2]
    for other in ("<answer>cat</answer>", "<think> a </think> cat", "<think> a </think> <answer>cat"):
        assert answer_tokens(said(other, range(1, len(other) + 1))) == []


@pytest.fixture
def policy(tiny_folders):
    return load_policy(ModelOptions(path=str(tiny_folders["qwen3_vl"]), device="cpu", dtype="float32"))


def moved(policy, by):
    with torch.no_grad():
        for parameter in policy.model.parameters():
            if parameter.requires_grad:
                parameter.add_(by)


def test_the_judge_goes_one_minus_alpha_to_the_n_of_the_way(policy):
    judge, learned = MovingReference(policy), [p for p in policy.model.parameters() if p.requires_grad]
    began = [p.detach().clone() for p in learned]
    moved(policy, 0.5)
    for _ in range(7):
        judge.follow(0.9)
    for start, kept in zip(began, judge.state(), strict=True):
        assert torch.allclose(kept, start + 0.5 * (1 - 0.9**7), atol=1e-5)
    other = MovingReference(policy)
    other.restore(judge.state())
    assert all(torch.equal(a, b) for a, b in zip(other.state(), judge.state(), strict=True))
    assert all(torch.equal(p, start + 0.5) for p, start in zip(learned, began, strict=True))


def test_groups_are_judged_by_the_slow_policy_and_not_by_the_one_that_learns(policy, tmp_path):
    path = tmp_path / "a.png"
    pixels = np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    PILImage.fromarray(pixels).save(path)
    example = Example(
        "q", "r", "classification", (Image(path, (48, 48)),), "digit", Label("cat"), form=Form.THINK
    )
    (prompt,) = prompts_for(policy, [example])
    texts = [f"<think> {word} </think> <answer>{name}</answer>" for word, name in
             (("it purrs", "cat"), ("it is a car", "cat"), ("it barks", "dog"), ("none", "cat"))]  # fmt: skip
    texts[3] = "cat"
    turns = [Turn(prompt, policy.said(text)) for text in texts]
    rollouts = [
        Rollout(
            example, (turn,), Answer(Label("cat")), terms={"right": float(i != 2), "format": 1.0}, reward=2.0
        )
        for i, turn in enumerate(turns)
    ]
    group = RolloutGroup(example, tuple(rollouts))
    options = ConsistencyOptions(every=3)
    rule = Consistency(options, MovingReference(policy), SINGLE_PROCESS)
    expected = PolicyScorer(policy).logprobs(turns)
    likely = [
        confidence([expected[i][place] for place in answer_tokens(r)]) if i != 3 else None
        for i, r in enumerate(rollouts)
    ]
    amounts = bonuses([1, 1, 0, 1], likely)
    assert sum(amounts) > 0 and amounts[2] == amounts[3] == 0
    moved(policy, 0.3)
    rule.follow(Clock(0)), rule.follow(Clock(4))  # no time to follow yet
    (found,) = rule([group], [0])
    assert [r.terms[TERM] for r in found.rollouts] == pytest.approx(amounts)
    assert [r.reward for r in found.rollouts] == pytest.approx([2 + amount for amount in amounts])
    before = rule.state()
    rule.follow(Clock(6))
    assert any(not torch.equal(a, b) for a, b in zip(before, rule.state(), strict=True))
    wrong = Consistency(replace_term(options, "accuracy"), MovingReference(policy), SINGLE_PROCESS)
    with pytest.raises(ConfigError, match=r"grpo\.consistency\.term: the reward has no term 'accuracy'"):
        wrong([replace(group)], [0])


def replace_term(options, name):
    return options.model_copy(update={"term": name})


def test_without_thoughts_it_is_refused():
    tree = {"task": "jigsaw", "data": {"path": "x"}, "grpo": {"consistency": {}}, "form": "direct"}
    with pytest.raises(ConfigError, match="Set form: think"):
        make_config(tree)
    assert make_config({**tree, "form": "think"}).grpo.consistency == ConsistencyOptions()
    assert make_config({**tree, "method": "sft"}).grpo.consistency is not None
