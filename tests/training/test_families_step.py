"""One GRPO step of every family: the shared and the plain method give the same loss and gradient."""

from __future__ import annotations

import pytest
import torch
from planted import plant_rewards, question
from safetensors.torch import load_file

from architectures import FAMILY_NAMES
from vrft.config.run_config import make_config
from vrft.run_folder import RunFolder
from vrft.workflows.train import train_run


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_one_step_by_the_shared_and_the_plain_method(name, tiny_folders, images, tmp_path, monkeypatch):
    sizes = ((64, 48), (40, 64))
    examples = [question(path, wh, str(i)) for i, (path, wh) in enumerate(zip(images, sizes, strict=False))]
    plant_rewards(
        monkeypatch, lambda r, names: (dict.fromkeys(names, 0.5), float(len(r.completion.text) % 5))
    )
    before = load_file(tiny_folders[name] / "model.safetensors")
    rows = {}
    for method in ("shared", "plain"):
        tree = {
            "task": "detection",
            "model": {"path": str(tiny_folders[name]), "device": "cpu", "dtype": "float64"},
            "data": {"path": "unused"},
            "form": "direct",
            "rollout": {"group_size": 4, "max_new_tokens": 5},
            "grpo": {"logprob_method": method},
            "optim": {"learning_rate": 1e-3, "steps": 1, "prompts_per_step": 2},
            "checks": {"validate_every": 0},
        }
        folder = RunFolder(tmp_path / method)
        train_run(make_config(tree), folder, examples, [])
        (rows[method],) = [row for row in folder.rows("metrics.jsonl") if "loss" in row]
        parity = folder.read_json("run.json")["parity"]
        assert parity["method"] == method and max(parity["differences"].values()) < 1e-6
        after = load_file(folder.path / "model" / "model.safetensors")
        moved = {key for key in before if not torch.equal(before[key].double(), after[key].double())}
        assert moved
        assert not [key for key in moved if "vision" in key or "visual" in key]
    assert rows["shared"]["grad_norm"] > 0
    for key in ("loss", "grad_norm", "kl"):
        assert rows["shared"][key] == pytest.approx(rows["plain"][key], rel=1e-5, abs=1e-9), key
