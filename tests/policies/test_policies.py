"""Policies: frames by architecture, folders that other tools load, and refusals in a sentence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

from architectures import FAMILY_NAMES, ask, loaded, medium
from vrft.errors import InputError, ModelError
from vrft.models.load_policy import load_policy, save_policy
from vrft.models.model_options import LoraOptions

QWEN = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
FRAMES = {"qwen2_5_vl": "resized_pixels", "llava_onevision": "norm1"}


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_the_frame_comes_from_the_configuration_not_from_the_name(name, tiny_folders, tmp_path, images):
    misleading = tmp_path / "Qwen2.5-VL-checkpoint-200"
    shutil.copytree(tiny_folders[name], misleading)
    policy = loaded(misleading)
    frame = policy.frame(medium(images[0]))
    assert frame.name == FRAMES.get(name, "norm1000")
    assert frame.window_px == (0.0, 0.0, 64.0, 48.0)
    written = frame.box_from_px((8.0, 6.0, 50.0, 40.0))
    assert frame.box_to_px(written) == pytest.approx((8.0, 6.0, 50.0, 40.0), abs=1)


@pytest.mark.parametrize("name", QWEN)
def test_prompt_is_the_templates_with_one_placeholder_per_merged_token(name, tiny_folders, images):
    policy = loaded(tiny_folders[name])
    image = policy.image(medium(images[1]))
    prompt = ask(policy, "What is it?", images[1])
    assert prompt.frames == (image.frame,)
    ((t, rows, columns),) = image.inputs["image_grid_thw"].tolist()
    assert image.frame.input_wh == (columns * 8, rows * 8)
    assert prompt.token_ids.count(policy.image_token_id) == t * rows * columns // 4
    text = policy.tokenizer.decode(prompt.token_ids)
    assert text.startswith("<|im_start|>user\n<|vision_start|><|image_pad|>")
    assert text.endswith("<|vision_end|>What is it?<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_saved_policy_loads_with_transformers_alone(name, tiny_folders, tmp_path, images):
    policy = loaded(tiny_folders[name])
    with torch.no_grad():
        next(p for p in policy.model.parameters() if p.requires_grad).add_(0.01)
    folder = save_policy(policy, tmp_path / "saved")
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    assert tokenizer.chat_template == policy.tokenizer.chat_template
    assert processor.size == policy.image_processor.size
    ours = dict(policy.model.named_parameters())
    for key, value in model.named_parameters():
        assert torch.equal(value, ours[key])
    names = {path.name for path in folder.iterdir()}
    assert "processor_config.json" not in names


def test_the_reference_hub_form_of_template_is_carried_along(tiny_folders, tmp_path):
    source = tmp_path / "hub"
    shutil.copytree(tiny_folders["qwen2_vl"], source)
    (source / "chat_template.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    saved = save_policy(loaded(source), tmp_path / "saved")
    assert (saved / "chat_template.json").exists()


def test_lora_trains_the_language_model_only_and_its_adapter_comes_back(tiny_folders, tmp_path):
    policy = loaded(tiny_folders["qwen3_vl"], lora=LoraOptions(rank=4, alpha=8))
    learned = [name for name, p in policy.model.named_parameters() if p.requires_grad]
    assert learned
    assert all("lora" in name and "visual" not in name for name in learned)
    with torch.no_grad():
        for name, parameter in policy.model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.1)
    saved = save_policy(policy, tmp_path / "adapter")
    back = loaded(saved)
    ids = torch.arange(8, 16)[None]
    with torch.no_grad():
        assert torch.allclose(back.core(input_ids=ids).logits, policy.model(input_ids=ids).logits, atol=1e-4)


def test_refusals(tmp_path, tiny_folders):
    with pytest.raises(ModelError, match=r"no config\.json"):
        load_policy(str(tmp_path))
    text_only = tmp_path / "text"
    text_only.mkdir()
    (text_only / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    with pytest.raises(ModelError, match="not a vision-language model"):
        load_policy(str(text_only))
    broken = tmp_path / "broken"
    shutil.copytree(tiny_folders["qwen2_vl"], broken)
    (broken / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_policy(str(broken))
    speechless = tmp_path / "speechless"
    shutil.copytree(tiny_folders["qwen2_vl"], speechless)
    (speechless / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="no chat template"):
        load_policy(str(speechless))


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_a_question_that_holds_an_images_token_is_refused(name, tiny_folders, images):
    policy = loaded(tiny_folders[name])
    token = policy.tokenizer.convert_ids_to_tokens(policy.image_token_id)
    with pytest.raises(InputError, match="stands for an image"):
        ask(policy, f"Detect the {token}", images[0])


HUB = """
import json, sys
from pathlib import Path
from vrft.errors import ModelError
from vrft.models.load_policy import load_policy, save_policy
from vrft.models.model_options import ModelOptions
from vrft.models.model_source import weights_of
saved = save_policy(load_policy(ModelOptions(path="acme/tiny-vl", device="cpu")), Path(sys.argv[1]))
adapted = load_policy(ModelOptions(path="acme/adapter", device="cpu")).base
try:
    weights_of("acme/other")
except ModelError as error:
    unknown = str(error)
found = [weights_of("acme/tiny-vl"), unknown, adapted]
print(json.dumps([*found, *(p.name for p in saved.iterdir())]))
"""


def test_policies_from_the_hub_come_with_the_files_that_other_tools_need(tiny_folders, tmp_path):
    repository = tmp_path / "hub" / "models--acme--tiny-vl"
    commit = "0" * 40
    shutil.copytree(tiny_folders["qwen2_5_vl"], repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    video = repository / "snapshots" / commit / "video_preprocessor_config.json"
    video.write_text(json.dumps({"fps": 2}))
    policy = loaded(tiny_folders["qwen2_5_vl"], lora=LoraOptions(rank=2))
    policy.base = "acme/tiny-vl"
    adapter = tmp_path / "hub" / "models--acme--adapter"
    save_policy(policy, adapter / "snapshots" / commit)
    (adapter / "refs").mkdir()
    (adapter / "refs" / "main").write_text(commit)
    own = {"HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    asked = [sys.executable, "-c", HUB, str(tmp_path / "saved")]
    run = subprocess.run(asked, env=os.environ | own, capture_output=True, text=True, timeout=3600)
    assert run.returncode == 0, run.stderr
    weights, unknown, adapted, *names = json.loads(run.stdout)
    assert (weights, adapted) == (commit, "acme/tiny-vl")
    assert unknown.startswith("acme/other: there is no such folder, and the hub cannot be reached")
    assert {"video_preprocessor_config.json", "preprocessor_config.json"} <= set(names)
    assert json.loads((tmp_path / "saved" / "video_preprocessor_config.json").read_text()) == {"fps": 2}
