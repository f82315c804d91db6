"""Bases in 4 and 8 bits: what is quantized and how far it moves, one step, saving, loading, and refusals."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import torch
from planted import plant_rewards, question

from architectures import FAMILY_NAMES, ask, loaded, medium, sample
from tiny import save_tiny
from vrft.config.run_config import make_config
from vrft.errors import ConfigError, ModelError
from vrft.models import quantized
from vrft.models.layer_sizes import sizes_of
from vrft.models.load_policy import load_policy, lora_targets, save_policy
from vrft.models.model_options import LoraOptions, ModelOptions
from vrft.models.quantized import weight_bytes
from vrft.run_folder import RunFolder
from vrft.types import SamplingParams
from vrft.workflows.train import train_run

bnb = pytest.importorskip("bitsandbytes")
BITS = (4, 8)
QWEN = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
KINDS = {4: bnb.nn.Linear4bit, 8: bnb.nn.Linear8bitLt}


def unfolded(module):
    """The weights that a quantized projection computes with."""
    if isinstance(module, bnb.nn.Linear4bit):
        return bnb.functional.dequantize_4bit(module.weight.data, module.weight.quant_state).float()
    return module.weight.data.float() * module.weight.SCB[:, None] / 127


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Tiny policies whose rows are multiples of the blocks in which 4 bits share a scale."""
    root = tmp_path_factory.mktemp("wide")
    return {name: save_tiny(name, root / name, 64) for name in QWEN}


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", QWEN)
def test_what_an_adapter_goes_to_is_quantized_and_nothing_else(name, bits, wide):
    whole, narrow = loaded(wide[name]), loaded(wide[name], bits=bits)
    weights = dict(whole.core.named_parameters())
    pattern, found = re.compile(lora_targets(whole.family)), 0
    for place, module in narrow.core.named_modules():
        assert isinstance(module, KINDS[bits]) == bool(pattern.fullmatch(place)), place
        if isinstance(module, KINDS[bits]):
            found += 1
            before, after = weights[f"{place}.weight"], unfolded(module)
            # The widest gap of NF4's sixteen levels is 0.304 of a block's largest; an int8 step is 1 / 127.
            rows = [w.detach().reshape(-1, 64 if bits == 4 else before.shape[1]) for w in (before, after)]
            share = 0.304 / 2 + 0.01 if bits == 4 else 0.5 / 127 + 1e-3
            assert ((rows[0] - rows[1]).abs() <= share * rows[0].abs().amax(1, keepdim=True)).all(), place
            assert not torch.equal(before, after)
    assert found == len([place for place, _ in whole.core.named_modules() if pattern.fullmatch(place)]) > 0
    for place, parameter in narrow.core.named_parameters():
        if parameter.is_floating_point():
            assert torch.equal(parameter, weights[place]), place


@pytest.mark.parametrize("bits", BITS)
def test_the_bytes_of_a_weight_are_those_that_the_library_keeps(bits):
    wide, high = 512, 1408
    plain = torch.nn.Linear(wide, high, bias=False, dtype=torch.bfloat16)
    made = bnb.nn.Linear4bit(wide, high, bias=False, quant_type="nf4") if bits == 4 else None
    made = made or bnb.nn.Linear8bitLt(wide, high, bias=False, has_fp16_weights=False)
    made.load_state_dict(plain.state_dict())
    weight = made.to("cpu").weight
    kept = weight.untyped_storage().nbytes()
    if bits == 4:
        state = weight.quant_state
        kept += state.absmax.untyped_storage().nbytes() + state.state2.absmax.untyped_storage().nbytes()
    else:
        kept += weight.SCB.untyped_storage().nbytes()
    assert weight_bytes(bits, wide, high) == pytest.approx(kept, rel=1e-4)


@pytest.mark.parametrize("bits", BITS)
def test_a_policy_without_weights_has_the_sizes_of_the_quantized_one(bits, wide):
    options = {"path": str(wide["qwen2_5_vl"]), "dtype": "bfloat16", "bits": bits}
    options["lora"] = LoraOptions(rank=4)
    loaded_, bare = (sizes_of(load_policy(ModelOptions(device=d, **options))) for d in ("cpu", "meta"))
    assert loaded_ == bare
    whole = sizes_of(load_policy(ModelOptions(device="meta", **options | {"bits": None})))
    assert bare.weights_bytes < whole.weights_bytes and bare.learned == whole.learned


@pytest.fixture
def examples(images):
    sizes = ((64, 48), (40, 64), (56, 56))
    return [question(path, wh, str(i)) for i, (path, wh) in enumerate(zip(images, sizes, strict=True))]


def config_of(model, bits, **optim):
    return make_config(
        {
            "task": "detection",
            "form": "direct",
            "model": {"path": str(model), "device": "cpu", "bits": bits, "lora": {"rank": 4}},
            "data": {"path": "unused"},
            "rollout": {"group_size": 4, "max_new_tokens": 5},
            "optim": {"learning_rate": 1e-2, "steps": 1, "prompts_per_step": 2} | optim,
            "checks": {"validate_every": 0},
        }
    )


