"""Runs: resumed ones end bit for bit where uninterrupted ones end; both methods leave the same folder."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from planted import plant_rewards, question
from safetensors.torch import load_file

from vrft.config.run_config import make_config
from vrft.errors import ConfigError, RunError
from vrft.run_folder import RunFolder
from vrft.tasks.scorer import RewardOptions
from vrft.training import losses
from vrft.types.rows import group_from_row
from vrft.workflows.train import train_run


@pytest.fixture
def examples(tmp_path):
    rng = np.random.default_rng(0)
    found = []
    for index in range(5):
        path = tmp_path / f"{index}.png"
        Image.fromarray(rng.integers(0, 255, (48, 48, 3), dtype=np.uint8)).save(path)
        found.append(question(path, (48, 48), str(index)))
    return found


def config_of(method, model, **changes):
    tree = {
        "method": method,
        "task": "detection",
        "model": {"path": str(model), "device": "cpu"},
        "data": {"path": "unused"},
        "form": "direct",
        "rollout": {"group_size": 4, "max_new_tokens": 6},
        "optim": {"learning_rate": 1e-3, "steps": 5, "prompts_per_step": 3, "micro_prompts": 2},
        "checks": {"validate_every": 2, "checkpoint_every": 2},
    }
    for key, value in changes.items():
        section, _, leaf = key.partition("__")
        tree[section] = {**tree.get(section, {}), leaf: value} if leaf else value
    return make_config(tree)


@pytest.fixture
def graded(monkeypatch):
    """A reward that a random policy can earn: longer answers are better; no group is without signal. What
    ``data.select`` goes by, likewise."""
    plant_rewards(
        monkeypatch, lambda r, names: (dict.fromkeys(names, 0.5), float(len(r.completion.text) % 7))
    )
    length = "vrft.training.selector.outcome"
    monkeypatch.setattr(length, lambda r: (len(r.completion.text) % 7 > 2, len(r.completion.text) % 7 / 6))


def weights(folder):
    return load_file(folder / "model" / "model.safetensors")


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.mark.parametrize("chance", [0.0, 0.7])
@pytest.mark.parametrize("method", ["rft", "sft"])
def test_resumed_equals_uninterrupted(method, chance, tiny_folders, examples, tmp_path, graded):
    changes = {f"augment__{name}": chance for name in ("flip", "crop", "color")}
    if chance:
        changes["data__select"] = {"name": "pass_rate", "samples": 6}
        changes |= {"form": "think", "grpo": {"difficulty_weight": {}, "consistency": {"every": 2}}}
    config = config_of(method, tiny_folders["qwen3_vl"], **changes)
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
    assert whole.rows("rollouts.jsonl") == cut.rows("rollouts.jsonl")
    assert [row["step"] for row in cut.rows("rollouts.jsonl")] == [n for n in steps for _ in range(3)]


def test_after_a_kill_the_same_questions_follow_and_the_run_says_which(
    tiny_folders, examples, tmp_path, graded, caplog
):
    """Killed inside the second epoch of four questions, and exactly at its end."""
    changes = {"optim__prompts_per_step": 2, "checks__checkpoint_every": 1, "checks__validate_every": 0}
    config = config_of("rft", tiny_folders["qwen3_vl"], **changes)
    whole = RunFolder(tmp_path / "whole")
    train_run(config, whole, examples[:4], [])
    for done, place in ((3, "epoch 2, question 3 of 4"), (4, "epoch 3, question 1 of 4")):
        cut = RunFolder(tmp_path / str(done))

        def kill(step, steps, row, last=done + 1):
            if step == last:  # its checkpoint is not written yet
                raise Killed

        with pytest.raises(Killed):
            train_run(config, cut, examples[:4], [], progress=kill)
        caplog.clear()
        cut.write_json("run.json", {**cut.read_json("run.json"), "processes": done})
        train_run(config, cut, examples[:4], [], resume=True)
        others, said = [record.getMessage() for record in caplog.records]
        assert f"the run had {done} processes, and goes on in 1." in others
        assert said == f"The run goes on after step {done} of 5: {place}."
        assert cut.rows("rollouts.jsonl") == whole.rows("rollouts.jsonl")
    asked = [group_from_row(row)[1].example.id for row in whole.rows("rollouts.jsonl")]
    assert sorted(asked[:4]) == sorted(asked[4:8]) == sorted(e.id for e in examples[:4])


def test_both_methods_leave_the_same_kind_of_folder(tiny_folders, examples, tmp_path, graded):
    contents = {}
    for method in ("rft", "sft"):
        folder = RunFolder(tmp_path / method)
        train_run(config_of(method, tiny_folders["qwen3_vl"]), folder, examples[:4], examples[4:])
        contents[method] = {p.name for p in folder.path.iterdir()}
        assert folder.read_json("run.json")["parity"]["logprob_max_abs_diff"] < 1e-3
        assert folder.done
    assert contents["rft"] == contents["sft"]


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
    plant_rewards(monkeypatch, lambda rollout, names: (dict.fromkeys(names, 1.0), 3.0))
    folder = RunFolder(tmp_path / "flat")
    train_run(config_of("rft", tiny_folders["qwen3_vl"], grpo__kl={"beta": 0.0}), folder, examples[:4], [])
    before = load_file(tiny_folders["qwen3_vl"] / "model.safetensors")
    after = weights(folder.path)
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert all(row["signal_share"] == 0 for row in folder.rows("metrics.jsonl"))


def test_a_run_is_never_overwritten(tiny_folders, examples, tmp_path, graded):
    config = config_of("sft", tiny_folders["qwen3_vl"], optim__steps=1)
    train_run(config, RunFolder(tmp_path / "run"), examples[:2], [])
    with pytest.raises(RunError, match="--resume"):
        train_run(config, RunFolder(tmp_path / "run"), examples[:2], [])


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 3}, "seed: 0, now 3"),
        ({"grpo": {"loss": "dapo"}}, "grpo.loss: grpo, now dapo"),
        ({"optim__learning_rate": 0.1}, "optim.learning_rate: 0.001, now 0.1"),
    ],
)
def test_a_resumed_run_keeps_its_settings(tiny_folders, examples, tmp_path, graded, changes, named):
    model, folder = tiny_folders["qwen3_vl"], RunFolder(tmp_path / "run")
    even = {"optim__schedule": "constant"}  # otherwise the rate depends on the number of steps
    train_run(config_of("rft", model, optim__steps=1, **even), folder, examples[:2], [])
    other = config_of("rft", model, **{**even, "optim__steps": 2, **changes})
    with pytest.raises(RunError, match=named):
        train_run(other, folder, examples[:2], [], resume=True)
    with pytest.raises(RunError, match="method: rft, now sft"):
        train_run(config_of("sft", model, optim__steps=2, **even), folder, examples[:2], [], resume=True)
    longer = config_of("rft", model, optim__steps=2, checks__checkpoint_every=1, **even)
    assert train_run(longer, folder, examples[:2], [], resume=True).steps == 2


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_of_something_else_is_left_alone(tiny_folders, examples, tmp_path, resume):
    folder = RunFolder(tmp_path / "notes")
    folder.write_text("fit.json", "{}")
    with pytest.raises(RunError, match=r"is not a run \(fit.json\)"):
        train_run(config_of("rft", tiny_folders["qwen3_vl"]), folder, examples[:2], [], resume=resume)
    assert {p.name for p in folder.path.iterdir()} <= {"fit.json", ".lock"}


def test_a_run_killed_before_its_first_checkpoint_begins_anew(tiny_folders, examples, tmp_path, graded):
    config = config_of("sft", tiny_folders["qwen3_vl"], optim__steps=1)
    folder = RunFolder(tmp_path / "cut")

    def kill(step, steps, row):
        raise Killed

    with pytest.raises(Killed):
        train_run(config, folder, examples[:4], examples[4:], progress=kill)
    train_run(config, folder, examples[:4], examples[4:], resume=True)
    rows = folder.rows("metrics.jsonl")
    assert [row["step"] for row in rows if "validation" in row] == [0, 1]
    assert [row["step"] for row in rows if "loss" in row] == [1]


def test_the_sampler_is_closed_however_a_run_ends(tiny_folders, examples, tmp_path, graded, monkeypatch):
    from vrft.rollout.shared_prompt.sampler import SharedPromptSampler

    closed = []
    monkeypatch.setattr(SharedPromptSampler, "close", lambda self: closed.append(self))
    config = config_of("rft", tiny_folders["qwen3_vl"], optim__steps=1)

    def kill(step, steps, row):
        raise Killed

    with pytest.raises(Killed):
        train_run(config, RunFolder(tmp_path / "cut"), examples[:2], [], progress=kill)
    train_run(config, RunFolder(tmp_path / "whole"), examples[:2], [])
    assert len(closed) == 2


def test_a_folder_in_which_another_process_trains_is_left_alone(tiny_folders, examples, tmp_path, graded):
    config = config_of("sft", tiny_folders["qwen3_vl"], optim__steps=1)
    folder = RunFolder(tmp_path / "run")
    with folder.held(), pytest.raises(RunError, match="another process"):
        train_run(config, folder, examples[:2], [])
    assert [path.name for path in folder.path.iterdir()] in ([], [".lock"])
    assert train_run(config, folder, examples[:2], []).steps == 1


def test_a_run_folder_of_the_first_version_is_refused_by_name(tmp_path):
    old = RunFolder(tmp_path / "old")
    old.path.mkdir()
    old.write_json("run.json", {"kind": "rft", "parity": {"path": "shared"}})
    with pytest.raises(RunError, match=r"holds a run of vrft 0\.1.*another folder"):
        old.open(resume=True)


def test_an_unknown_reward_setting_is_refused_before_anything_is_loaded(examples, tmp_path):
    config = config_of("rft", tmp_path / "no such model")
    config = config.model_copy(update={"reward": RewardOptions(setting="generous")})
    with pytest.raises(ConfigError, match="generous"):
        train_run(config, RunFolder(tmp_path / "run"), examples[:2], [])


def broken_reward(answer, target):
    if len(answer.text) % 3 == 0:
        return 1.0
    return math.nan if len(answer.text) % 3 == 1 else 1 / 0


def test_a_users_broken_reward_costs_those_rollouts_and_never_the_run(
    tiny_folders, examples, tmp_path, caplog
):
    name = f"{__name__}:broken_reward"
    folder = RunFolder(tmp_path / "run")
    config = config_of("rft", tiny_folders["qwen3_vl"], reward__custom={name: 2.0}, optim__steps=2)
    train_run(config, folder, examples[:4], [])
    rows, failures = folder.rows("metrics.jsonl"), folder.rows("reward_failures.jsonl")
    texts = [
        rollout.completion.text
        for row in folder.rows("rollouts.jsonl")
        for rollout in group_from_row(row)[1].rollouts
    ]
    broken = [text for text in texts if len(text) % 3]
    assert 0 < len(broken) < len(texts) == 24  # 3 prompts, 4 answers each, 2 steps
    assert [row["text"] for row in failures] == broken
    assert [row["reward_failures"] for row in rows] == [
        sum(row["step"] == step for row in failures) for step in (1, 2)
    ]
    assert {row["term"] for row in failures} == {name}
    for row in failures:
        expected = "ValueError: returned nan" if len(row["text"]) % 3 == 1 else "ZeroDivisionError"
        assert row["problem"].startswith(expected) and row["where"].startswith(f"{__file__}, line ")
    traces = [row["traceback"] for row in failures if "traceback" in row]
    assert len(traces) == any(len(text) % 3 == 2 for text in texts) and all("1 / 0" in one for one in traces)
    said = [record.getMessage() for record in caplog.records if "failed on" in record.getMessage()]
    assert len(said) == 2 and f"failed on {len(broken)} of 24 answers in all" in said[1]
    assert all(torch.isfinite(w).all() for w in weights(folder.path).values())


def always_broken(answer, target):
    return answer.value.no_such_thing


def test_a_reward_that_always_fails_ends_the_run_with_its_error_and_line(tiny_folders, examples, tmp_path):
    name, line = f"{__name__}:always_broken", always_broken.__code__.co_firstlineno + 1
    folder = RunFolder(tmp_path / "run")
    config = config_of("rft", tiny_folders["qwen3_vl"], reward__custom={name: 2.0}, optim__steps=9)
    said = rf"all 12 answers of step 1: AttributeError: .*no_such_thing.*{__file__}, line {line}\)"
    with pytest.raises(RunError, match=said):
        train_run(config, folder, examples[:4], [])
    assert len(folder.rows("metrics.jsonl")) == 1 and not folder.done
    assert "no_such_thing" in folder.rows("reward_failures.jsonl")[0]["traceback"]


def test_shuffled_rewards_keep_each_groups_rewards(tiny_folders, examples, tmp_path, graded):
    """The log has every group whole: its rewards are those of the texts, each given to another rollout."""
    folder = RunFolder(tmp_path / "control")
    config = config_of("rft", tiny_folders["qwen3_vl"], grpo__shuffle_rewards=True)
    train_run(config, folder, examples[:4], [])
    logged = [group_from_row(row)[1] for row in folder.rows("rollouts.jsonl")]
    assert len(logged) == 5 * 3
    own = [[float(len(r.completion.text) % 7) for r in group.rollouts] for group in logged]
    given = [[r.reward for r in group.rollouts] for group in logged]
    assert [sorted(row) for row in own] == [sorted(row) for row in given]
    assert own != given


@pytest.mark.parametrize(("rollouts", "logged"), [("all", 3), (1, 1), ("none", 0)])
def test_the_log_has_every_group_whole_or_as_many_as_is_asked_for(
    rollouts, logged, tiny_folders, examples, tmp_path, graded
):
    folder = RunFolder(tmp_path / "run")
    config = config_of("rft", tiny_folders["qwen3_vl"], optim__steps=2, checks__rollouts=rollouts)
    train_run(config, folder, examples[:4], [])
    rows = folder.rows("rollouts.jsonl")
    assert [row["step"] for row in rows] == [1] * logged + [2] * logged
    for row in rows:
        _, group = group_from_row(row)
        assert group.example in examples and len(group.rollouts) == 4
        for rollout in group.rollouts:
            said = rollout.completion
            assert len(said.token_ids) == len(said.logprobs) > 0
            assert rollout.terms and len(rollout.advantages) == 1
            assert rollout.turns[0].prompt.media == group.example.media


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
    honest = losses.Grpo.__call__

    def broken(self, *arguments):
        loss = honest(self, *arguments)
        return replace(loss, value=loss.value * math.nan)

    monkeypatch.setattr(losses.Grpo, "__call__", broken)
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(RunError, match="3 steps in a row"):
        train_run(config_of("rft", tiny_folders["qwen3_vl"]), folder, examples[:4], [])
    rows = folder.rows("metrics.jsonl")
    assert [row.get("skipped") for row in rows] == [True] * 3
    saved = sorted((folder.path / "not_finite").iterdir())
    assert [p.name for p in saved] == [f"step_00000{n}.json" for n in (1, 2, 3)]
    assert all(len(group["answers"]) == 4 for group in json.loads(saved[0].read_text()))
