"""A fake server, and trainings that ask it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_vllm import FakeVllm

from training.planted import plant_rewards, question
from vrft.config.run_config import make_config
from vrft.run_folder import RunFolder
from vrft.workflows.train import train_run


@pytest.fixture
def serve(tiny_folders, tmp_path):
    running = []

    def start(folder=None, **options):
        running.append(FakeVllm(folder or tiny_folders["qwen3_vl"], tmp_path, **options))
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.fixture
def train(tiny_folders, images, tmp_path, monkeypatch):
    """Trains with a sampler on two images, or on three; gives the rows and the run's folder."""
    sizes = ((64, 48), (40, 64), (56, 56))
    examples = [question(path, wh, str(i)) for i, (path, wh) in enumerate(zip(images, sizes, strict=False))]

    def reward(rollout, names):
        return dict.fromkeys(names, 0.0), len(rollout.completion.text) % 5 / 4

    plant_rewards(monkeypatch, reward)

    def run(
        url,
        steps=2,
        model=None,
        val=(),
        out="run",
        count=2,
        resume=False,
        rollout=None,
        optim=None,
        **changes,
    ):
        tree = {
            "model": {
                "path": str(tiny_folders["qwen3_vl"]),
                "device": "cpu",
                "dtype": "float32",
                **(model or {}),
            },
            "task": "detection",
            "data": {"path": "unused"},
            "form": "direct",
            "rollout": {
                "group_size": 4,
                "max_new_tokens": 5,
                "sampler": "vllm",
                "url": url,
                **(rollout or {}),
            },
            "optim": {
                "learning_rate": 1e-2,
                "schedule": "constant",
                "steps": steps,
                "prompts_per_step": 2,
                **(optim or {}),
            },
            "checks": {"validate_every": 1},
            "out": str(tmp_path / out),
            **changes,
        }
        folder = RunFolder(Path(tree["out"]))
        train_run(make_config(tree), folder, examples[:count], examples[:count] if val else [], resume=resume)
        return [row for row in folder.rows("metrics.jsonl") if "loss" in row], folder

    return run
