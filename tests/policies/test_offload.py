"""Activations in the computer's own memory: the same gradients, and the weights stay where they are."""

from __future__ import annotations

import pytest
import torch

from architectures import ask, loaded
from vrft.models.model_options import LoraOptions
from vrft.models.offload import activations_on_cpu
from vrft.rollout.logprobs import AnswerScorer

ANSWERS = [(9, 10, 11, 12), (13, 14, 15)]


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("lora", [None, LoraOptions(rank=4)], ids=["full", "lora"])
def test_gradients_are_the_same(lora, checkpointing, tiny_folders, images):
    policy = loaded(tiny_folders["qwen3_vl"], lora=lora)
    if checkpointing:
        policy.core.activation_checkpointing_enable()
    prompt = ask(policy, "What is it?", images[0])
    found = []
    for policy.offloads in (False, True):
        with policy.learning():
            logprobs, mask = AnswerScorer(policy)([prompt], ANSWERS, 2)
            logprobs[mask].sum().backward()
        found.append([p.grad for p in policy.model.parameters() if p.grad is not None])
        policy.model.zero_grad(set_to_none=True)
    assert len(found[0]) == len(found[1]) > 0
    assert all(map(torch.equal, *found))


def test_what_is_saved_moves_and_weights_do_not(tiny_folders):
    model = loaded(tiny_folders["qwen2_vl"]).model
    hooks = activations_on_cpu(model)
    weight = next(p for p in model.parameters() if p.ndim == 2)
    for stays in (weight, weight.t(), weight[:1]):
        packed = hooks.pack_hook(stays)
        assert packed.data_ptr() == stays.data_ptr() and hooks.unpack_hook(packed) is packed
    device, moved = hooks.pack_hook(torch.ones(3))
    assert device == moved.device == torch.device("cpu")
    assert torch.equal(hooks.unpack_hook((device, moved)), torch.ones(3))
