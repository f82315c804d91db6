"""Runs with several tasks, from a configuration to questions about one of them."""

from __future__ import annotations

import json
from collections import Counter

import pytest
import torch
import yaml
from planted import plant_rewards
from safetensors.torch import load_file

from vrft.config.run_config import dump_config, load_config, make_config
from vrft.config.run_questions import run_questions
from vrft.config.task_entries import TaskChoice, TaskEntry, named
from vrft.data.data_options import DataOptions
from vrft.data.dataset import load_dataset
from vrft.data.splits.manifest import SavedSplit
from vrft.errors import ConfigError, InputError, RunError
from vrft.miniature.folders import write_classification, write_detection
from vrft.run_folder import RunFolder
from vrft.training.mixture import Mixture
from vrft.types import Clock, Form
from vrft.workflows.requests import EvaluateRequest
from vrft.workflows.resume import check_unchanged
from vrft.workflows.scored_questions import scored_questions
from vrft.workflows.trained_run import TrainedRun

SHAPES = ("circle", "heart", "star")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("folders")
    write_detection(root / "cells", 0, SHAPES, train=6, val=4, heldout=8)
    write_detection(root / "nuts", 1, SHAPES, train=6, val=4, heldout=8)
    write_classification(root / "signs", 2, ("one", "two"), train=2, val=1, heldout=2)
    return root


def tree_of(folders, *entries, **changes):
    data = {"shots": 1, "negatives": 0, "val_max": 2, "eval_max": 6, "near_duplicates": False}
    return {
        "tasks": [{**e, "data": {**data, "path": str(folders / e["data"])}} for e in entries],
        "form": "direct",
        "rollout": {"group_size": 2, "max_new_tokens": 3},
        "grpo": {"advantage": "ema_normalized"},
        "optim": {"learning_rate": 1e-3, "steps": 3, "prompts_per_step": 4},
        "checks": {"validate_every": 2, "checkpoint_every": 1},
        **changes,
    }


