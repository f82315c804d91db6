"""Layers that see a window only: the shared method keeps it; the packed one does not, and is found out."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from architectures import check_greedy_is_generate, loaded, prompts_of, sample
from vrft.models.attention import shared_attention as shared
from vrft.models.attention.token_layout import lay_out
from vrft.models.attention.two_part import attend
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.parity import compare_methods
from vrft.types import SamplingParams

ANSWERS = [
    (11, 12, 13, 14),
    (15,),
    (11, 20, 21),
    (22, 23, 24, 25, 26, 27, 28, 29, 30, 31),
    (30, 31),
    (32, 33),
]
GROUP = 3
WINDOW = 8
"""Narrower than any prompt here, and wider than an image."""


@pytest.fixture
def policy(tiny_folders, tmp_path):
    folder = tmp_path / "narrow"
    shutil.copytree(tiny_folders["gemma3"], folder)
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["sliding_window"] = WINDOW
    (folder / "config.json").write_text(json.dumps(config))
    return loaded(folder, dtype="float64", train_vision=True)


def gradients(policy, method, prompts):
    policy.model.zero_grad(set_to_none=True)
    logprobs, mask = AnswerScorer(policy)(prompts, ANSWERS, GROUP, 1.0, method)
    (logprobs * mask * torch.linspace(-1, 1, mask.numel()).reshape(mask.shape)).sum().backward()
    return logprobs.detach(), {n: p.grad for n, p in policy.model.named_parameters() if p.grad is not None}


def test_the_shared_method_keeps_the_window_in_value_and_gradient(policy, images):
    prompts = prompts_of(policy, images)
    found, found_grads = gradients(policy, "shared", prompts)
    plain, plain_grads = gradients(policy, "plain", prompts)
    assert (found - plain).abs().max() < 1e-6
    assert found_grads.keys() == plain_grads.keys() and len(plain_grads) > 20
    largest = max(g.norm() for g in plain_grads.values())
    for name, expected in plain_grads.items():
        # A key's bias has no gradient but for rounding.
        assert (found_grads[name] - expected).norm() < 1e-5 * max(expected.norm(), 1e-6 * largest), name


@pytest.mark.parametrize("attention", [shared.NAME, "sdpa"])
def test_greedy_equals_generate_beyond_the_window(policy, images, attention):
    policy.model.set_attn_implementation({"text_config": attention})
    check_greedy_is_generate(policy, images)


def test_kept_logprobs_beyond_the_window_are_those_of_the_plain_method(policy, images):
    prompts = prompts_of(policy, images)
    groups = sample(policy, prompts, 3, SamplingParams(max_new_tokens=14), seed=5)
    answers = [a.token_ids for group in groups for a in group]
    logprobs, _ = AnswerScorer(policy)(prompts, answers, 3, 1.0, "plain")
    for row, answer in enumerate(a for group in groups for a in group):
        assert answer.logprobs == pytest.approx(logprobs[row, : len(answer.token_ids)].tolist(), abs=1e-5)


def without_window(query, prompt, own, layout, starts, scale, window):
    """Planted error: the window is forgotten."""
    return attend(query, prompt, own, layout, starts, scale)


def test_a_method_that_forgets_the_window_is_found_and_the_plain_one_serves(policy, images, monkeypatch):
    prompts = prompts_of(policy, images)
    found = compare_methods(policy, prompts, ANSWERS, GROUP)
    assert found.method == "shared" and found.differences["shared"] < 1e-6
    assert found.differences["packed"] > 1e-3
    monkeypatch.setattr(shared, "attend", without_window)
    found = compare_methods(policy, prompts, ANSWERS, GROUP)
    assert min(found.differences["shared"], found.differences["packed"]) > 1e-3
    assert found.method == "plain"


def test_window_attention_equals_a_loop_over_single_queries():
    torch.manual_seed(0)
    heads, kv_heads, behind, width, starts, window = 4, 2, 6, 8, (0, 2), 4
    lengths = [[5, 2, 3], [1, 4]]
    tokens = sum(map(sum, lengths))
    query = torch.randn(heads, tokens, width, dtype=torch.float64)
    prompt = [torch.randn(2, kv_heads, behind, width, dtype=torch.float64) for _ in range(2)]
    own = [torch.randn(kv_heads, tokens, width, dtype=torch.float64) for _ in range(2)]
    layout = lay_out(lengths, torch.device("cpu"))
    found = attend(query, (prompt[0], prompt[1]), (own[0], own[1]), layout, starts, 0.3, window)
    begin = 0
    for index, group in enumerate(lengths):
        for length in group:
            rows = slice(begin, begin + length)
            keys, values = (torch.cat([p[index], o[:, rows]], 1) for p, o in zip(prompt, own, strict=True))
            for head in range(heads):
                for token in range(length):
                    place = behind + token
                    seen = list(range(max(starts[index], place - window + 1), place + 1))
                    k, v = (x[head // (heads // kv_heads), seen] for x in (keys, values))
                    weights = torch.softmax(0.3 * k @ query[head, begin + token], 0)
                    assert torch.allclose(found[head, begin + token], weights @ v, atol=1e-12)
            begin += length
