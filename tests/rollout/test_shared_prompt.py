"""The shared-prompt method equals the plain one, gradients included, and a planted error shows."""

from __future__ import annotations

import pytest
import torch

from architectures import FAMILY_NAMES, loaded, prompts_of, sample, whole_inputs
from vrft.models.attention import shared_attention as shared
from vrft.models.attention.shared_attention import NAME
from vrft.models.attention.two_part import attend
from vrft.rollout import hidden_states
from vrft.rollout import logprobs as logprobs_module
from vrft.rollout.hidden_states import packed_mask
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.parity import compare_methods
from vrft.types import SamplingParams

ANSWERS = [(11, 12, 13, 14), (15,), (11, 20, 21), (22, 23, 24, 25, 26), (30, 31), (32, 33, 34)]
GROUP = 3


@pytest.fixture(params=FAMILY_NAMES)
def policy(request, tiny_folders):
    return loaded(tiny_folders[request.param], dtype="float64", train_vision=True)


def gradients(policy, method, prompts, answers, group):
    policy.model.zero_grad(set_to_none=True)
    logprobs, mask = AnswerScorer(policy)(prompts, answers, group, 0.7, method)
    weights = torch.linspace(-1, 1, mask.numel(), dtype=logprobs.dtype).reshape(mask.shape)
    (logprobs * weights * mask).sum().backward()
    found = {n: p.grad.clone() for n, p in policy.model.named_parameters() if p.grad is not None}
    return logprobs.detach(), mask, found


@pytest.mark.parametrize("method", ["shared", "packed"])
def test_sharing_equals_plain_in_value_and_every_gradient(policy, images, method):
    prompts = prompts_of(policy, images)
    found, mask, found_grads = gradients(policy, method, prompts, ANSWERS, GROUP)
    plain, _, plain_grads = gradients(policy, "plain", prompts, ANSWERS, GROUP)
    assert mask.sum() == sum(map(len, ANSWERS))
    assert (found - plain).abs().max() < 1e-6
    assert found_grads.keys() == plain_grads.keys() and len(plain_grads) > 20
    largest = max(g.norm() for g in plain_grads.values())
    for name, expected in plain_grads.items():
        # A key's bias shifts all products of a query alike: its gradient is zero but for rounding.
        assert (found_grads[name] - expected).norm() < 1e-5 * max(expected.norm(), 1e-6 * largest), name


