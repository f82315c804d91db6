"""Floors and operation counts of the benchmarks equal what PyTorch counts, and what lies in memory."""

from __future__ import annotations

import pytest
import torch
from models import QWEN2_VL_2B, SMALL, config_of, save_images, save_random_qwen2_vl, token_grid
from ours_side import examples_of
from shapes import LORA_ALPHA, LORA_RANK, Shape
from step_arithmetic import (
    cached_numbers,
    decode_bytes,
    decoder_weights,
    encoding_flops,
    sizes_of,
    training_flops,
)
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForImageTextToText

from vrft.models.attention.shared_attention import AnswerCache
from vrft.models.load_policy import load_policy
from vrft.models.model_options import LoraOptions, ModelOptions
from vrft.rollout.driver import prompts_for
from vrft.rollout.logprobs import AnswerScorer
from vrft.rollout.shared_prompt.prefill import prefill
from vrft.training.reference import Reference

IDS = {
    role: i for i, role in enumerate(("eos", "pad", "bos", "image", "video", "vision_start", "vision_end"))
}
PUBLISHED_2B = 2_208_985_600
"""Weights of Qwen/Qwen2-VL-2B-Instruct as its model card counts them."""
SHAPES = {
    "full": Shape(24, 2, 3, 10, 0.0),
    "kl": Shape(24, 2, 3, 10, 0.04),
    "frozen": Shape(24, 2, 3, 10, 0.0, frozen_vision=True),
    "lora_kl": Shape(24, 2, 3, 10, 0.04, frozen_vision=True, lora=True),
}


def flash(query, key, value, dropout=0.0, is_causal=False, **_):
    """Two products of every query with what it sees. PyTorch has no formula for its CPU kernel."""
    rows, heads, tokens, width = query
    seen = sum(min(t + 1, key[2]) if is_causal else key[2] for t in range(tokens))
    return 2 * 2 * rows * heads * seen * width


def flash_backward(grad, query, key, value, out, norm, dropout=0.0, is_causal=False, **_):
    """Four products; the fifth, which computes the scores again, is the kernel's own choice."""
    return 2 * flash(query, key, value, dropout, is_causal)


ATEN = torch.ops.aten
CPU_KERNELS = {
    ATEN._scaled_dot_product_flash_attention_for_cpu: flash,
    ATEN._scaled_dot_product_flash_attention_for_cpu_backward: flash_backward,
}


def counter():
    return FlopCounterMode(display=False, custom_mapping=CPU_KERNELS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("random")
    save_random_qwen2_vl(root / "model")
    return root


def policy_and_prompts(folder, shape):
    lora = LoraOptions(rank=LORA_RANK, alpha=LORA_ALPHA) if shape.lora else None
    vision = not shape.frozen_vision
    options = ModelOptions(path=str(folder / "model"), device="cpu", train_vision=vision, lora=lora)
    policy = load_policy(options)
    images = save_images(folder / "images", shape.prompts, shape.image_tokens)
    prompts = prompts_for(policy, examples_of(images))
    assert {p.token_ids.count(policy.image_token_id) for p in prompts} == {shape.image_tokens}
    return policy, prompts


def counted(folder, shape, method):
    """Operations of encoding and of the training pass as they run, and as we count them."""
    policy, prompts = policy_and_prompts(folder, shape)
    length, sizes = len(prompts[0].token_ids), sizes_of(policy.core.config)
    group = (prompts, [tuple(range(10, 10 + shape.new_tokens))] * shape.prompts * shape.group, shape.group)
    reference = Reference(policy) if shape.beta else None
    if reference is not None:
        reference.logprobs(*group, 1.0, method)  # from here on it knows its images
    if policy.vision_frozen:
        policy.features([policy.image(medium) for p in prompts for medium in p.media])
    encoded = None
    with counter() as encoding:
        if method == "shared":
            encoded = prefill(policy, prompts)
    with counter() as training:
        logprobs, _ = AnswerScorer(policy)(*group, 1.0, method, encoded)
        if reference is not None:
            reference.logprobs(*group, 1.0, method)
        logprobs.sum().backward()
    return (
        (encoding.get_total_flops(), encoding_flops(sizes, shape, length)),
        (training.get_total_flops(), training_flops(sizes, shape, length, method)),
    )


@pytest.mark.parametrize("name", ["full", "kl", "frozen"])
def test_operations_of_the_shared_method_are_those_that_run(folder, name):
    for found, ours in counted(folder, SHAPES[name], "shared"):
        assert ours == found


def test_operations_with_adapters(folder):
    """All but the first layer's inputs, which need no gradient where the embedding is frozen."""
    encoding, training = counted(folder, SHAPES["lora_kl"], "shared")
    assert encoding[0] == encoding[1]
    assert training[1] == pytest.approx(training[0], rel=0.03)
    assert training[1] >= training[0]


@pytest.mark.parametrize(("method", "beyond"), [("packed", 0.1), ("plain", 0.03)])
@pytest.mark.parametrize("name", ["full", "kl"])
def test_the_other_methods_run_little_more(folder, name, method, beyond):
    """Packed rows compute what their mask hides; plain ones feed each answer's last token too."""
    found, ours = counted(folder, SHAPES[name], method)[1]
    assert ours <= found <= (1 + beyond) * ours


def model_on_paper(architecture):
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(config_of(architecture, IDS), dtype=torch.bfloat16)
    model.tie_weights()
    return model


def test_the_large_model_is_the_published_one():
    model = model_on_paper(QWEN2_VL_2B)
    assert sum(p.numel() for p in model.parameters()) == PUBLISHED_2B
    assert model.dtype == torch.bfloat16
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


@pytest.mark.parametrize("architecture", [SMALL, QWEN2_VL_2B], ids=["small", "2b"])
def test_weights_that_a_decoding_step_reads(architecture):
    model = model_on_paper(architecture)
    decoder = model.get_decoder()
    read = [*decoder.layers.parameters(), *decoder.norm.parameters(), model.get_output_embeddings().weight]
    assert decoder_weights(sizes_of(model.config)) == sum(p.numel() for p in read)


def test_keys_that_a_decoding_step_reads(folder):
    """Those of a prefill as they lie in memory, and of an answer cache at every step."""
    shape = SHAPES["full"]
    policy, prompts = policy_and_prompts(folder, shape)
    sizes, length = sizes_of(policy.core.config), len(prompts[0].token_ids)
    of_prompts = sum(k.nbytes + v.nbytes for k, v in prefill(policy, prompts).prompt.layers.values())
    assert 4 * cached_numbers(sizes, shape.prompts * length) == of_prompts
    cache = AnswerCache(shape.prompts, shape.group, shape.new_tokens)
    fresh = torch.zeros(shape.prompts * shape.group, sizes.kv_heads, 1, sizes.head_width)
    steps = []
    for _ in range(shape.new_tokens - 1):
        steps.append(sum(4 * part.numel() for part in cache.update(fresh, fresh, 0)) * sizes.layers)
        cache.length += 1
    mean = sum(steps) / len(steps)
    expected = 4 * decoder_weights(sizes) + of_prompts + mean
    assert decode_bytes(sizes, shape, length, 4) == expected


@pytest.mark.parametrize(("tokens", "grid"), [(512, (16, 32)), (400, (20, 20)), (32, (4, 8)), (7, (1, 7))])
def test_images_are_as_square_as_their_tokens_divide(tokens, grid):
    assert token_grid(tokens) == grid
