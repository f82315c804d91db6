"""Sampling with a shared prompt: greedy equals transformers' generate, draws follow the softmax."""

from __future__ import annotations

import re

import pytest
import torch
from scipy.stats import chisquare

from architectures import FAMILY_NAMES, check_greedy_is_generate, loaded, prompts_of, sample
from vrft.errors import InputError
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.shared_prompt import decoders
from vrft.types import SamplingParams

NEVER_FAST = ("gemma3",)
"""Families whose decoder layers have parts that the fast step does not know."""


@pytest.fixture(params=FAMILY_NAMES)
def policy(request, tiny_folders):
    return loaded(tiny_folders[request.param], dtype="float64")


def test_greedy_equals_generate(policy, images):
    check_greedy_is_generate(policy, images)


def test_kept_logprobs_are_those_of_the_scorer(policy, images):
    prompts = prompts_of(policy, images)
    groups = sample(policy, prompts, 3, SamplingParams(temperature=0.8, max_new_tokens=10), seed=5)
    answers = [a.token_ids for group in groups for a in group]
    logprobs, _ = AnswerScorer(policy)(prompts, answers, 3, 0.8, "plain")
    for row, answer in enumerate(a for group in groups for a in group):
        expected = logprobs[row, : len(answer.token_ids)].tolist()
        assert answer.logprobs == pytest.approx(expected, abs=1e-4)


def test_first_tokens_follow_the_tempered_softmax(tiny_folders, images):
    policy = loaded(tiny_folders["qwen3_vl"], dtype="float64")
    prompt = prompts_of(policy, images)[0]
    n = 4000
    drawn = [
        a.token_ids[0] for a in sample(policy, [prompt], n, SamplingParams(2.0, max_new_tokens=1), seed=3)[0]
    ]
    every = [(i,) for i in range(len(policy.tokenizer)) if i not in policy.placeholder_ids]
    logprobs, _ = AnswerScorer(policy)([prompt], every, len(every), 2.0, "plain")
    expected = logprobs[:, 0].exp().detach()
    expected = expected / expected.sum() * n
    counts = torch.tensor([drawn.count(i) for (i,) in every], dtype=torch.float64)
    common = expected >= 5
    observed = [*counts[common].tolist(), counts[~common].sum().item()]
    wanted = [*expected[common].tolist(), expected[~common].sum().item()]
    kept = [(o, w) for o, w in zip(observed, wanted, strict=True) if w > 0]
    assert len(kept) > 5
    assert chisquare([o for o, _ in kept], [w for _, w in kept], sum_check=False).pvalue > 1e-4


def test_placeholders_are_never_sampled_even_where_the_model_wants_them(tiny_folders, images):
    policy = loaded(tiny_folders["qwen2_vl"])
    with torch.no_grad():
        bias = torch.zeros(policy.core.lm_head.weight.shape[0])
        bias[list(policy.placeholder_ids)] = 50.0
        policy.core.lm_head.register_parameter("bias", torch.nn.Parameter(bias))
    for temperature in (0.0, 1.0):
        groups = sample(
            policy, prompts_of(policy, images), 4, SamplingParams(temperature, max_new_tokens=8), seed=1
        )
        tokens = {t for group in groups for a in group for t in a.token_ids}
        assert tokens
        assert not tokens & set(policy.placeholder_ids)


def test_truncation_settings(policy, images):
    prompts = prompts_of(policy, images)
    greedy = sample(policy, prompts, 1, SamplingParams(temperature=0, max_new_tokens=6))
    for settings in (
        SamplingParams(1.0, top_k=1, max_new_tokens=6),
        SamplingParams(1.0, top_p=1e-9, max_new_tokens=6),
    ):
        for group, (best,) in zip(sample(policy, prompts, 3, settings, seed=9), greedy, strict=True):
            assert {a.token_ids for a in group} == {best.token_ids}


def test_same_seed_same_answers_and_other_seed_others(policy, images):
    prompts = prompts_of(policy, images)
    settings = SamplingParams(1.5, max_new_tokens=8)
    first, repeated, other = (sample(policy, prompts, 4, settings, seed) for seed in (1, 1, 2))
    assert first == repeated
    assert first != other
    assert len({a.token_ids for group in first for a in group}) > 1


def test_an_answer_ends_at_its_end_token_or_at_the_limit(policy, images):
    groups = sample(policy, prompts_of(policy, images), 16, SamplingParams(3.0, max_new_tokens=40), seed=4)
    answers = [a for group in groups for a in group]
    assert any(a.finished for a in answers)
    for a in answers:
        assert len(a.token_ids) == len(a.logprobs) <= 40
        assert (a.token_ids[-1] in policy.end_token_ids) == a.finished
        assert not set(a.token_ids[:-1]) & set(policy.end_token_ids)
        assert a.finished or len(a.token_ids) == 40


def test_a_prompt_that_does_not_fit_is_refused_with_a_budget_that_does(tiny_folders, images):
    policy = loaded(tiny_folders["qwen3_vl"])
    prompt = prompts_of(policy, images)[0]
    room = len(prompt.token_ids) + 10
    policy.core.get_decoder().config.max_position_embeddings = room
    sample(policy, [prompt], 1, SamplingParams(max_new_tokens=10))
    with pytest.raises(InputError, match=f"{room - 10} tokens.*{room}") as refused:
        sample(policy, [prompt], 1, SamplingParams(max_new_tokens=12))
    budget = int(re.search(r"max_pixels: (\d+)", str(refused.value)).group(1))
    smaller = loaded(tiny_folders["qwen3_vl"], max_pixels=budget, min_pixels=1)
    smaller.core.get_decoder().config.max_position_embeddings = room
    sample(smaller, prompts_of(smaller, images)[:1], 1, SamplingParams(max_new_tokens=12))


def test_no_answer_ends_before_its_least_length(tiny_folders, images):
    policy = loaded(tiny_folders["qwen3_vl"])
    settings = SamplingParams(3.0, max_new_tokens=30, min_new_tokens=30)
    groups = sample(policy, prompts_of(policy, images), 16, settings, seed=4)
    assert {len(a.token_ids) for group in groups for a in group} == {30}


@pytest.mark.parametrize("temperature", [0.0, 2.0])
def test_the_fast_step_draws_what_the_frameworks_step_draws(policy, images, temperature):
    if policy.family.model_type in NEVER_FAST:
        pytest.skip("its layers are built otherwise")
    found = []
    for own_step in (True, False):
        policy.fast_decode = own_step
        settings = SamplingParams(temperature, max_new_tokens=30)
        found.append(sample(policy, prompts_of(policy, images), 12, settings, seed=6))
    for ours, theirs in zip(*found, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert a.token_ids == b.token_ids
            assert a.logprobs == pytest.approx(b.logprobs, abs=1e-5)


def test_the_fast_step_is_taken_only_where_it_agrees(policy, images, monkeypatch):
    prompts = prompts_of(policy, images)
    sample(policy, prompts, 2, SamplingParams(max_new_tokens=2))
    assert policy.fast_decode == (policy.family.model_type not in NEVER_FAST)
    monkeypatch.setattr(decoders, "_rotated", lambda x, cos, sin: x)
    policy.fast_decode = None
    sample(policy, prompts, 2, SamplingParams(max_new_tokens=2))
    assert policy.fast_decode is False
