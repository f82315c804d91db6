"""Adapters written by hand, tensor by tensor, and the model that each means by plain arithmetic."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

PROJECTIONS = ("q_proj", "v_proj", "up_proj")
RANK, ALPHA = 2, 8
TODAY, OLD = "base_model.model.model.language_model.layers", "base_model.model.model.layers"
"""Before and since transformers 4.52."""


def write_photos(folder):
    """Four images of noise with a box each, as COCO has them."""
    folder.mkdir(parents=True)
    rng, names = np.random.default_rng(0), [f"{number}.png" for number in range(4)]
    for name in names:
        Image.fromarray(rng.integers(0, 255, (48, 48, 3), dtype=np.uint8)).save(folder / name)
    labels = {
        "images": [{"id": i, "file_name": name, "width": 48, "height": 48} for i, name in enumerate(names)],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "bbox": [4 + i, 4, 20, 20]} for i in range(4)
        ],
        "categories": [{"id": 1, "name": "seven"}],
    }
    (folder / "instances.json").write_text(json.dumps(labels))
    return folder


def text_weights(weights):
    """The weights that an adapter goes to, by 'layer.block.projection'; and their names."""
    found = {}
    for key, value in weights.items():
        name = re.search(r"layers\.(\d+\.\w+\.(\w+_proj))\.weight$", key)
        if name and name[2] in PROJECTIONS and "visual" not in key and "vision" not in key:
            found[name[1]] = (key, value)
    return found


def factors(base, seed, std=0.3):
    """Random A and B by 'layer.block.projection'."""
    rng = np.random.default_rng(seed)
    return {
        name: tuple(
            torch.from_numpy(rng.normal(0, std, shape).astype(np.float32))
            for shape in ((RANK, value.shape[1]), (value.shape[0], RANK))
        )
        for name, (_, value) in text_weights(load_file(base / "model.safetensors")).items()
    }


def write_adapter(folder, base, pairs, prefix=TODAY, **settings):
    """An adapter as peft writes it, under names with some prefix."""
    folder.mkdir(parents=True)
    tensors = {}
    for name, (a, b) in pairs.items():
        tensors[f"{prefix}.{name}.lora_A.weight"] = a.contiguous()
        tensors[f"{prefix}.{name}.lora_B.weight"] = b.contiguous()
    save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    plain = {
        "peft_type": "LORA",
        "r": RANK,
        "lora_alpha": ALPHA,
        "target_modules": list(PROJECTIONS),
        "base_model_name_or_path": None if base is None else str(base),
        "bias": "none",
        "task_type": None,
    }
    (folder / "adapter_config.json").write_text(json.dumps(plain | settings))
    return folder


def merged(folder, base, *several):
    """The whole model that adapters on a base mean, weight by weight."""
    shutil.copytree(base, folder)
    whole = load_file(base / "model.safetensors")
    text = text_weights(whole)
    for pairs in several:
        for name, (a, b) in pairs.items():
            key = text[name][0]
            whole[key] = whole[key] + ALPHA / RANK * (b @ a)
    save_file(whole, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def saved_pairs(folder):
    """A and B of a saved adapter, by 'layer.block.projection'."""
    found = {}
    for key, value in load_file(folder / "adapter_model.safetensors").items():
        name = re.search(r"layers\.(\d+\.\w+\.\w+)\.lora_([AB])\.weight$", key)
        found.setdefault(name[1], {})[name[2]] = value
    return {name: (pair["A"], pair["B"]) for name, pair in found.items()}


def text_of(policy):
    return {name: value for name, (_, value) in text_weights(dict(policy.core.named_parameters())).items()}


def means(policy, base, *several, folder):
    """Whether a policy's weights are those of a base and adapters, by arithmetic."""
    expected = text_weights(load_file(merged(folder, base, *several) / "model.safetensors"))
    own = text_of(policy)
    return own.keys() == expected.keys() and all(
        torch.allclose(own[name], expected[name][1], atol=1e-6) for name in own
    )


def changed(folder, **settings):
    """The same adapter with other settings."""
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))
    return folder


def rewritten(folder, change):
    """The same adapter with other tensors."""
    file = folder / "adapter_model.safetensors"
    save_file(change(load_file(file)), file, metadata={"format": "pt"})
    return folder
