"""Runs: resumed ones end bit for bit where uninterrupted ones end; both kinds leave the same folder."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from vrft.config.run_config import make_config
from vrft.errors import ConfigError, RunError
from vrft.run_folder import RunFolder
from vrft.tasks.scorer import Score, Scorer
from vrft.training import groups, losses
from vrft.training.train import train_run
from vrft.types import Answer, BoxesTarget, Example


@pytest.fixture
def examples(tmp_path):
    rng = np.random.default_rng(0)
    found = []
    for index in range(5):
        path = tmp_path / f"{index}.png"
        Image.fromarray(rng.integers(0, 255, (48, 48, 3), dtype=np.uint8)).save(path)
        target = BoxesTarget(((4.0, 4.0, 30.0, 30.0),))
        found.append(Example(f"{index}#seven", str(index), path, (48, 48), "detection", "seven", target))
    return found


def config_of(kind, model, **changes):
    tree = {
        "kind": kind,
        "task": "detection",
        "model": {"path": str(model), "device": "cpu"},
        "data": {"path": "unused"},
        "prompt": {"form": "direct"},
        "rollout": {"group_size": 4, "max_new_tokens": 6},
        "optim": {"learning_rate": 1e-3, "steps": 5, "prompts_per_step": 3, "micro_prompts": 2},
        "checks": {"validate_every": 2, "checkpoint_every": 2},
    }
    for key, value in changes.items():
        section, _, leaf = key.partition("__")
        tree[section] = {**tree.get(section, {}), leaf: value}
    return make_config(tree)


@pytest.fixture
def graded(monkeypatch):
    """A reward that a random policy can earn: longer answers are better; no group is without signal."""
    monkeypatch.setattr(Scorer, "score", lambda self, text, example, view, **_: Score(
        Answer(True, True, text=text), dict.fromkeys(self.terms, 0.5), float(len(text) % 7)
    ))  # fmt: skip


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.mark.parametrize("chance", [0.0, 0.7])
@pytest.mark.parametrize("kind", ["rft", "sft"])
def test_resumed_equals_uninterrupted(kind, chance, tiny_folders, examples, tmp_path, graded):
    augment = {f"augment__{name}": chance for name in ("flip", "crop", "colour")}
    config = config_of(kind, tiny_folders["qwen3_vl"], **augment)
    train, val = examples[:4], examples[4:]
    whole = RunFolder(tmp_path / "whole")
    train_run(config, whole, train, val)
    cut = RunFolder(tmp_path / "cut")

    def kill(step, steps, row):
        if step == 4:
            raise Killed

    with pytest.raises(Killed):
        train_run(config, cut, train, val, progress=kill)
    assert not cut.done
    train_run(config, cut, train, val, resume=True)
    first, second = weights(whole.path), weights(cut.path)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[k], second[k]) for k in first)

    def without_time(rows):
        clocked = ("seconds", "peak", "sampled_tokens_a", "trained_tokens_a")
        return [{k: v for k, v in row.items() if not k.startswith(clocked)} for row in rows]

    assert without_time(whole.rows("metrics.jsonl")) == without_time(cut.rows("metrics.jsonl"))
    steps = [row["step"] for row in cut.rows("metrics.jsonl") if "loss" in row]
    assert steps == [1, 2, 3, 4, 5]


def test_both_kinds_leave_the_same_kind_of_folder(tiny_folders, examples, tmp_path, graded):
    contents = {}
    for kind in ("rft", "sft"):
        folder = RunFolder(tmp_path / kind)
        train_run(config_of(kind, tiny_folders["qwen3_vl"]), folder, examples[:4], examples[4:])
        contents[kind] = {p.name for p in folder.path.iterdir()}
        assert folder.read_json("run.json")["parity"]["logprob_max_abs_diff"] < 1e-3
        assert folder.done
    assert contents["rft"] - {"rollouts.jsonl"} == contents["sft"]


def test_micro_batches_leave_the_same_weights(tiny_folders, examples, tmp_path, graded):
    found = []
    for size in (0, 1):
        folder = RunFolder(tmp_path / str(size))
        config = config_of("rft", tiny_folders["qwen3_vl"], optim__micro_prompts=size, model__dtype="float64")
        train_run(config, folder, examples[:4], [])
        found.append(weights(folder.path))
    for key in found[0]:
        assert torch.allclose(found[0][key], found[1][key], atol=1e-7)


def test_a_group_without_spread_changes_nothing_without_kl(tiny_folders, examples, tmp_path, monkeypatch):
    monkeypatch.setattr(Scorer, "score", lambda self, text, example, view, **_: Score(
        Answer(True, True, text=text), dict.fromkeys(self.terms, 1.0), 3.0
    ))  # fmt: skip
    folder = RunFolder(tmp_path / "flat")
    train_run(config_of("rft", tiny_folders["qwen3_vl"], grpo__beta=0.0), folder, examples[:4], [])
    before = load_file(tiny_folders["qwen3_vl"] / "model.safetensors")
    after = weights(folder.path)
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert all(row["signal_share"] == 0 for row in folder.rows("metrics.jsonl"))


def test_a_run_is_never_overwritten(tiny_folders, examples, tmp_path, graded):
    config = config_of("sft", tiny_folders["qwen3_vl"], optim__steps=1)
    train_run(config, RunFolder(tmp_path / "run"), examples[:2], [])
    with pytest.raises(RunError, match="--resume"):
        train_run(config, RunFolder(tmp_path / "run"), examples[:2], [])


def test_a_folder_in_which_another_process_trains_is_left_alone(tiny_folders, examples, tmp_path, graded):
    config = config_of("sft", tiny_folders["qwen3_vl"], optim__steps=1)
    folder = RunFolder(tmp_path / "run")
    with folder.held(), pytest.raises(RunError, match="another process"):
        train_run(config, folder, examples[:2], [])
    assert [path.name for path in folder.path.iterdir()] in ([], [".lock"])
    assert train_run(config, folder, examples[:2], []).steps == 1


def test_unknown_reward_setting_is_told_before_anything_is_loaded(examples, tmp_path):
    config = config_of("rft", tmp_path / "no such model", reward__setting="generous")
    with pytest.raises(ConfigError, match="generous"):
        train_run(config, RunFolder(tmp_path / "run"), examples[:2], [])


def broken_reward(answer, target):
    return math.nan if len(answer.text) % 2 else 1 / 0


def test_a_users_broken_reward_costs_those_rollouts_and_never_the_run(tiny_folders, examples, tmp_path):
    name = f"{__name__}:broken_reward"
    folder = RunFolder(tmp_path / "run")
    config = config_of("rft", tiny_folders["qwen3_vl"], reward__custom={name: 2.0}, optim__steps=2)
    train_run(config, folder, examples[:4], [])
    rows = folder.rows("metrics.jsonl")
    assert [row["reward_failures"] for row in rows] == [12, 12]  # 3 prompts, 4 answers each
    assert all(row["terms"][name] == 0 for row in rows)
    failures = folder.rows("reward_failures.jsonl")
    assert len(failures) == 24 and {row["term"] for row in failures} == {name}
    for row in failures:
        assert row["problem"].startswith("returned nan" if len(row["text"]) % 2 else "ZeroDivisionError")
    assert all(torch.isfinite(w).all() for w in weights(folder.path).values())


def test_permuted_rewards_keep_each_groups_rewards(tiny_folders, examples, tmp_path, graded, monkeypatch):
    seen = []
    honest = groups.permuted

    def told(orders, seed):
        seen.append((orders, honest(orders, seed)))
        return seen[-1][1]

    monkeypatch.setattr(groups, "permuted", told)
    folder = RunFolder(tmp_path / "control")
    train_run(config_of("rft", tiny_folders["qwen3_vl"], reward__permute=True), folder, examples[:4], [])
    assert len(seen) == 5
    assert all(sorted(a) == sorted(b) for before, after in seen for a, b in zip(before, after, strict=True))
    assert any(a != b for before, after in seen for a, b in zip(before, after, strict=True))


def test_inner_updates_use_the_same_answers_and_move_the_ratio(tiny_folders, examples, tmp_path, graded):
    folder = RunFolder(tmp_path / "inner")
    wide = {"optim__steps": 2, "model__dtype": "float64"}
    config = config_of("rft", tiny_folders["qwen3_vl"], grpo__updates=3, **wide)
    train_run(config, folder, examples[:4], [])
    rows = folder.rows("metrics.jsonl")
    assert [row["step"] for row in rows] == [1, 2]
    assert all(row["sampling_mismatch"] > 1e-6 for row in rows)  # the last update's weights have moved
    once = RunFolder(tmp_path / "once")
    config = config_of("rft", tiny_folders["qwen3_vl"], **wide)
    train_run(config, once, examples[:4], [])
    assert all(row["sampling_mismatch"] < 1e-6 for row in once.rows("metrics.jsonl"))
    first, second = weights(folder.path), weights(once.path)
    assert any(not torch.equal(first[k], second[k]) for k in first)


def test_gradients_that_are_not_finite_are_skipped_saved_and_end_the_run(
    tiny_folders, examples, tmp_path, graded, monkeypatch
):
    monkeypatch.setitem(losses.LOSSES, "grpo", broken_loss)
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(RunError, match="3 steps in a row"):
        train_run(config_of("rft", tiny_folders["qwen3_vl"]), folder, examples[:4], [])
    rows = folder.rows("metrics.jsonl")
    assert [row.get("skipped") for row in rows] == [True] * 3
    saved = sorted((folder.path / "not_finite").iterdir())
    assert [p.name for p in saved] == [f"step_00000{n}.json" for n in (1, 2, 3)]
    assert all(len(group["answers"]) == 4 for group in json.loads(saved[0].read_text()))


def broken_loss(logprobs, *rest):
    loss = losses.grpo(logprobs, *rest)
    return replace(loss, value=loss.value * math.nan)