THREE = (
    {"task": "detection", "data": "cells", "weight": 2.0},
    {"task": "classification", "data": "signs", "reward": {"weights": {"format": 0.5}}},
    {"task": "detection", "data": "nuts", "form": "think"},
)
CLOCKED = ("seconds", "peak", "sampled_tokens_a", "trained_tokens_a")


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def test_a_mixed_run_that_was_killed_ends_where_one_that_was_not_ends(
    folders, tiny_folders, tmp_path, monkeypatch
):
    from vrft.workflows import train_config as module
    from vrft.workflows.train_config import train_config

    plant_rewards(
        monkeypatch, lambda r, names: (dict.fromkeys(names, 0.5), float(len(r.completion.text) % 7))
    )
    tree = tree_of(folders, *THREE, model={"path": str(tiny_folders["qwen3_vl"]), "device": "cpu"})
    whole, cut = (make_config({**tree, "out": str(tmp_path / name)}) for name in ("whole", "cut"))
    train_config(whole, check=False)

    def kill(step, steps, row):
        if step == 2:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(module, "shown_by", lambda update: kill)
        with pytest.raises(Killed):
            train_config(cut, check=False)
    train_config(cut, resume=True, check=False)
    first, second = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(first[name], second[name]) for name in first)

    def rows(name):
        read = [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        return [{k: v for k, v in row.items() if not k.startswith(CLOCKED)} for row in read]

    assert rows("whole") == rows("cut")
    names = {"detection-cells", "classification", "detection-nuts"}
    start = rows("whole")[0]
    assert start["by_source"].keys() == names
    assert start["validation"] == pytest.approx(
        sum(own["validation"] for own in start["by_source"].values()) / 3
    )
    steps = [row for row in rows("whole") if "loss" in row]
    groups = Counter(
        name for row in steps for name, own in row["by_source"].items() for _ in range(own["groups"])
    )
    train = json.loads((tmp_path / "cut" / "manifest.json").read_text())["train"]
    sizes = Counter(name.split("/")[0] for name in train)
    assert all(abs(groups[n] - 12 * sizes[n] / len(train)) <= 2 for n in names)
    state = torch.load(tmp_path / "cut/checkpoints/step_000003/state.pt", weights_only=True)
    assert state["source"]["advantage"].keys() == names and state["validation"].keys() == names
    assert json.loads((tmp_path / "cut/done.json").read_text())["validation_by_source"].keys() == names


def test_one_entry_is_the_run_of_one_task(folders, tmp_path):
    several = tree_of(folders, {"task": "detection", "data": "cells"}, out=str(tmp_path / "run"))
    single = {**several, "task": "detection", "data": several["tasks"][0]["data"]}
    del single["tasks"]
    one, other = (run_questions(make_config(tree)).split for tree in (several, single))
    for part in ("train", "val", "heldout"):
        ids = [e.id.removeprefix("detection/") for e in getattr(one, part)]
        assert ids == [e.id for e in getattr(other, part)]
    drawn, alone = (Mixture().of_step(split.train, Clock(3, 4, 1), 5) for split in (one, other))
    assert [e.id.removeprefix("detection/") for e in drawn] == [e.id for e in alone]


def test_what_one_entry_learns_from_no_other_holds_out(folders, tmp_path):
    """Two tasks on one folder, which draw other images of it."""
    same = {"negatives": 0, "near_duplicates": False, "shots": 1}
    tree = {
        "tasks": [
            {"task": "detection", "data": {**same, "path": str(folders / "cells" / "test")}},
            {"task": "counting", "data": {**same, "path": str(folders / "cells" / "test"), "shots": 2}},
        ],
        "out": str(tmp_path / "run"),
    }
    questions = run_questions(make_config(tree))
    used = {
        part: {(e.source, e.media[0].path) for e in getattr(questions.split, part)}
        for part in ("train", "val", "heldout")
    }
    images = {part: {path for _, path in pairs} for part, pairs in used.items()}
    assert not images["train"] & (images["val"] | images["heldout"]) and not images["val"] & images["heldout"]
    assert questions.notes and all("left out of the" in note for note in questions.notes)
    saved = SavedSplit.read(json.loads(json.dumps(questions.manifest())))
    resumed = run_questions(make_config(tree), saved=saved)
    assert resumed.split == questions.split and resumed.notes == ()
    alone = saved.of_source("counting")
    assert alone.parts["train"] == tuple(
        e.id.removeprefix("counting/") for e in questions.split.train if e.source == "counting"
    )
    assert alone.learned == saved.learned


DETECTION = {"task": "detection", "data": {"path": "cells"}}


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ({"tasks": [DETECTION, DETECTION]}, "entries 0 and 1 are both called 'detection-cells'"),
        ({"tasks": [DETECTION], **DETECTION}, "task, data: this run has 'tasks'"),
        ({"tasks": [{**DETECTION, "share": 1}, {**DETECTION, "name": "b"}]}, "'b' has no share"),
        ({"tasks": [{**DETECTION, "task": "detectoin"}]}, "Did you mean 'detection'?"),
        ({"tasks": [{**DETECTION, "reward": {"setting": "papr"}}]}, "tasks: detection: reward.setting: "),
        ({"tasks": [{**DETECTION, "weight": 0}]}, "tasks.0.weight: "),
        ({"tasks": [{**DETECTION, "lambda": 2}]}, "tasks.0.lambda: there is no such key"),
        ({"tasks": [{**DETECTION, "wieght": 2}]}, "no such key. Did you mean 'weight'?"),
        ({"tasks": []}, "tasks: the list is empty. Write an entry"),
        ({"tasks": [{"task": "detection"}]}, "tasks.0.data: Field required"),
        ({"tasks": DETECTION}, "tasks: this is no list"),
        ({"tasks": [DETECTION], "mixture": {"temperature": 0}}, "mixture.temperature: "),
        ({"tasks": [DETECTION], "pseudo_labels": {"predictions": ["a"]}}, "pseudo_labels: they are for"),
    ],
)
def test_what_contradicts_itself_is_refused_in_a_sentence(tree, says):
    with pytest.raises(ConfigError) as refused:
        make_config(tree, "mixed.yaml")
    assert str(refused.value).startswith("mixed.yaml: ") and says in str(refused.value)


