"""Activation checkpointing: the same values and gradients from less memory, in every form."""

from __future__ import annotations

import pytest
import torch

from architectures import FAMILY_NAMES
from vrft.models.load_policy import load_policy
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.shared_prompt.prefill import prefill
from vrft.rollout.shared_prompt.sampling import Sampling, sample

ANSWERS = [(11, 12, 13, 14), (15,), (11, 20, 21), (22, 23, 24, 25, 26), (30, 31), (32, 33, 34)]
GROUP = 3


@pytest.fixture(params=FAMILY_NAMES)
def policy(request, tiny_folders):
    return load_policy(str(tiny_folders[request.param]), device="cpu", dtype="float64", train_vision=True)


def measured(policy, path, pictures):
    """Log-probabilities, gradients, and the bytes that the forward pass keeps for the backward one."""
    questions = ["What is the object?", "Detect all objects belonging to the category 'seven'"]
    prompts = [policy.prompt(q, policy.picture(p)) for q, p in zip(questions, pictures, strict=False)]
    policy.model.zero_grad(set_to_none=True)
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    weights = {p.untyped_storage().data_ptr() for p in policy.model.parameters()}
    with policy.learning():
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            logprobs, mask = AnswerScorer(policy)(prompts, ANSWERS, GROUP, 1.0, path)
        (
            logprobs * torch.linspace(-1, 1, mask.numel(), dtype=logprobs.dtype).view(mask.shape)
        ).sum().backward()
    gradients = {n: p.grad.clone() for n, p in policy.model.named_parameters() if p.grad is not None}
    return logprobs.detach(), gradients, sum(n for place, n in kept.items() if place not in weights)


@pytest.mark.parametrize("path", ["shared", "packed", "plain"])
def test_the_same_from_less_memory(policy, pictures, path):
    plain, plain_gradients, plain_bytes = measured(policy, path, pictures)
    policy.core.activation_checkpointing_enable()
    found, gradients, kept = measured(policy, path, pictures)
    assert torch.allclose(found, plain, atol=1e-12)
    assert gradients.keys() == plain_gradients.keys()
    for name, expected in plain_gradients.items():
        assert torch.allclose(gradients[name], expected, rtol=1e-6, atol=1e-9), name
    assert kept < 0.8 * plain_bytes


def test_sampling_between_two_passes_still_sees_the_picture(policy, pictures):
    """transformers drops the cache of a model that samples in train mode under checkpointing."""
    prompts = [policy.prompt("What is the object?", policy.picture(pictures[0]))]
    greedy = Sampling(temperature=0, max_new_tokens=6)
    expected = sample(policy, prompts, 2, greedy)
    policy.core.activation_checkpointing_enable()
    with policy.learning():
        encoded = prefill(policy, prompts)
        assert sample(policy, prompts, 2, greedy, encoded=encoded) == expected
        assert policy.model.training
    assert not policy.model.training
