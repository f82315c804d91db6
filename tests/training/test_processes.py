"""Several processes train what one does, and one goes on where several were stopped."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file

from launch import ONE_THREAD, TWO, in_two_processes, started, vrft
from served.fake_vllm import FakeVllm
from vrft.config.run_config import make_config
from vrft.distributed import DistributedContext
from vrft.errors import ConfigError, RunError
from vrft.miniature.folders import write_detection
from vrft.training.checkpoint import check_together
from vrft.training.loggers.logger import scalars
from vrft.training.sharding import copies
from vrft.types.rows import group_from_row

SHARDED, KILLED = (Path(__file__).with_name(f"{name}.py") for name in ("sharded", "killed"))
DIVIDED = ("all weights", "LoRA, checkpointed", "vision tower")
"""Its settings."""
CLOCKED = ("seconds", "peak", "sampled_tokens_a", "trained_tokens_a")


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Settings under which processes have most to agree on: uneven parts, replaced and dropped groups."""
    root = tmp_path_factory.mktemp("shared")
    write_detection(root / "data", 0, heldout=8)
    tree = {
        "task": "detection",
        "model": {"path": "miniature", "dtype": "float64", "device": "cpu"},
        "data": {
            "path": str(root / "data"),
            "shots": 2,
            "val_max": 10,
            "near_duplicates": False,
            "select": {"name": "variance", "samples": 4},
        },
        "form": "direct",
        "rollout": {"group_size": 3, "max_new_tokens": 30, "resample": 1},
        "grpo": {"only_signal": True, "updates": 2},
        "optim": {"learning_rate": 1e-4, "steps": 3, "prompts_per_step": 5, "micro_prompts": 2},
        "checks": {"validate_every": 2, "checkpoint_every": 1},
    }
    path = root / "config.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def mixed(config):
    """The same settings for two tasks on the same images, with what remembers."""
    tree = yaml.safe_load(config.read_text())
    data = tree.pop("data") | {"val_max": 4}
    tree["tasks"] = [
        {"task": tree.pop("task"), "data": data, "weight": 2.0},
        {"task": "counting", "data": data},
    ]
    tree["grpo"]["advantage"] = "ema_normalized"
    tree["optim"]["steps"], tree["checks"]["validate_every"] = 2, 2
    path = config.with_name("mixed.yaml")
    path.write_text(yaml.safe_dump(tree))
    return path


@pytest.fixture(scope="module")
def drawn_ahead(config):
    """Settings of a run whose answers a server draws a step before they are trained on."""
    tree = yaml.safe_load(config.read_text())
    del tree["data"]["select"], tree["rollout"]["resample"]
    server = FakeVllm("miniature", config.parent)
    tree["model"]["lora"] = {"rank": 2}
    tree["rollout"] |= {"sampler": "vllm", "url": server.url, "overlap": True, "max_new_tokens": 12}
    tree["optim"]["learning_rate"] = 1e-3
    path = config.with_name("drawn_ahead.yaml")
    path.write_text(yaml.safe_dump(tree))
    yield path
    server.close()


@pytest.fixture(scope="module")
def data(config):
    return yaml.safe_load(config.read_text())["data"]["path"]


@pytest.fixture(scope="module")
def commands(config, drawn_ahead, data):
    """What two processes are asked to do, by a name that is also the folder of what comes out."""
    fit = ("fit", data, "--task", "detection", "--form", "direct", "--shots", 1, "--steps", 2, "--val-max", 4,
           "--eval-max", 10, "optim.prompts_per_step=3", "rollout.group_size=2", "--json")  # fmt: skip
    asked = ("eval", "miniature", data, "--task", "detection", "--form", "direct", "--part", "all",
             "--eval-max", 130, "--samples", 2, "--json")  # fmt: skip
    return {
        "train": ("train", config, "out=train"),
        "mixed": ("train", mixed(config), "out=mixed", "--no-check"),
        "ahead": ("train", drawn_ahead, "out=ahead"),
        "sft": ("sft", config, "out=sft"),
        "fit": (*fit, "--out", "fit"),
        "eval": (*asked, "--out", "eval"),
        "shard": ("train", config, "out=shard", "optim.shard=true", "--resume"),
        "few": ("train", config, "out=few", "optim.prompts_per_step=1"),
        "demo": ("demo", "--out", "demo"),
    }


