"""Adapter folders that cannot be right: why each is refused."""

from __future__ import annotations

import shutil

import pytest
import torch
from hand_made import (
    OLD,
    TODAY,
    changed,
    means,
    rewritten,
    text_weights,
    write_adapter,
)
from safetensors.torch import load_file, save_file

from architectures import loaded
from vrft.errors import ModelError
from vrft.models.load_policy import load_policy
from vrft.models.model_options import LoraOptions, ModelOptions


def without(*names):
    return lambda tensors: {k: v for k, v in tensors.items() if not any(name in k for name in names)}


def wider(tensors):
    return {k: torch.cat([v, v]) if "lora_A" in k else v for k, v in tensors.items()}


REFUSED = {
    "settings that are no JSON": (
        lambda f, b: (f / "adapter_config.json").write_text("{"),
        "cannot be read .* Save or download",
    ),
    "settings that are a list": (
        lambda f, b: (f / "adapter_config.json").write_text("[]"),
        "has no settings",
    ),
    "settings of the wrong kind": (lambda f, b: changed(f, r="many"), "(cannot be read|does not fit)"),
    "another kind of adapter": (lambda f, b: changed(f, peft_type="IA3"), "of the kind IA3.*LoRA adapters"),
    "no weights": (lambda f, b: (f / "adapter_model.safetensors").unlink(), "has no weights"),
    "cut weights": (
        lambda f, b: (f / "adapter_model.safetensors").write_bytes(
            (f / "adapter_model.safetensors").read_bytes()[:-100]
        ),
        "the adapter cannot be read",
    ),
    "empty weights": (
        lambda f, b: (f / "adapter_model.safetensors").write_bytes(b""),
        "the adapter cannot be read",
    ),
    "no tensors": (lambda f, b: rewritten(f, lambda t: {}), "the file holds no weights"),
    "shapes of another rank": (lambda f, b: rewritten(f, wider), r"is \(4, 32\), and .* make it \(2, 32\)"),
    "one factor alone": (
        lambda f, b: rewritten(f, without("0.mlp.up_proj.lora_B")),
        r"lacks weights \(.*0.mlp.up_proj.lora_B",
    ),
    "a layer left out": (lambda f, b: rewritten(f, without("layers.1.")), r"lacks weights \(.*layers\.1\."),
    "a projection left out": (lambda f, b: rewritten(f, without("v_proj")), r"lacks weights \(v_proj"),
    "names of another model": (
        lambda f, b: rewritten(f, lambda t: {k.replace("up_proj", "fc1"): v for k, v in t.items()}),
        r"4 of the adapter's 12 weights have no place in its base model \(.*fc1",
    ),
    "weights under old names and new ones": (
        lambda f, b: rewritten(f, lambda t: t | {k.replace(TODAY, OLD): v * 2 for k, v in t.items()}),
        "12 of the adapter's 24 weights are there twice",
    ),
    "a scale of nothing": (lambda f, b: changed(f, lora_alpha=0), "lora_alpha is 0 .* trained with"),
    "no base": (lambda f, b: changed(f, base_model_name_or_path=None), "does not name .* base model"),
    "a base that is gone": (
        lambda f, b: changed(f, base_model_name_or_path="/gone/far/away"),
        "'/gone/far/away' is not there. Put it there",
    ),
    "itself as base": (
        lambda f, b: changed(f, base_model_name_or_path=str(f)),
        "is that adapter again. Write the right one",
    ),
    "a whole model beside": (
        lambda f, b: shutil.copytree(b, f, dirs_exist_ok=True),
        "holds a whole model and the settings of an adapter",
    ),
    "an adapter of another base inside a whole model": (
        lambda f, b: [
            shutil.copytree(f, f / "lora_adapter"),
            shutil.copytree(b, f, dirs_exist_ok=True),
            (f / "adapter_config.json").unlink(),
        ],
        "holds a whole model and, in lora_adapter, an adapter of '.*base'. Give",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_adapter_that_cannot_be_right_is_refused(base, pairs, tmp_path, case):
    change, said = REFUSED[case]
    folder = write_adapter(tmp_path / "adapter", base, pairs)
    loaded(folder)
    change(folder, base)
    with pytest.raises(ModelError, match=said) as refused:
        loaded(folder)
    assert "\n" not in str(refused.value) and str(folder) in str(refused.value)


@pytest.mark.parametrize("case", ["shapes of another rank", "names of another model", "one factor alone"])
def test_what_reads_no_weights_sees_it_too(base, pairs, tmp_path, case):
    change, said = REFUSED[case]
    folder = write_adapter(tmp_path / "adapter", base, pairs)
    for lora in (None, LoraOptions()):
        policy = load_policy(ModelOptions(path=str(folder), device="meta", lora=lora))
        assert hasattr(policy.model, "peft_config") == (lora is not None)
    change(folder, base)
    with pytest.raises(ModelError, match=said):
        load_policy(ModelOptions(path=str(folder), device="meta"))


def test_a_layer_that_was_not_to_be_adapted_is_not_missed(base, pairs, tmp_path):
    first = {name: pair for name, pair in pairs.items() if name.startswith("0.")}
    folder = write_adapter(tmp_path / "adapter", base, first, layers_to_transform=[0])
    assert means(loaded(folder), base, first, folder=tmp_path / "expected")


@pytest.mark.parametrize("strange", ["an adapter's", "a layer's"])
def test_a_whole_model_with_weights_that_have_no_place_is_refused(base, strange):
    file = base / "model.safetensors"
    whole = load_file(file)
    (key, value) = next(iter(text_weights(whole).values()))
    name = (
        key.replace(".weight", ".lora_A.weight") if strange == "an adapter's" else key.replace(".0.", ".7.")
    )
    save_file(whole | {name: value.clone()}, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"1 weights have no place in the model \("):
        loaded(base)


def test_an_adapter_that_has_not_learned_yet_is_the_base_and_says_so(base, pairs, tmp_path):
    fresh = {name: (a, torch.zeros_like(b)) for name, (a, b) in pairs.items()}
    folder = write_adapter(tmp_path / "adapter", base, fresh)
    with pytest.warns(RuntimeWarning, match="has not learned anything"):
        policy = loaded(folder)
    assert means(policy, base, folder=tmp_path / "expected")
