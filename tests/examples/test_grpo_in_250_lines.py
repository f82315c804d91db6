"""The method in one file gives the numbers of the engine."""

from __future__ import annotations

import pytest
import torch
from example_runs import EXAMPLES

from vrft.config.questions import questions_of
from vrft.config.run_config import load_config
from vrft.run_folder import RunFolder
from vrft.types.plugins import module_at
from vrft.workflows.train import train_run

FILE = EXAMPLES / "grpo_in_250_lines.py"
SMALL = {"questions_per_step": 2, "group_size": 4, "max_new_tokens": 40, "dtype": "float64"}


@pytest.mark.parametrize(("steps", "updates"), [(4, 1), (2, 2)])
def test_every_step_is_the_engines(photos, tmp_path, steps, updates):
    example = module_at(str(FILE))
    settings = example.Settings(steps=steps, updates=updates, **SMALL)
    ours = example.train(photos, settings, shown=lambda line: None)

    changed = {
        "data.path": photos,
        "model.dtype": "float64",
        "rollout.group_size": settings.group_size,
        "rollout.max_new_tokens": settings.max_new_tokens,
        "optim.prompts_per_step": settings.questions_per_step,
        "optim.steps": steps,
        "grpo.updates": updates,
    }
    config = load_config(FILE.with_suffix(".yaml"), [f"{key}={value}" for key, value in changed.items()])
    engines: list[dict] = []
    train = questions_of(config).split.train
    train_run(config, RunFolder(tmp_path), train, [], progress=lambda step, of, row: engines.append(row))

    for name in ("reward", "loss", "kl", "grad_norm"):
        assert [row[name] for row in ours] == pytest.approx(
            [row[name] for row in engines], rel=1e-5, abs=1e-7
        )
    assert ours[-1]["grad_norm"] > 0.01 and ours[-1]["kl"] > 0


def test_the_configuration_next_to_it_is_that_of_its_settings():
    """What the test above changes, the file itself has as the example does."""
    usual, config = module_at(str(FILE)).Settings(), load_config(FILE.with_suffix(".yaml"))
    assert (usual.steps, usual.questions_per_step) == (config.optim.steps, config.optim.prompts_per_step)
    assert (usual.group_size, usual.max_new_tokens) == (
        config.rollout.group_size,
        config.rollout.max_new_tokens,
    )
    assert usual.updates == config.grpo.updates
    assert getattr(torch, usual.dtype) is torch.float32 and config.model.dtype in ("auto", "float32")


def test_it_is_as_short_as_its_name_says():
    assert len(FILE.read_text().splitlines()) <= 270