def test_entries_of_one_task_are_called_by_their_folders():
    def names(*paths, **more):
        return [
            e.name for e in make_config({"tasks": [{**DETECTION, "data": {"path": p}} for p in paths]}).tasks
        ]

    assert names("cells") == ["detection"]
    assert names("a/cells", "a/nuts") == ["detection-cells", "detection-nuts"]
    assert names("a/photos", "b/photos") == ["detection-a-photos", "detection-b-photos"]
    specs = {"mine/own.py:TASK": "own", "mine/own.py": "own", "pack.own:TASK": "own", "mine/own.yaml": "own"}
    for spec, name in specs.items():
        entry = TaskEntry(task=TaskChoice(name=spec), data=DataOptions(path="cells"))
        assert named([entry])[0].name == name


def test_a_folder_that_does_not_suit_its_task_is_named(folders, tmp_path):
    tree = tree_of(folders, {"task": "detection", "data": "cells"}, {"task": "grounding", "data": "signs"})
    with pytest.raises(InputError, match=r"^tasks: grounding: .*signs"):
        run_questions(make_config({**tree, "out": str(tmp_path / "run")}))


def test_a_mixed_configuration_reads_back_and_changes_by_name(folders, tmp_path):
    file = tmp_path / "mixed.yaml"
    file.write_text(yaml.safe_dump(tree_of(folders, *THREE[:2])))
    config = load_config(file, ["tasks.0.weight=5", "tasks.1.data.shots=3"])
    assert [e.weight for e in config.tasks] == [5, 1] and config.tasks[1].data.shots == 3
    other = load_config(file, ["mixture.temperature=2"])
    assert other.mixed.temperature == 2 and other.by_source["classification"].reward.weights == {
        "format": 0.5
    }
    with pytest.raises(ConfigError, match="there is no entry 'x'"):
        load_config(file, ["tasks.x.weight=5"])


def test_a_run_of_several_tasks_is_asked_about_one(folders, tmp_path):
    """Its own questions of the entry that the data and the task name, in its form; without a model."""
    config = make_config(tree_of(folders, *THREE, out=str(tmp_path)))
    questions = run_questions(config)
    (tmp_path / "config.yaml").write_text(dump_config(config))
    (tmp_path / "manifest.json").write_text(json.dumps(questions.manifest()))
    run, nuts = TrainedRun.of(str(tmp_path)), folders / "nuts"
    about = run.about(None, nuts)
    assert (about.entry, about.config.form) == ("detection-nuts", Form.THINK)
    task = about.task(EvaluateRequest())
    asked = scored_questions(about, nuts, EvaluateRequest(), task, load_dataset(nuts, task.needs))
    held = [e for e in questions.split.heldout if e.source == "detection-nuts"]
    assert asked.part == "heldout" and not asked.notes
    assert {e.id for e in asked.examples} == {e.id.removeprefix("detection-nuts/") for e in held}
    assert run.about("classification").entry == "classification"
    assert run.about("detection", folders / "cells").entry == "detection-cells"
    with pytest.raises(InputError, match=r"several tasks\. Add --task: detection, classification"):
        run.about(None)


def test_a_resumed_mixed_run_keeps_its_entries_wherever_their_images_lie(folders, tmp_path):
    tree, folder = tree_of(folders, *THREE, out=str(tmp_path)), RunFolder(tmp_path)
    began = make_config(tree)
    folder.write_text("config.yaml", dump_config(began))
    folder.write_json("run.json", {})
    folder.write_json("manifest.json", run_questions(began).manifest())
    names = [entry.name for entry in began.tasks]
    moved = [
        {**entry, "name": name, "data": {**entry["data"], "path": f"elsewhere/{name}"}}
        for entry, name in zip(tree["tasks"], names, strict=True)
    ]
    check_unchanged(make_config({**tree, "tasks": moved}), folder)
    moved[2]["weight"] = 3
    with pytest.raises(RunError, match=r"tasks\.detection-nuts\.weight: 1\.0, now 3\.0"):
        check_unchanged(make_config({**tree, "tasks": moved}), folder)
