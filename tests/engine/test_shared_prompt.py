"""The shared-prompt path equals the plain path, gradients included, and a planted error shows."""

from __future__ import annotations

import pytest
import torch

from architectures import FAMILY_NAMES
from vrft.engine import logprobs as engine
from vrft.engine.logprobs import AnswerScorer
from vrft.engine.parity import compare_paths
from vrft.policies.load import load_policy

ANSWERS = [(11, 12, 13, 14), (15,), (11, 20, 21), (22, 23, 24, 25, 26), (30, 31), (32, 33, 34)]
GROUP = 3


@pytest.fixture(params=FAMILY_NAMES)
def policy(request, tiny_folders):
    return load_policy(str(tiny_folders[request.param]), device="cpu", dtype="float64", train_vision=True)


def prompts_of(policy, pictures):
    """Two prompts of different length about pictures of different size."""
    questions = ["What is the object?", "Detect all objects belonging to the category 'seven'"]
    return [policy.prompt(q, policy.picture(p)) for q, p in zip(questions, pictures, strict=False)]


def gradients(policy, path, prompts, answers, group):
    policy.model.zero_grad(set_to_none=True)
    logprobs, mask = AnswerScorer(policy)(prompts, answers, group, 0.7, path)
    weights = torch.linspace(-1, 1, mask.numel(), dtype=logprobs.dtype).reshape(mask.shape)
    (logprobs * weights * mask).sum().backward()
    found = [p.grad.clone() for p in policy.model.parameters() if p.grad is not None]
    return logprobs.detach(), mask, found


def test_shared_equals_plain_in_value_and_gradient(policy, pictures):
    prompts = prompts_of(policy, pictures)
    shared, mask, shared_grads = gradients(policy, "shared", prompts, ANSWERS, GROUP)
    plain, _, plain_grads = gradients(policy, "plain", prompts, ANSWERS, GROUP)
    assert mask.sum() == sum(map(len, ANSWERS))
    assert (shared - plain).abs().max() < 1e-6
    assert len(shared_grads) == len(plain_grads) > 20
    difference = torch.sqrt(sum(((a - b) ** 2).sum() for a, b in zip(shared_grads, plain_grads, strict=True)))
    size = torch.sqrt(sum((b**2).sum() for b in plain_grads))
    assert size > 0
    assert difference / size < 1e-5


def test_against_a_loop_over_single_rows_of_transformers(policy, pictures):
    """An independent reference: single rows through the model's own forward, no batch, no cache."""
    prompts = prompts_of(policy, pictures)
    logprobs, _ = AnswerScorer(policy)(prompts, ANSWERS, GROUP, 1.0, "shared")
    for row, answer in enumerate(ANSWERS):
        prompt = prompts[row // GROUP]
        ids = torch.tensor([[*prompt.token_ids, *answer]])
        kinds = (ids == policy.image_token_id).int()
        logits = policy.core(
            input_ids=ids,
            pixel_values=prompt.picture.pixel_values_VD.double(),
            image_grid_thw=torch.tensor([prompt.picture.grid_thw]),
            mm_token_type_ids=kinds,
        ).logits[0]
        expected = torch.log_softmax(logits, -1)[len(prompt.token_ids) - 1 : -1]
        expected = expected.gather(-1, torch.tensor(answer)[:, None]).squeeze(-1)
        assert torch.allclose(logprobs[row, : len(answer)], expected, atol=1e-6)


def leaking_hidden(policy, prompts, answers, group_size):
    """Planted error: the answers of a group stand behind its first answer in the cache and may look at it."""
    batch = engine.prompt_batch(policy, prompts)
    cache, last = engine.prefill(policy, batch)
    cache.batch_repeat_interleave(group_size)
    seen = [row - row % group_size for row in range(len(answers.ids_RA))]
    leaked, inputs = answers.ids_RA[seen], answers.ids_RA[:, :-1]
    places = (
        batch.next_position_P.repeat_interleave(group_size)[:, None] + torch.arange(leaked.shape[1])[None]
    )
    mask = torch.cat([batch.mask_PT.repeat_interleave(group_size, 0), answers.mask_RA[seen].long()], 1)
    for ids, extra in ((leaked, 0), (inputs, inputs.shape[1])):
        mask = torch.cat([mask, answers.mask_RA[:, :extra].long()], 1)
        hidden = policy.core.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=places[:, : ids.shape[1]].expand(3, -1, -1),
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
    return torch.cat([last.repeat_interleave(group_size, 0)[:, None], hidden], 1)


def test_an_answer_that_sees_another_is_found(policy, pictures, monkeypatch):
    prompts = prompts_of(policy, pictures)
    assert compare_paths(policy, prompts, ANSWERS, GROUP).path == "shared"
    monkeypatch.setitem(engine.HIDDEN, "shared", leaking_hidden)
    found = compare_paths(policy, prompts, ANSWERS, GROUP)
    assert found.logprob_max_abs_diff > 1e-3
    assert found.path == "plain"


def test_two_prompts_in_a_batch_equal_two_batches_of_one(policy, pictures):
    prompts = prompts_of(policy, pictures)
    both, mask = AnswerScorer(policy)(prompts, ANSWERS, GROUP, 1.0, "shared")
    for index, prompt in enumerate(prompts):
        rows = slice(index * GROUP, (index + 1) * GROUP)
        alone, own = AnswerScorer(policy)([prompt], ANSWERS[rows], GROUP, 1.0, "shared")
        width = own.shape[1]
        assert torch.equal(mask[rows, :width], own)
        assert torch.allclose(both[rows, :width], alone, atol=1e-9)


def test_chunked_logprobs_equal_log_softmax(monkeypatch):
    monkeypatch.setattr(engine, "CHUNK_TOKENS", 3)
    torch.manual_seed(0)
    head = torch.nn.Linear(5, 17).double()
    hidden = torch.randn(10, 5, dtype=torch.float64, requires_grad=True)
    ids = torch.randint(0, 17, (10,))
    ours = engine.selective_logprobs(hidden, ids, head, 0.5)
    theirs = torch.log_softmax(head(hidden) / 0.5, -1).gather(-1, ids[:, None]).squeeze(-1)
    assert torch.allclose(ours, theirs, atol=1e-12)
    (gradient,) = torch.autograd.grad(ours.sum(), hidden, retain_graph=True)
    (expected,) = torch.autograd.grad(theirs.sum(), hidden)
    assert torch.allclose(gradient, expected, atol=1e-12)
