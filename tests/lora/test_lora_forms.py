"""Adapters of all forms that people have mean what they meant when they were trained."""

from __future__ import annotations

import pytest
import torch
from hand_made import (
    ALPHA,
    OLD,
    PROJECTIONS,
    RANK,
    factors,
    means,
    merged,
    rewritten,
    text_of,
    text_weights,
    write_adapter,
)
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

from architectures import loaded
from vrft.models.load_policy import save_policy
from vrft.models.model_options import LoraOptions

FULL_NAMES = [f"model.layers.{i}.{block}.{p}" for i in (0, 1) for block, p in (
    ("self_attn", "q_proj"), ("self_attn", "v_proj"), ("mlp", "up_proj"))]  # fmt: skip


@pytest.mark.parametrize(
    "targets",
    [
        list(PROJECTIONS),
        FULL_NAMES,
        r"^(model)(?!.*(lm_head|output|emb|wte|shared)).*\.(q_proj|v_proj|up_proj)",
        r"^(?!.*visual).*(?:q_proj|v_proj|up_proj).*",
    ],
    ids=["leaves", "full names", "pattern of a trainer", "pattern that leaves vision out"],
)
def test_old_names_are_read_whatever_form_the_targets_have(base, pairs, tmp_path, targets):
    folder = write_adapter(tmp_path / "old", base, pairs, OLD, target_modules=targets)
    assert means(loaded(folder), base, pairs, folder=tmp_path / "expected")


@pytest.mark.parametrize("name", ["internvl", "llava_onevision", "gemma3"])
def test_old_names_of_other_families_are_read(name, tiny_folders, tmp_path):
    base = tiny_folders[name]
    first = factors(base, 1)
    old = write_adapter(tmp_path / "old", base, first, "base_model.model.language_model.model.layers")
    now = write_adapter(tmp_path / "now", base, first)
    expected = text_weights(load_file(merged(tmp_path / "whole", base, first) / "model.safetensors"))
    for folder in (old, now):
        own = text_of(loaded(folder))
        assert own.keys() == expected.keys()
        assert all(torch.allclose(own[key], expected[key][1], atol=1e-6) for key in own)


def test_old_names_of_the_vision_tower_and_of_dumped_states_are_read(base, pairs, tmp_path):
    whole = load_file(base / "model.safetensors")
    qkv = next(value for key, value in whole.items() if key.endswith("visual.blocks.0.attn.qkv.weight"))
    a, b = torch.ones(RANK, qkv.shape[1]), torch.full((qkv.shape[0], RANK), 0.5)

    def dumped(tensors):
        named = {key.replace(".weight", ".default.weight"): value for key, value in tensors.items()}
        place = "base_model.model.visual.blocks.{}.attn.qkv.lora_{}.default.weight"
        of_block = {"A": a, "B": b}
        return named | {place.format(i, x): of_block[x].clone() for i in (0, 1) for x in of_block}

    folder = rewritten(write_adapter(tmp_path / "old", base, pairs, OLD), dumped)
    policy = loaded(folder)
    assert means(policy, base, pairs, folder=tmp_path / "expected")
    now = dict(policy.model.named_parameters())["model.visual.blocks.0.attn.qkv.weight"]
    assert torch.allclose(now, qkv + ALPHA / RANK * (b @ a), atol=1e-6)
    learning = loaded(folder, lora=LoraOptions())
    learned = [name for name, p in learning.model.named_parameters() if p.requires_grad]
    assert learned and not any("visual" in name for name in learned)


FORMS = {
    "dora": {"use_dora": True},
    "rslora": {"use_rslora": True},
    "biases": {"bias": "all"},
    "ranks of their own": {"rank_pattern": {"q_proj": 4}, "alpha_pattern": {"v_proj": 2}},
    "one layer": {"layers_to_transform": [1]},
    "a head of its own": {"modules_to_save": ["lm_head"]},
    "embeddings that the base shares with its head": {"target_modules": ["embed_tokens", "q_proj"]},
    "single tokens": {"trainable_token_indices": [9, 10]},
}


@pytest.mark.parametrize("form", FORMS)
def test_an_adapter_of_any_form_means_what_peft_means_by_it(base, tmp_path, form):
    torch.manual_seed(0)
    settings = {"r": RANK, "lora_alpha": ALPHA, "target_modules": ["q_proj", "v_proj"]} | FORMS[form]
    theirs = get_peft_model(AutoModelForImageTextToText.from_pretrained(base), LoraConfig(**settings)).eval()
    ids = torch.arange(8, 20)[None]
    with torch.no_grad():
        before = theirs(input_ids=ids).logits
        for value in theirs.parameters():
            if value.requires_grad:
                value.add_(torch.randn_like(value) * 0.1)
        expected = theirs(input_ids=ids).logits
        assert not torch.allclose(before, expected, atol=1e-2)
        theirs.save_pretrained(tmp_path / "adapter")
        for lora in (None, LoraOptions()):
            policy = loaded(tmp_path / "adapter", lora=lora)
            assert torch.allclose(policy.core(input_ids=ids).logits, expected, atol=1e-4)
            saved = loaded(save_policy(policy, tmp_path / f"saved {lora is None}"))
            assert torch.allclose(saved.core(input_ids=ids).logits, expected, atol=1e-4)
