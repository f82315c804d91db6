"""Activation checkpointing: the same values and gradients from less memory, in every method."""

from __future__ import annotations

import pytest
import torch

from architectures import FAMILY_NAMES, ask, loaded, sample
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.shared_prompt.sampler import SharedPromptSampler
from vrft.types import SamplingParams

ANSWERS = [(11, 12, 13, 14), (15,), (11, 20, 21), (22, 23, 24, 25, 26), (30, 31), (32, 33, 34)]
GROUP = 3


@pytest.fixture(params=FAMILY_NAMES)
def policy(request, tiny_folders):
    return loaded(tiny_folders[request.param], dtype="float64", train_vision=True)


def measured(policy, method, images):
    """Log-probabilities, gradients, and the bytes that the forward pass keeps for the backward one."""
    questions = ["What is the object?", "Detect all objects belonging to the category 'seven'"]
    prompts = [ask(policy, q, p) for q, p in zip(questions, images, strict=False)]
    policy.model.zero_grad(set_to_none=True)
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    weights = {p.untyped_storage().data_ptr() for p in policy.model.parameters()}
    with policy.learning():
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            logprobs, mask = AnswerScorer(policy)(prompts, ANSWERS, GROUP, 1.0, method)
        (
            logprobs * torch.linspace(-1, 1, mask.numel(), dtype=logprobs.dtype).view(mask.shape)
        ).sum().backward()
    gradients = {n: p.grad.clone() for n, p in policy.model.named_parameters() if p.grad is not None}
    return logprobs.detach(), gradients, sum(n for place, n in kept.items() if place not in weights)


@pytest.mark.parametrize("method", ["shared", "packed", "plain"])
def test_the_same_from_less_memory(policy, images, method):
    plain, plain_gradients, plain_bytes = measured(policy, method, images)
    policy.core.activation_checkpointing_enable()
    found, gradients, kept = measured(policy, method, images)
    assert torch.allclose(found, plain, atol=1e-12)
    assert gradients.keys() == plain_gradients.keys()
    for name, expected in plain_gradients.items():
        assert torch.allclose(gradients[name], expected, rtol=1e-6, atol=1e-9), name
    assert kept < 0.8 * plain_bytes


def test_sampling_between_two_passes_still_sees_the_image(policy, images):
    """transformers drops the cache of a model that samples in train mode under checkpointing."""
    prompts = [ask(policy, "What is the object?", images[0])]
    greedy = SamplingParams(temperature=0, max_new_tokens=6)
    expected = sample(policy, prompts, 2, greedy)
    policy.core.activation_checkpointing_enable()
    with policy.learning():
        encoded = SharedPromptSampler(policy).encode(prompts)
        assert sample(policy, prompts, 2, greedy, encoded=encoded) == expected
        assert policy.model.training
    assert not policy.model.training