def logits(policy, ids=None):
    ids = torch.arange(8, 24)[None]
    with torch.no_grad():
        return policy.core(input_ids=ids).logits


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", ["qwen2_vl", "qwen3_vl"])
def test_a_step_is_saved_and_comes_back_as_it_was(name, bits, wide, examples, tmp_path, monkeypatch):
    plant_rewards(
        monkeypatch, lambda r, names: (dict.fromkeys(names, 0.5), float(len(r.completion.text) % 5))
    )
    config = config_of(wide[name], bits, activation_checkpointing=True)
    folder = RunFolder(tmp_path / "run")
    trained = train_run(config, folder, examples[:2], examples[2:])
    (row,) = [row for row in folder.rows("metrics.jsonl") if "loss" in row]
    assert row["grad_norm"] > 0 and row["sampling_mismatch"] < 0.1
    saved = folder.path / "model"
    # The adapter alone, with its base by name: nothing of the base is written in few bits.
    assert not list(saved.glob("model*.safetensors"))
    named = json.loads((saved / "adapter_config.json").read_text())["base_model_name_or_path"]
    assert named == str(wide[name])
    # It is taken on weights of as many bits as it was trained on, beside them and never merged.
    back = loaded(saved)
    assert back.bits == bits and torch.equal(logits(back), logits(trained.policy))
    assert not torch.equal(logits(back), logits(loaded(wide[name], bits=bits)))
    with back.model.disable_adapter():
        assert torch.equal(logits(back), logits(loaded(wide[name], bits=bits)))
    # Learning goes on with the same adapter.
    learning = loaded(saved, lora=LoraOptions())
    assert learning.bits == bits and torch.equal(logits(learning), logits(back))
    with pytest.raises(ConfigError, match=rf"on_adapter: .* merged into weights of {bits} bits"):
        loaded(saved, lora=LoraOptions(on_adapter="merge"))
    # And an adapter on an adapter has no place to be merged into.
    settings = json.loads((saved / "adapter_config.json").read_text())
    outer = tmp_path / "outer"
    shutil.copytree(saved, outer)
    (outer / "base_model.json").unlink()
    settings["base_model_name_or_path"] = str(saved)
    (outer / "adapter_config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelError, match=rf"merged into weights of {bits} bits"):
        loaded(outer, bits=bits)


@pytest.mark.parametrize("bits", BITS)
def test_the_adapters_gradient_is_that_of_the_unfolded_weights(bits, wide, images):
    """The same step on a plain model whose weights are what the quantized ones unfold to."""
    options = {"lora": LoraOptions(rank=4)}
    narrow = loaded(wide["qwen3_vl"], bits=bits, **options)
    plain = loaded(wide["qwen3_vl"], **options)
    target = dict(plain.core.named_modules())
    for place, module in narrow.core.named_modules():
        if isinstance(module, KINDS[bits]):
            target[place].weight.data.copy_(unfolded(module))
    adapters = [dict(policy.model.named_parameters()) for policy in (narrow, plain)]
    generator = torch.Generator().manual_seed(0)
    for place, parameter in adapters[0].items():
        if "lora" in place:
            parameter.data.normal_(std=0.1, generator=generator)
            adapters[1][place].data.copy_(parameter.data)
    for policy in (narrow, plain):
        with policy.learning():
            said = policy.core(input_ids=torch.arange(8, 24)[None]).logits
        said.log_softmax(-1)[..., 5].sum().backward()
    for place, parameter in adapters[0].items():
        if "lora" in place:
            assert parameter.grad.abs().max() > 0
            torch.testing.assert_close(parameter.grad, adapters[1][place].grad, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_every_family_answers_from_weights_of_8_bits(name, tiny_folders, images):
    policy = loaded(tiny_folders[name], bits=8)
    prompt = ask(policy, "What is it?", images[0])
    (said,) = sample(policy, [prompt], 2, SamplingParams(max_new_tokens=4))
    assert all(one.token_ids for one in said)


def test_weights_that_the_library_gives_back_wrongly_are_refused(tiny_folders):
    """Rows of 32 and 48 numbers: right, or refused, whatever the processor."""
    try:
        narrow = loaded(tiny_folders["qwen2_vl"], bits=4)
    except ModelError:
        with pytest.raises(ModelError, match=r"wrongly on this cpu .* rows of (32|48) numbers.*bits: 8"):
            loaded(tiny_folders["qwen2_vl"], bits=4)
        return
    weights = dict(loaded(tiny_folders["qwen2_vl"]).core.named_parameters())
    for place, module in narrow.core.named_modules():
        if isinstance(module, KINDS[4]):
            before = weights[f"{place}.weight"].detach()
            assert ((before - unfolded(module)).abs() <= 0.17 * before.abs().max()).all(), place


def test_weights_in_few_bits_do_not_learn_themselves(wide):
    with pytest.raises(ConfigError, match=r"model\.bits: .* in 4 bits cannot learn.*model\.lora"):
        make_config({"task": "detection", "data": {"path": "a"}, "model": {"bits": 4}})
    policy = loaded(wide["qwen2_vl"], bits=4)
    assert not any(p.requires_grad for p in policy.model.parameters())


def test_a_missing_package_is_one_sentence(wide, monkeypatch):
    monkeypatch.setattr(quantized, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"model\.bits: 4 needs bitsandbytes.*vrft\[quantized\]"):
        loaded(wide["qwen2_vl"], bits=4)
    # What needs no weights needs no package either.
    assert load_policy(ModelOptions(path=str(wide["qwen2_vl"]), device="meta", bits=4)).bits == 4


def test_a_model_that_was_saved_quantized_is_taken_as_it_is(wide, tmp_path, images):
    narrow = loaded(wide["qwen2_vl"], bits=4)
    saved = save_policy(narrow, tmp_path / "narrow")
    back = loaded(saved, lora=LoraOptions(rank=4))
    assert back.bits == 4 and any(p.requires_grad for p in back.model.parameters())
    assert torch.equal(logits(back), logits(narrow))
    assert back.image(medium(images[0])).frame == narrow.image(medium(images[0])).frame
