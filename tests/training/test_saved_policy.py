"""What a run saves must answer as what it validated."""

from __future__ import annotations

import pytest
import torch
from planted import question

from architectures import FAMILY_NAMES, loaded
from vrft.data.images import image_size_wh
from vrft.errors import NumbersError, RunError
from vrft.models.model_options import LoraOptions, ModelOptions
from vrft.training import saved_policy
from vrft.training.saved_policy import save_trained


def moved(policy, by=0.05):
    """The policy after a training: all that learns is elsewhere."""
    torch.manual_seed(0)
    with torch.no_grad():
        for value in policy.model.parameters():
            if value.requires_grad:
                value.add_(torch.randn_like(value) * by)
    return policy


@pytest.fixture
def examples(images):
    return [question(images[0], image_size_wh(images[0]), "a")]


@pytest.mark.parametrize("lora", [None, LoraOptions(rank=2)], ids=["whole", "adapter"])
@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_trained_policy_is_saved_as_it_is(name, lora, tiny_folders, examples, tmp_path):
    settings = ModelOptions(path=str(tiny_folders[name]), device="cpu", lora=lora)
    policy = moved(loaded(tiny_folders[name], lora=lora))
    save_trained(policy, tmp_path / "model", settings, examples)
    assert not (tmp_path / "model.new").exists()
    back = loaded(tmp_path / "model", lora=lora and LoraOptions())
    own, found = policy.model.state_dict(), back.model.state_dict()
    assert own.keys() == found.keys() and all(torch.equal(own[key], found[key]) for key in own)


@pytest.mark.parametrize("change", ["weights", "template"])
def test_a_folder_that_answers_otherwise_is_not_taken(change, tiny_folders, examples, tmp_path, monkeypatch):
    settings = ModelOptions(path=str(tiny_folders["qwen3_vl"]), device="cpu")
    policy = loaded(tiny_folders["qwen3_vl"])
    save = saved_policy.save_policy

    def other(policy, folder):
        save(moved(loaded(tiny_folders["qwen3_vl"]), 0.5) if change == "weights" else policy, folder)
        if change == "template":
            template = folder / "chat_template.jinja"
            template.write_text(template.read_text() + "!")
        return folder

    monkeypatch.setattr(saved_policy, "save_policy", other)
    with pytest.raises(RunError, match="what was saved answers otherwise than the policy in memory"):
        save_trained(policy, tmp_path / "model", settings, examples)
    assert not (tmp_path / "model").exists()
    monkeypatch.setattr(saved_policy, "free_memory_gib", lambda device: 0.0)
    save_trained(policy, tmp_path / "model", settings, examples)
    assert (tmp_path / "model").exists()


def test_a_policy_that_computes_nothing_is_not_saved_as_a_model(tiny_folders, examples, tmp_path):
    policy = loaded(tiny_folders["qwen3_vl"])
    with torch.no_grad():
        policy.core.get_decoder().norm.weight[0] = torch.nan
    with pytest.raises(NumbersError, match=r"weights are not finite \(model\.language_model\.norm\.weight\)"):
        save_trained(policy, tmp_path / "model", ModelOptions(path="unused", device="cpu"), examples)
