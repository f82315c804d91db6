"""The settings of the algorithm reach the step: on a tiny policy, for one or two steps."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from planted import plant_rewards, question
from safetensors.torch import load_file

from vrft.config.run_config import make_config
from vrft.rollout.shared_prompt.sampler import SharedPromptSampler
from vrft.run_folder import RunFolder
from vrft.training.advantages import ADVANTAGES
from vrft.training.batch import Batch
from vrft.training.grpo import GrpoOptions
from vrft.training.losses import LOSSES, StepSize
from vrft.training.train_step import step_size
from vrft.types import Answer, Completion, Example, Prompt, Rollout, RolloutGroup, Turn
from vrft.workflows.train import train_run


@pytest.fixture
def run(tiny_folders, images, tmp_path, monkeypatch):
    """Trains with some settings; returns the metrics, the weights before and after."""
    sizes = ((64, 48), (40, 64))
    examples = [question(path, wh, str(i)) for i, (path, wh) in enumerate(zip(images, sizes, strict=False))]

    def reward(rollout, names):
        length = len(rollout.completion.text)
        values = {name: (length * (place + 1)) % 5 / 4 for place, name in enumerate(names)}
        return values, sum(values.values())

    plant_rewards(monkeypatch, reward)

    def train(steps=1, rate=1e-3, model=None, optim=None, **grpo):
        tree = {
            "model": {"path": str(tiny_folders["qwen3_vl"]), "device": "cpu"} | (model or {}),
            "task": "detection",
            "data": {"path": "unused"},
            "form": "direct",
            "rollout": {"group_size": 4, "max_new_tokens": 5},
            "grpo": grpo,
            "optim": {"learning_rate": rate, "steps": steps, "prompts_per_step": 2, "micro_prompts": 1}
            | (optim or {}),
            "checks": {"validate_every": 0},
        }
        folder = RunFolder(tmp_path / str(len(list(tmp_path.iterdir()))))
        train_run(make_config(tree), folder, examples, [])
        files = (tiny_folders["qwen3_vl"], folder.path / "model")
        weights = [load_file(f / "model.safetensors") for f in files if (f / "model.safetensors").exists()]
        return [row for row in folder.rows("metrics.jsonl") if "loss" in row], *weights

    return train


def moved(before, after):
    return {key for key in before if not torch.equal(before[key], after[key])}


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_every_loss_trains_and_logs_its_statistics(run, loss):
    known = LOSSES[loss].model_fields
    options = {key: value for key, value in (("clip", 0.1), ("clip_high", 0.3)) if key in known}
    rows, before, after = run(loss={"name": loss, **options}, kl={"correction": True})
    assert moved(before, after)
    assert all(torch.isfinite(w).all() for w in after.values())
    assert rows[0]["clipped_low_share"] == rows[0]["clipped_high_share"] == 0
    assert rows[0]["ratio_mean"] == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("advantage", sorted(ADVANTAGES))
def test_every_advantage_trains(run, advantage):
    floor = {"std_floor": 0.01} if "std_floor" in ADVANTAGES[advantage].model_fields else {}
    assert moved(*run(advantage={"name": advantage, **floor})[1:])


@pytest.mark.parametrize(("updates", "ratio"), [(1, 1.0), (2, 1.1)])
def test_the_ratio_of_several_updates_is_to_the_sampled_log_probabilities(run, monkeypatch, updates, ratio):
    """Each value must meet its own token: any other would give a ratio far from the planted one."""
    honest = SharedPromptSampler.generate

    def lowered(*arguments, **named):
        return [
            [replace(s, logprobs=tuple(value - math.log(1.1) for value in s.logprobs)) for s in group]
            for group in honest(*arguments, **named)
        ]

    monkeypatch.setattr(SharedPromptSampler, "generate", lowered)
    rows, *_ = run(rate=1e-9, updates=updates)
    assert rows[0]["ratio_mean"] == pytest.approx(ratio, abs=2e-4)


def test_the_tokens_of_a_step_are_those_that_count():
    example = Example("a", "a", "detection", (), "?")
    said = [
        Completion("", (7,) * n, (0.0,) * n, finish_reason=reason)
        for n, reason in ((3, "stop"), (5, "length"))
    ]
    rollouts = tuple(Rollout(example, (Turn(Prompt(), one),), Answer()) for one in said)
    group = RolloutGroup(example, rollouts)
    left_out = replace(group, trained=False)
    batch = Batch((group, left_out, group), (0, 2), max_tokens=9)
    assert step_size(batch) == StepSize(4, 16, 9)
    assert step_size(batch, counts_truncated=False) == StepSize(4, 6, 9)


def test_answers_that_were_cut_off_are_left_out_where_that_is_asked_for(run):
    """A random policy does not end within five tokens: nothing is left to learn from, nor to be held to."""
    rows, before, after = run(steps=2, mask_truncated=True)
    assert all(row["truncated_share"] == 1 for row in rows)
    assert not moved(before, after)
    assert moved(*run(steps=2)[1:])


def test_the_upper_edge_is_clip_where_nothing_else_is_said():
    for options, edges in (({"clip": 0.1}, (0.9, 1.1)), ({"clip_high": 0.28}, (0.8, 1.28))):
        assert GrpoOptions(loss={"name": "dapo", **options}).loss.edges == pytest.approx(edges)


def test_the_shuffled_reward_control_reaches_the_step(run):
    """Other weights than those of true rewards, from the same rollouts and the same multiset of rewards."""
    (true,), _, straight = run()
    (control,), _, mixed = run(shuffle_rewards=True)
    assert control["reward"] == true["reward"] and control["terms"] == true["terms"]
    assert moved(straight, mixed)


def test_an_adapters_dropout_acts_while_it_learns_and_not_while_it_answers(run):
    settled = run(model={"lora": {"rank": 4, "alpha": 8}})[0][-1]
    assert settled["sampling_mismatch"] < 1e-4
    dropped = run(steps=2, model={"lora": {"rank": 4, "alpha": 8, "dropout": 0.5}})[0][-1]
    assert dropped["sampling_mismatch"] > 1e-4


@pytest.mark.parametrize("settings", [{"dtype": "float16"}, {"dtype": "bfloat16"}])
def test_half_precision_trains(run, settings):
    rows, before, after = run(steps=2, rate=1e-2, model=settings)
    assert all(math.isfinite(row["grad_norm"]) and row["grad_norm"] > 0 for row in rows)
    assert moved(before, after)


def test_checkpointed_activations_leave_the_same_weights(run):
    expected = run(steps=2, model={"dtype": "float64"})[2]
    found = run(steps=2, model={"dtype": "float64"}, optim={"activation_checkpointing": True})[2]
    assert all(torch.allclose(found[name], expected[name], atol=1e-7) for name in expected)
