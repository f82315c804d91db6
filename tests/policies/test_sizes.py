"""What a layer keeps for the backward pass, by its modules and as torch really keeps it."""

from __future__ import annotations

import pytest
import torch

from architectures import FAMILY_NAMES, ask, loaded, medium
from vrft.models.layer_sizes import patches_of, sizes_of
from vrft.models.load_policy import load_policy
from vrft.models.model_options import LoraOptions, ModelOptions
from vrft.rollout.hidden_states import shared_hidden
from vrft.rollout.prompt_batch import answer_batch
from vrft.rollout.shared_prompt.prefill import prefill

ROWS = 4


def kept_bytes(policy, work):
    """Bytes of the storages that autograd saves while ``work`` runs, the weights left out."""
    weights = {p.untyped_storage().data_ptr() for p in policy.model.parameters()}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage  # held, so that no other takes its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        work()
    return sum(storage.nbytes() for place, storage in kept.items() if place not in weights)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("lora", [None, LoraOptions(rank=4, alpha=8)], ids=["full", "lora"])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_text_tokens_share_is_what_autograd_keeps(name, lora, dtype, tiny_folders, images):
    policy = loaded(tiny_folders[name], dtype=dtype, lora=lora)
    prompt = ask(policy, "What is it?", images[0])

    def kept(tokens):
        encoded = prefill(policy, [prompt])
        answers = answer_batch(policy, [tuple([11] * tokens)] * ROWS)
        return kept_bytes(policy, lambda: shared_hidden(policy, [prompt], answers, ROWS, encoded))

    # The prompt's last token predicts the first, so one token fewer runs; constants fall out.
    a_token = (kept(41) - kept(21)) / (20 * ROWS)
    text = sizes_of(policy).text
    forecast = (text.layers * text.kept + text.around) * sizes_of(policy).number_bytes
    assert forecast == pytest.approx(a_token, rel=0.15)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_patchs_share_is_what_autograd_keeps(name, tiny_folders, images):
    policy = loaded(tiny_folders[name], train_vision=True)
    image = policy.image(medium(images[2]))
    found = kept_bytes(policy, lambda: policy.features([image])) / patches_of(policy, image)
    vision = sizes_of(policy).vision
    # Two layers of 32 numbers: what stands around them weighs more than in any released model.
    assert (vision.layers * vision.kept + vision.around) * 4 == pytest.approx(found, rel=0.2)


@pytest.mark.parametrize("lora", [None, LoraOptions(rank=4, alpha=8)], ids=["full", "lora"])
def test_a_policy_without_weights_has_the_same_sizes(lora, tiny_folders):
    for name in FAMILY_NAMES:
        whole, empty = (
            sizes_of(
                load_policy(
                    ModelOptions(path=str(tiny_folders[name]), device=device, dtype="float32", lora=lora)
                )
            )
            for device in ("cpu", "meta")
        )
        assert whole == empty, name


def test_weights_are_counted_as_they_are(tiny_folders):
    policy = loaded(tiny_folders["qwen3_vl"], dtype="bfloat16")
    sizes = sizes_of(policy)
    assert sizes.weights_bytes == 2 * sum(p.numel() for p in policy.model.parameters())
    assert sizes.learned == sum(p.numel() for p in policy.model.parameters() if p.requires_grad)
    assert sizes.half and not sizes.vision_learns and sizes.head_learns
