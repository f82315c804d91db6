"""One GRPO step of every family: the shared and the plain path give the same loss and gradient."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file

from architectures import FAMILY_NAMES
from vrft.config.run_config import make_config
from vrft.run_folder import RunFolder
from vrft.tasks.scorer import Score, Scorer
from vrft.training.train import train_run
from vrft.types import Answer, BoxesTarget, Example


@pytest.mark.parametrize("name", FAMILY_NAMES)
def test_one_step_in_the_shared_and_the_plain_path(name, tiny_folders, pictures, tmp_path, monkeypatch):
    sizes = ((64, 48), (40, 64))
    target = BoxesTarget(((4.0, 4.0, 30.0, 30.0),))
    examples = [
        Example(f"{i}#seven", str(i), path, wh, "detection", "seven", target)
        for i, (path, wh) in enumerate(zip(pictures, sizes, strict=False))
    ]
    monkeypatch.setattr(Scorer, "score", lambda self, text, example, view, **_: Score(
        Answer(True, True, text=text), dict.fromkeys(self.terms, 0.5), float(len(text) % 5)
    ))  # fmt: skip
    before = load_file(tiny_folders[name] / "model.safetensors")
    rows = {}
    for path in ("shared", "plain"):
        tree = {
            "model": {"path": str(tiny_folders[name]), "device": "cpu", "dtype": "float64"},
            "data": {"path": "unused"},
            "prompt": {"form": "direct"},
            "rollout": {"group_size": 4, "max_new_tokens": 5},
            "grpo": {"path": path, "beta": 0.04},
            "optim": {"learning_rate": 1e-3, "steps": 1, "prompts_per_step": 2},
            "checks": {"validate_every": 0},
        }
        folder = RunFolder(tmp_path / path)
        train_run(make_config(tree), folder, examples, [])
        (rows[path],) = [row for row in folder.rows("metrics.jsonl") if "loss" in row]
        parity = folder.read_json("run.json")["parity"]
        assert parity["path"] == path and max(parity["differences"].values()) < 1e-6
        after = load_file(folder.path / "model" / "model.safetensors")
        moved = {key for key in before if not torch.equal(before[key].double(), after[key].double())}
        assert moved
        assert not [key for key in moved if "vision" in key or "visual" in key]
    assert rows["shared"]["grad_norm"] > 0
    for key in ("loss", "grad_norm", "kl"):
        assert rows["shared"][key] == pytest.approx(rows["plain"][key], rel=1e-5, abs=1e-9), key