@pytest.fixture(scope="module")
def alone(commands, tmp_path_factory):
    """The folder of a run in one process."""
    folder = tmp_path_factory.mktemp("one")
    one("train", commands, folder)
    return folder / "train"


@pytest.fixture(scope="module")
def two(commands, alone, tmp_path_factory):
    """The folder of two processes, and how each command ended in them."""
    folder = tmp_path_factory.mktemp("two")
    begun(alone, folder / "shard")
    asked = {**commands, "weights": (SHARDED, folder, "; ".join(DIVIDED[:2]), 1)}
    return folder, dict(zip(asked, in_two_processes(asked.values(), folder), strict=True))


def begun(run, folder):
    """The same run as it was before its last step."""
    shutil.copytree(run, folder)
    shutil.rmtree(max((folder / "checkpoints").glob("step_*")))
    shutil.rmtree(folder / "model")
    (folder / "done.json").unlink()


def one(name, commands, folder, *more):
    """The same command in one process."""
    folder.mkdir(exist_ok=True)
    ended = vrft(*commands[name], *more, cwd=folder)
    assert ended.returncode == 0, ended.stderr
    return ended


def rows(folder, name="metrics.jsonl"):
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def same(one, other, but=CLOCKED):
    """Two runs' metrics, answers and weights, but for what a clock or the memory says."""
    assert rows(one, "rollouts.jsonl") == rows(other, "rollouts.jsonl")
    for first, second in zip(rows(one), rows(other), strict=True):
        first, second = (scalars(row) for row in (first, second))
        known = {key: value for key, value in first.items() if not key.startswith(but)}
        assert known == pytest.approx({key: second[key] for key in known}, rel=1e-6, abs=1e-9)
    files = [next((folder / "model").glob("*model.safetensors")) for folder in (one, other)]
    weights, others = map(load_file, files)
    assert weights.keys() == others.keys()
    assert all(torch.allclose(weights[name], others[name], atol=1e-7) for name in weights)


def test_two_processes_train_what_one_does_and_one_goes_on_where_two_were_stopped(
    commands, alone, two, tmp_path
):
    folder, ended = two
    assert [process.returncode for process in ended["train"]] == [0, 0], ended["train"]
    assert [process.stdout.count("Best step") for process in ended["train"]] == [1, 0]
    same(alone, folder / "train")
    assert json.loads((folder / "train" / "run.json").read_text())["processes"] == 2

    cut = tmp_path / "cut"
    cut.mkdir()
    going = started(*commands["train"], cwd=cut, launch=TWO)
    while not list(cut.glob("train/checkpoints/step_*1/state.pt")):
        assert going.poll() is None, "it ended before it was stopped"
        time.sleep(0.02)
    going.send_signal(signal.SIGTERM)
    going.wait()
    assert not (cut / "train" / "done.json").exists()
    resumed = vrft(*commands["train"], "--resume", cwd=cut)
    assert resumed.returncode == 0, resumed.stderr
    assert re.search(r"goes on after step [12] of 3: epoch \d+, question \d+ of \d+\.", resumed.stderr)
    same(alone, cut / "train")


def test_processes_that_share_the_weights_go_on_as_the_one_that_began(alone, two):
    folder, ended = two
    assert [process.returncode for process in ended["shard"]] == [0, 0], ended["shard"]
    same(alone, folder / "shard")


def test_gradients_on_divided_weights_are_those_on_whole_ones(two):
    folder, ended = two
    assert [process.returncode for process in ended["weights"]] == [0, 0], ended["weights"]
    as_on_whole_weights(json.loads((folder / "sharded.json").read_text()), DIVIDED[:2])