def test_against_a_loop_over_single_rows_of_transformers(policy, images):
    """An independent reference: single rows through the model's own forward, no batch, no cache."""
    prompts = prompts_of(policy, images)
    logprobs, _ = AnswerScorer(policy)(prompts, ANSWERS, GROUP, 1.0, "shared")
    for row, answer in enumerate(ANSWERS):
        prompt = prompts[row // GROUP]
        ids = torch.tensor([[*prompt.token_ids, *answer]])
        logits = policy.core(input_ids=ids, **whole_inputs(policy, prompt.media[0].path, ids)).logits[0]
        expected = torch.log_softmax(logits, -1)[len(prompt.token_ids) - 1 : -1]
        expected = expected.gather(-1, torch.tensor(answer)[:, None]).squeeze(-1)
        assert torch.allclose(logprobs[row, : len(answer)], expected, atol=1e-6)


def leaking_mask(prompt_PT, group_size, length):
    """Planted error: every answer but the first may look at the first one."""
    mask = packed_mask(prompt_PT, group_size, length)
    width = prompt_PT.shape[1]
    mask[:, :, width + length :, width : width + length] = True
    return mask


def leaking_attend(query, prompt, own, layout, starts, scale, window):
    """Planted error: the keys of each prompt's first answer token stand in the prompt."""
    first = layout.by_prompt.index_rA[:, 0]
    longer = tuple(torch.cat([p, o[:, first].transpose(0, 1)[:, :, None]], 2)
                   for p, o in zip(prompt, own, strict=True))  # fmt: skip
    return attend(query, longer, own, layout, starts, scale, window)


@pytest.mark.parametrize(
    ("method", "module", "name", "planted"),
    [
        ("shared", shared, "attend", leaking_attend),
        ("packed", hidden_states, "packed_mask", leaking_mask),
    ],
)
def test_an_answer_that_sees_another_is_found(policy, images, monkeypatch, method, module, name, planted):
    prompts = prompts_of(policy, images)
    plain, mask, _ = gradients(policy, "plain", prompts, ANSWERS, GROUP)
    monkeypatch.setattr(module, name, planted)
    found, _, _ = gradients(policy, method, prompts, ANSWERS, GROUP)
    assert (found - plain)[mask].abs().max() > 1e-3


def test_a_run_takes_a_method_that_is_exact(policy, images, monkeypatch):
    prompts = prompts_of(policy, images)
    assert compare_methods(policy, prompts, ANSWERS, GROUP).method == "shared"
    monkeypatch.setattr(shared, "attend", leaking_attend)
    found = compare_methods(policy, prompts, ANSWERS, GROUP)
    assert found.logprob_max_abs_diff > 1e-3 and found.differences["packed"] < 1e-6
    assert found.method == "packed"
    monkeypatch.setattr(hidden_states, "packed_mask", leaking_mask)
    found = compare_methods(policy, prompts, ANSWERS, GROUP)
    assert min(found.differences["shared"], found.differences["packed"]) > 1e-3
    assert found.method == "plain"
    assert compare_methods(policy, prompts, ANSWERS, GROUP, "shared").method == "shared"


def test_a_method_that_cannot_run_is_reported_and_left(policy, images, monkeypatch):
    def broken(*arguments, **options):
        raise ValueError("no such attention")

    monkeypatch.setattr(shared, "attend", broken)
    found = compare_methods(policy, prompts_of(policy, images), ANSWERS, GROUP)
    assert found.differences["shared"] is None
    assert found.method == "packed"


def test_other_attention_repeats_the_prompt_and_draws_the_same(policy, images):
    prompts = prompts_of(policy, images)
    found = []
    for attention in (NAME, "sdpa"):
        policy.model.set_attn_implementation({"text_config": attention})
        assert policy.shares_prompt == (attention == NAME)
        found.append(sample(policy, prompts, 12, SamplingParams(3.0, max_new_tokens=40), seed=4))
    for ours, theirs in zip(*found, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert a.token_ids == b.token_ids and a.finished == b.finished
            assert a.logprobs == pytest.approx(b.logprobs, abs=1e-6)
    lengths = {len(a.token_ids) for group in found[0] for a in group}
    assert len(lengths) > 1  # rows left at different times


def test_two_prompts_in_a_batch_equal_two_batches_of_one(policy, images):
    prompts = prompts_of(policy, images)
    both, mask = AnswerScorer(policy)(prompts, ANSWERS, GROUP, 1.0, "shared")
    for index, prompt in enumerate(prompts):
        rows = slice(index * GROUP, (index + 1) * GROUP)
        alone, own = AnswerScorer(policy)([prompt], ANSWERS[rows], GROUP, 1.0, "shared")
        width = own.shape[1]
        assert torch.equal(mask[rows, :width], own)
        assert torch.allclose(both[rows, :width], alone, atol=1e-9)


def test_chunked_logprobs_equal_log_softmax(monkeypatch):
    monkeypatch.setattr(logprobs_module, "CHUNK_LOGITS", 3 * 17)
    torch.manual_seed(0)
    head = torch.nn.Linear(5, 17).double()
    hidden = torch.randn(10, 5, dtype=torch.float64, requires_grad=True)
    ids = torch.randint(0, 17, (10,))
    ours = logprobs_module.selective_logprobs(hidden, ids, head, 0.5, 17)
    theirs = torch.log_softmax(head(hidden) / 0.5, -1).gather(-1, ids[:, None]).squeeze(-1)
    assert torch.allclose(ours, theirs, atol=1e-12)
    (gradient,) = torch.autograd.grad(ours.sum(), hidden, retain_graph=True)
    (expected,) = torch.autograd.grad(theirs.sum(), hidden)
    assert torch.allclose(gradient, expected, atol=1e-12)
