"""Several processes train what one does, and one goes on where several were stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
import yaml
from safetensors.torch import load_file

from vrft.distributed import DistributedContext
from vrft.errors import RunError
from vrft.miniature.folders import write_detection
from vrft.training.checkpoint import check_together

SINGLE_PROCESS = [sys.executable, "-m", "vrft"]
TWO = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "-m", "vrft"]
CLOCKED = ("seconds", "peak", "sampled_tokens_a", "trained_tokens_a")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Settings under which processes have most to agree on: uneven parts, replaced and dropped groups."""
    root = tmp_path_factory.mktemp("shared")
    write_detection(root / "data", 0, heldout=8)
    tree = {
        "task": "detection",
        "model": {"path": "miniature", "dtype": "float64", "device": "cpu"},
        "data": {"path": str(root / "data"), "shots": 2, "val_max": 10, "near_duplicates": False},
        "form": "direct",
        "rollout": {"group_size": 3, "max_new_tokens": 30, "resample": 1},
        "grpo": {"only_signal": True, "updates": 2},
        "optim": {"learning_rate": 1e-4, "steps": 3, "prompts_per_step": 5, "micro_prompts": 2},
        "checks": {"validate_every": 2, "checkpoint_every": 1},
    }
    path = root / "config.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def arguments(verb, config, out):
    return [verb, str(config), f"out={out}"]


def run(command, **options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, **options)


def rows(folder, name="metrics.jsonl"):
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def same(one, other):
    """Two runs' metrics, answers and weights, but for what a clock or the memory says."""
    assert rows(one, "rollouts.jsonl") == rows(other, "rollouts.jsonl")
    for first, second in zip(rows(one), rows(other), strict=True):
        known = {key: value for key, value in first.items() if not key.startswith(CLOCKED)}
        terms = known.pop("terms", {})
        assert known == pytest.approx({key: second[key] for key in known}, rel=1e-6, abs=1e-9)
        assert terms == pytest.approx(second.get("terms", {}))
    weights, others = (load_file(folder / "model" / "model.safetensors") for folder in (one, other))
    assert all(torch.allclose(weights[name], others[name], atol=1e-7) for name in weights)


def test_two_processes_train_what_one_does_and_one_goes_on_where_two_were_stopped(config, tmp_path):
    whole = run([*SINGLE_PROCESS, *arguments("train", config, tmp_path / "one")])
    assert whole.returncode == 0, whole.stderr
    shared = run([*TWO, *arguments("train", config, tmp_path / "two")])
    assert shared.returncode == 0, shared.stderr
    assert shared.stdout.count("Best step") == 1
    same(tmp_path / "one", tmp_path / "two")
    assert json.loads((tmp_path / "two" / "run.json").read_text())["processes"] == 2

    cut = tmp_path / "cut"
    command = [*TWO, *arguments("train", config, cut)]
    going = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(cut.glob("checkpoints/step_*1/state.pt")):
        assert going.poll() is None, "it ended before it was stopped"
        time.sleep(0.05)
    going.send_signal(signal.SIGTERM)
    going.wait()
    assert not (cut / "done.json").exists()
    ended = run([*SINGLE_PROCESS, *arguments("train", config, cut), "--resume"])
    assert ended.returncode == 0, ended.stderr
    same(tmp_path / "one", cut)


def test_two_processes_fine_tune_as_one_does(config, tmp_path):
    for start, name in ((SINGLE_PROCESS, "one"), (TWO, "two")):
        ended = run([*start, *arguments("sft", config, tmp_path / name)])
        assert ended.returncode == 0, ended.stderr
    (tmp_path / "one" / "rollouts.jsonl").touch()
    (tmp_path / "two" / "rollouts.jsonl").touch()
    same(tmp_path / "one", tmp_path / "two")


def test_two_processes_fit_as_one_does(config, tmp_path):
    data = yaml.safe_load(config.read_text())["data"]["path"]
    short = ["--task", "detection", "--shots", "1", "--steps", "2", "--val-max", "4", "--eval-max", "10"]
    found = {}
    for start, name in ((SINGLE_PROCESS, "one"), (TWO, "two")):
        options = [*short, "--form", "direct", "--json", "--out", str(tmp_path / name)]
        ended = run([*start, "fit", data, *options, "optim.prompts_per_step=3"])
        assert ended.returncode == 0, ended.stderr
        found[name] = json.loads(ended.stdout)["tasks"]["detection"]
        assert (tmp_path / name / "report.html").exists()
    for system in ("base", "sft", "rft"):
        assert found["two"][system] == pytest.approx(found["one"][system], abs=1e-4), system
    trials, others = (json.loads((tmp_path / n / "fit.json").read_text())["trials"] for n in ("one", "two"))
    assert [t["validation"] for t in trials] == pytest.approx([t["validation"] for t in others], abs=1e-4)


def test_what_cannot_be_shared_is_refused(config, tmp_path):
    few = run([*TWO, *arguments("train", config, tmp_path / "few"), "optim.prompts_per_step=1"])
    assert few.returncode != 0 and "fewer than the 2 processes" in few.stderr
    story = run([*TWO, "demo", "--out", str(tmp_path / "demo")])
    assert story.returncode != 0 and "works in one process" in story.stderr
    assert not (tmp_path / "demo").exists()


def test_weights_that_have_come_apart_are_reported(monkeypatch):
    model = torch.nn.Linear(2, 2)
    monkeypatch.setattr(
        DistributedContext, "all_gather_object", lambda self, own: [*own, [value + 1e-9 for value in own[0]]]
    )
    with pytest.raises(RunError, match="come apart"):
        check_together(model, DistributedContext(0, 2))
    monkeypatch.setattr(DistributedContext, "all_gather_object", lambda self, own: [*own, *own])
    check_together(model, DistributedContext(0, 2))


@pytest.mark.parametrize("size", [0, 1, 5, 8])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_parts_are_the_whole_in_order(size, count):
    things = list(range(size))
    parts = [things[DistributedContext(index, count).shard_slice(size)] for index in range(count)]
    assert [thing for part in parts for thing in part] == things
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