@pytest.mark.slow
def test_four_processes_hold_two_whole_policies_together(tmp_path):
    command = [*TWO[:-1], "4", SHARDED, tmp_path, "; ".join(DIVIDED), "2"]
    done = subprocess.run(list(map(str, command)), env=ONE_THREAD, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    as_on_whole_weights(json.loads((tmp_path / "sharded.json").read_text()), DIVIDED)


def as_on_whole_weights(result, settings):
    """What ``sharded.py`` found."""
    said = result.pop("refused")
    assert "'shared'" in said and "divided weights (KeyError" in said and "grpo.logprob_method" in said
    assert result.keys() == set(settings)
    for name, found in result.items():
        bound = 1e-6 if name == "vision tower" else 1e-12
        assert max(found["gradients"].values()) < bound and len(found["gradients"]) == 3, name
        assert all(found["answers"]) and len(found["answers"]) == 2 * 8
        assert max(found["norm"], found["reference"], found["policy"]) < 1e-9, name
        assert max(found["held"], found["moments"]) < 0.55


VARIANTS = {
    "all_weights": (),
    "lora": ("model.lora={rank: 4}", "optim.activation_checkpointing=true", "grpo.updates=1"),
    "one_token": ("rollout.max_new_tokens=1", "grpo.only_signal=false"),
    "vision_tower": ("model.train_vision=true", "optim.steps=2"),
    "packed": ("grpo.logprob_method=packed", "optim.steps=2"),
    "plain": ("grpo.logprob_method=plain", "optim.steps=2"),
    "plain_sampler": ("rollout.sampler=plain", "optim.steps=2"),
}


@pytest.mark.slow
def test_every_way_to_learn_is_the_same_on_divided_weights(config, tmp_path):
    runs = {
        f"{name}{mark}": ("train", config, f"out={name}{mark}", f"optim.shard={shard}", *changes)
        for name, changes in VARIANTS.items()
        for mark, shard in (("", "false"), ("_shard", "true"))
    }
    for name, both in zip(runs, in_two_processes(runs.values(), tmp_path), strict=True):
        assert [process.returncode for process in both] == [0, 0], (name, both)
    for name in VARIANTS:
        same(tmp_path / name, tmp_path / f"{name}_shard")
    # One goes on where those were that share the weights.
    begun(tmp_path / "all_weights_shard", tmp_path / "on" / "all_weights_shard")
    one("all_weights_shard", runs, tmp_path / "on", "--resume")
    same(tmp_path / "all_weights", tmp_path / "on" / "all_weights_shard")


@pytest.mark.slow
def test_two_processes_that_were_killed_go_on_with_the_questions_that_follow(config, tmp_path):
    """Inside the second epoch of seven questions, and exactly at its end with divided weights."""
    own = (config, "data.shots=1", "data.select=null", "rollout.resample=0", "rollout.max_new_tokens=12",
           "grpo.only_signal=false", "optim.steps=8", "optim.prompts_per_step=2", "checks.validate_every=0",
           "--no-check")  # fmt: skip
    kills = {5: ("out=inside",), 7: ("out=at_its_end", "optim.shard=true")}
    runs = [("train", *own, "out=whole")]
    for done, further in kills.items():
        runs += [(KILLED, done, *own, *further), ("train", *own, *further, "--resume")]
    _, cut, resumed, *ended = in_two_processes(runs, tmp_path)
    for (done, further), (first, second), place in zip(
        kills.items(), (resumed, ended[1]), ("epoch 2, question 4", "epoch 3, question 1"), strict=True
    ):
        assert (first.returncode, second.returncode) == (0, 0), (first, second)
        assert f"goes on after step {done} of 8: {place} of 7." in first.stderr, first.stderr
        assert "goes on" not in second.stderr
        same(tmp_path / "whole", tmp_path / further[0].removeprefix("out="))
    assert [process.returncode for both in (cut, ended[0]) for process in both] == [0] * 4
    asked = [group_from_row(row)[1].example.id for row in rows(tmp_path / "whole", "rollouts.jsonl")]
    assert sorted(asked[:7]) == sorted(asked[7:14]) and len(set(asked[:7])) == 7


@pytest.mark.slow
def test_two_processes_that_share_the_weights_fine_tune_as_one_does(config, tmp_path):
    runs = [
        ("sft", config, f"out={name}", f"optim.shard={shard}")
        for name, shard in (("whole", "false"), ("divided", "true"))
    ]
    for both in in_two_processes(runs, tmp_path):
        assert [process.returncode for process in both] == [0, 0], both
    for name in ("whole", "divided"):
        (tmp_path / name / "rollouts.jsonl").touch()
    same(tmp_path / "whole", tmp_path / "divided")


def test_two_processes_fine_tune_as_one_does(commands, two, tmp_path):
    folder, ended = two
    assert [process.returncode for process in ended["sft"]] == [0, 0], ended["sft"]
    one("sft", commands, tmp_path)
    (tmp_path / "sft" / "rollouts.jsonl").touch()
    (folder / "sft" / "rollouts.jsonl").touch()
    same(tmp_path / "sft", folder / "sft")


def test_two_processes_train_several_tasks_as_one_does(commands, two, tmp_path):
    folder, ended = two
    assert [process.returncode for process in ended["mixed"]] == [0, 0], ended["mixed"]
    one("mixed", commands, tmp_path)
    same(tmp_path / "mixed", folder / "mixed")


def test_two_processes_draw_ahead_as_one_does(commands, two, tmp_path):
    """Each compares groups of its own with what the server said of them."""
    folder, ended = two
    assert [process.returncode for process in ended["ahead"]] == [0, 0], ended["ahead"]
    one("ahead", commands, tmp_path)
    same(tmp_path / "ahead", folder / "ahead", (*CLOCKED, "sampling_mismatch"))
    assert [row["staleness"] for row in rows(folder / "ahead") if "loss" in row] == [0, 2, 2]


def test_two_processes_fit_as_one_does(commands, two, tmp_path):
    folder, (first, second) = two[0], two[1]["fit"]
    assert (first.returncode, second.returncode) == (0, 0), (first, second)
    assert not second.stdout
    found = json.loads(first.stdout)["tasks"]["detection"]
    alone = json.loads(one("fit", commands, tmp_path).stdout)["tasks"]["detection"]
    for system in ("base", "sft", "rft"):
        assert found[system] == pytest.approx(alone[system], abs=1e-4), system
    for place in (folder, tmp_path):
        assert (place / "fit" / "report.html").exists()
    trials, others = (json.loads((p / "fit" / "fit.json").read_text())["trials"] for p in (folder, tmp_path))
    assert [t["validation"] for t in trials] == pytest.approx([t["validation"] for t in others], abs=1e-4)


def test_two_processes_give_the_answers_file_of_one(commands, two, tmp_path):
    folder, (first, second) = two[0], two[1]["eval"]
    assert (first.returncode, second.returncode) == (0, 0), (first, second)
    assert json.loads(first.stdout)["n"] > 64
    one("eval", commands, tmp_path)
    files = (place / "eval" / "predictions.jsonl" for place in (folder, tmp_path))
    assert len({file.read_bytes() for file in files}) == 1


def test_what_cannot_be_shared_is_refused(two):
    folder, ended = two
    for process in ended["few"]:
        assert process.returncode == 2 and "fewer than the 2 processes" in process.stderr
    for process in ended["demo"]:
        assert process.returncode == 2 and "runs in one process" in process.stderr
    assert not (folder / "demo").exists()


def test_weights_that_have_come_apart_are_reported(monkeypatch):
    model = torch.nn.Linear(2, 2)
    monkeypatch.setattr(
        DistributedContext, "all_gather_object", lambda self, own: [*own, [value + 1e-9 for value in own[0]]]
    )
    with pytest.raises(RunError, match="weights differ between the 2 processes"):
        check_together(model, DistributedContext(0, 2))
    monkeypatch.setattr(DistributedContext, "all_gather_object", lambda self, own: [*own, *own])
    check_together(model, DistributedContext(0, 2))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model", {"bits": 4, "lora": {"rank": 4}}),
        ("optim", {"activation_offload": True}),
        ("grpo", {"consistency": {}}),
    ],
)
def test_what_does_not_go_together_with_divided_weights_is_refused(key, value):
    tree = {"task": "detection", "data": {"path": "photos"}, key: value}
    sharded = {**tree, "optim": {**tree.get("optim", {}), "shard": True}}
    assert make_config(tree)
    with pytest.raises(ConfigError, match=rf"optim.shard: .* {key}\.{next(iter(value))}\. Leave"):
        make_config(sharded)


@pytest.mark.parametrize("names", [["a", "a", "b"], ["a", "b", "a", "b"]])
def test_machines_of_different_sizes_cannot_hold_a_policy_each(monkeypatch, names):
    context = DistributedContext(0, len(names))
    monkeypatch.setattr(DistributedContext, "all_gather_object", lambda self, own: names)
    with pytest.raises(ConfigError, match="equally many processes on each machine, and here they are on a"):
        copies(context, "machine")
    assert copies(context, True) == 1 and copies(context, False) == len(names)
    monkeypatch.setattr(DistributedContext, "all_gather_object", lambda self, own: ["a", "a", "b", "b"])
    assert copies(DistributedContext(0, 4), "machine") == 2


@pytest.mark.parametrize("size", [0, 1, 5, 8])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_parts_are_the_whole_in_order(size, count):
    things = list(range(size))
    parts = [things[DistributedContext(index, count).shard_slice(size)] for index in range(count)]
    assert [thing for part in parts for thing in part] == things
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
