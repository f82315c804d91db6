"""Adapters that learn on, and what is saved of them."""

from __future__ import annotations

import pytest
import torch
from hand_made import (
    ALPHA,
    RANK,
    TODAY,
    text_of,
    text_weights,
    write_adapter,
)
from safetensors.torch import load_file, save_file

from architectures import FAMILY_NAMES, ask, loaded
from vrft.errors import ConfigError, RunError
from vrft.models.load_policy import save_policy
from vrft.models.model_options import LoraOptions
from vrft.models.saved_weights import check_saved
from vrft.training.reference import Reference


@pytest.mark.parametrize("key", ["rank", "alpha"])
def test_going_on_under_other_settings_is_refused(base, pairs, tmp_path, key):
    folder = write_adapter(tmp_path / "adapter", base, pairs)
    with pytest.raises(ConfigError, match=rf"model.lora.{key}: it is 3, .*on_adapter: merge"):
        loaded(folder, lora=LoraOptions(**{key: 3}))
    policy = loaded(folder, lora=LoraOptions(rank=RANK, alpha=ALPHA, dropout=0.5))
    learned = {name for name, p in policy.model.named_parameters() if p.requires_grad}
    assert len(learned) == 2 * len(pairs) and all(TODAY in name for name in learned)
    assert policy.model.peft_config["default"].lora_dropout == 0.5


def test_a_merged_adapter_and_a_fresh_one_are_saved_as_one_whole_model(base, pairs, tmp_path, images):
    folder = write_adapter(tmp_path / "adapter", base, pairs)
    policy = loaded(folder, lora=LoraOptions(rank=4, on_adapter="merge"))
    second = {}
    with torch.no_grad():
        for name, value in policy.model.named_parameters():
            if "lora_B" in name:
                second[name] = value.normal_(std=0.2).clone()
    reference = dict(loaded(folder).core.named_parameters())
    saved = save_policy(policy, tmp_path / "saved")
    assert not (saved / "adapter_config.json").exists()
    ended = text_of(loaded(saved))
    for name, value in text_of(policy).items():
        assert torch.equal(ended[name], value)
    assert any(not torch.equal(ended[n], v) for n, (_, v) in text_weights(reference).items() if n in ended)


def test_the_reference_of_an_adapter_that_goes_on_is_where_it_began(base, pairs, tmp_path, images):
    folder = write_adapter(tmp_path / "adapter", base, pairs)
    policy, began = loaded(folder, lora=LoraOptions()), loaded(folder)
    reference = Reference(policy)
    prompt = ask(policy, "Where is the seven?", images[0])
    asked = ([prompt], [(5, 6, 7)], 1, 1.0, "plain")
    with torch.no_grad():
        for value in policy.model.parameters():
            if value.requires_grad:
                value.add_(0.1)
    now = {name: value.clone() for name, value in policy.model.named_parameters()}
    found = reference.logprobs(*asked)
    assert torch.allclose(found, Reference(began).logprobs(*asked), atol=1e-4)
    assert not torch.allclose(found, Reference(loaded(base)).logprobs(*asked), atol=1e-2)
    assert all(torch.equal(now[name], value) for name, value in policy.model.named_parameters())


@pytest.mark.parametrize("name", FAMILY_NAMES)
@pytest.mark.parametrize("lora", [None, LoraOptions(rank=2)], ids=["whole", "adapter"])
def test_every_saved_weight_is_compared_with_memory(name, lora, tiny_folders, tmp_path):
    policy = loaded(tiny_folders[name], lora=lora)
    saved = save_policy(policy, tmp_path / "saved")
    (file,) = saved.glob("*.safetensors")
    tensors = load_file(file)
    assert check_saved(policy.model, saved) == len(tensors)
    for key in (min(tensors), max(tensors)):
        bad = tensors[key].clone()
        bad.view(-1)[-1] += 1
        save_file(tensors | {key: bad}, file, metadata={"format": "pt"})
        with pytest.raises(RunError, match=f"the weight '{key}' is not on the disk as it is in memory"):
            check_saved(policy.model, saved)
        left = {k: v for k, v in tensors.items() if k != key}
        save_file(left, file, metadata={"format": "pt"})
        with pytest.raises(RunError, match="is not on the disk"):
            check_saved(policy.model, saved)
    file.write_bytes(b"junk")
    with pytest.raises(RunError, match="cannot be read again"):
        check_saved(policy.model, saved)
