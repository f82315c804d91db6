"""Every setting against --resume: the result is the same, or the run is refused before a model is loaded."""

from __future__ import annotations

import json
import shutil
from contextlib import chdir
from dataclasses import fields, replace
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
import yaml
from pydantic import BaseModel
from recorded import draw, tree_of, write_classes, write_config
from safetensors.torch import load_file

from launch import vrft
from vrft.cli.fit import FitArgs
from vrft.cli.train import SftArgs, TrainArgs
from vrft.config.run_config import RunConfig, dump_config, load_config, make_config
from vrft.data.data_options import ReadOptions
from vrft.errors import InputError, RunError
from vrft.run_folder import RunFolder
from vrft.types.options import Choice
from vrft.workflows import fit_settings, resume
from vrft.workflows.fit_settings import FitSettings, keep_settings

BY_HAND: dict[str, Any] = {
    "task": "detection",
    "task.name": "detection",
    "task.options": {"subject": "plant"},
    "data.manifest": "other-split.json",
    "model.device": "auto",
    "pseudo_labels": {"predictions": ["answers.jsonl"]},
    "reward.weights": {"format": 0.5},
    "reward.custom": {"own.py:reward": 1.0},
    "reward.options": {"format": {}},
    "rollout.sampler": "plain",
    "data.select": "gaussian",
    "reward.setting": "paper",
    "loggers": ["tensorboard"],
}
"""Other values of settings whose type does not say which there are."""
NEEDED: tuple[tuple[str, Any], ...] = (
    ("model.lora", {}),
    ("form", "think"),
    ("evaluation.score", "expected"),
    ("rollout", {"sampler": "vllm", "url": "http://127.0.0.1:9", "overlap": True}),
)
"""What some value needs besides."""
CONTENT = ("data.path", "model.path", "tasks", "rollout.url")
"""Compared by what is there, or instead of others: each has a test of its own."""


def leaves(model: type[BaseModel], above: str = "") -> dict[str, Any]:
    """Every setting by its dotted key, with its field."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        inner = field.annotation
        plain = isinstance(inner, type) and issubclass(inner, BaseModel) and name != "task"
        choice = any(isinstance(part, Choice) for part in field.metadata)
        found |= leaves(inner, f"{above}{name}.") if plain and not choice else {f"{above}{name}": field}
    return found


LEAVES = leaves(RunConfig)


def candidates(key: str, field: Any, value: Any) -> list[Any]:
    if key in BY_HAND:
        return [BY_HAND[key]]
    kinds = [
        field.annotation,
        *chain(*map(get_args, get_args(field.annotation))),
        *get_args(field.annotation),
    ]
    names = [v for kind in kinds if isinstance(kind, type) and issubclass(kind, Enum) for v in map(str, kind)]
    tables = [part.table for part in field.metadata if isinstance(part, Choice)]
    named = [name for table in tables for name in table]
    literals = [one for one in kinds if isinstance(one, str | int)]
    numbers = []
    if isinstance(value, int | float) and not isinstance(value, bool):
        numbers = [value + 1, value * 2, value / 2, 0.25]
    flips = [not value] if isinstance(value, bool) else []
    return [*flips, *numbers, *names, *named, *literals, 2, 0.5, "other", ["other"], {}, {"rank": 4}]


def changed(key: str, tree: dict[str, Any]) -> dict[str, Any]:
    """The configuration with another value of a setting, and with what that one needs besides."""
    plain = make_config(tree).model_dump(mode="json")
    value: Any = plain
    for part in key.split("."):
        value = value[part]
    others = [set_at(tree, key, candidate) for candidate in candidates(key, LEAVES[key], value)]
    needed = [set_at(other, key, value) for key, value in NEEDED for other in others]
    for other in (*others, *needed):
        try:
            made: Any = make_config(other).model_dump(mode="json")
        except InputError:
            continue
        for part in key.split("."):
            made = made[part]
        if made != value:
            return other
    raise AssertionError(f"No other value of {key} is known here: add one to BY_HAND.")


def set_at(tree: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    copy = json.loads(json.dumps(tree))
    *sections, leaf = key.split(".")
    inner = copy
    for section in sections:
        inner = inner.setdefault(section, {})
    inner[leaf] = value
    return copy


@pytest.fixture(scope="module")
def begun(tiny_folders, tmp_path_factory):
    """A folder with images and a run of each method that ended after its first step."""
    root = tmp_path_factory.mktemp("begun")
    write_classes(root / "photos")
    write_classes(root / "same")
    model = root / "base"
    shutil.copytree(tiny_folders["qwen3_vl"], model)
    for method in ("rft", "sft"):
        tree = {**tree_of("classification", Path("photos"), Path("base"), f"runs/{method}"), "method": method}
        verb = {"rft": "train", "sft": "sft"}[method]
        file = write_config(root / f"{method}.yaml", tree)
        ended = vrft(verb, file, "--no-check", "-q", "optim.steps=1", cwd=root)
        assert ended.returncode == 0, ended.stderr
    saved = json.loads((root / "runs" / "rft" / "manifest.json").read_text())
    saved["train"] = saved["train"][1:]
    (root / "other-split.json").write_text(json.dumps(saved))
    return root


@pytest.fixture(scope="module")
def unloadable(begun, tmp_path_factory):
    """The same, and its model cannot be loaded: whatever is refused is refused before."""
    root = tmp_path_factory.mktemp("unloadable") / "all"
    shutil.copytree(begun, root)
    (root / "base" / "config.json").write_text("{}")
    return root


def resumed(root: Path, method: str, tree: dict[str, Any]) -> str:
    """Why a run is refused."""
    file = write_config(root / "changed.yaml", tree)
    ended = vrft({"rft": "train", "sft": "sft"}[method], file, "--resume", "-q", cwd=root)
    assert ended.returncode == 2, ended.stdout
    return ended.stderr


@pytest.mark.parametrize("method", ["rft", "sft"])
@pytest.mark.parametrize("key", [key for key in LEAVES if key not in (*CONTENT, "method", "out")])
def test_a_setting_is_the_same_or_refused_before_the_model_is_loaded(key, method, unloadable):
    tree = yaml.safe_load((unloadable / f"{method}.yaml").read_text())
    says = resumed(unloadable, method, changed(key, tree))
    free = any(key == part or key.startswith(f"{part}.") for part in (*resume.MAY_CHANGE, resume.STEPS))
    if free:
        assert "keeps its settings" not in says and "base" in says
    elif key == "data.manifest":
        assert "keeps its settings" in says and "train: 1 questions are gone" in says
    else:
        assert "keeps its settings" in says and key in says, says


def test_the_number_of_steps_is_fixed_where_the_rate_depends_on_it(begun):
    config = load_config(begun / "rft.yaml")
    falling = config.model_copy(update={"optim": config.optim.model_copy(update={"schedule": "linear"})})
    longer = falling.model_copy(update={"optim": falling.optim.model_copy(update={"steps": 2})})
    folder = RunFolder(begun / "runs" / "falling")
    folder.write_text("config.yaml", dump_config(falling))
    folder.write_json("run.json", {})
    with chdir(begun):
        resume.check_unchanged(falling, folder)
        with pytest.raises(RunError, match=r"optim\.steps: 1, now 2"):
            resume.check_unchanged(longer, folder)


def test_the_method_has_a_folder_of_its_own(begun):
    """``vrft sft`` of an RFT run's configuration neither takes its folder over nor is refused."""
    before = (begun / "runs" / "rft" / "run.json").read_text()
    ended = vrft("sft", "rft.yaml", "--no-check", cwd=begun)
    assert ended.returncode == 0, ended.stderr
    assert "runs/rft-sft" in ended.stderr and "runs/rft-sft/model" in ended.stdout
    assert json.loads((begun / "runs" / "rft-sft" / "run.json").read_text())["method"] == "sft"
    assert (begun / "runs" / "rft" / "run.json").read_text() == before
    assert "method: rft, now sft" in vrft("sft", "rft.yaml", "out=runs/rft", "--resume", cwd=begun).stderr


def test_other_weights_under_the_same_name_are_refused(begun, tmp_path):
    root = tmp_path / "all"
    shutil.copytree(begun, root)
    weights = root / "base" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    tree = yaml.safe_load((root / "rft.yaml").read_text())
    assert "model: other weights than those of base" in resumed(root, "rft", tree)


def test_other_images_or_labels_are_refused_and_a_folder_that_moved_is_not(begun, tmp_path):
    root = tmp_path / "all"
    shutil.copytree(begun, root)
    tree = yaml.safe_load((root / "rft.yaml").read_text())
    saved = json.loads((root / "runs" / "rft" / "manifest.json").read_text())
    # Images that belong to no part may be added; a class may not: it would be one more to choose from.
    draw(root / "photos" / "ant" / "new.png", 900)
    moved = write_config(root / "moved.yaml", set_at(tree, "data.path", "same"))
    for file in (root / "rft.yaml", moved):
        assert vrft("train", file, "--resume", "-q", cwd=root).returncode == 0
    draw(root / "photos" / saved["train"][0], 901)
    assert "train: 1 images have changed" in resumed(root, "rft", tree)
    (root / "photos" / saved["val"][0]).unlink()
    assert "val: 1 questions are gone" in resumed(root, "rft", tree)
    draw(root / "same" / "dog" / "0.png", 902)
    assert "questions have other labels or classes to choose from" in resumed(
        root, "rft", set_at(tree, "data.path", "same")
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"checks.rollouts": "none"},
        {"checks.checkpoint_every": 1},
        {"optim.micro_prompts": 3},
        {"optim.activation_checkpointing": True},
        {"model.device": "auto"},
        {"optim.steps": 3},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_may_change_leaves_the_result_as_it_is(changes, tiny_folders, tmp_path):
    """Stopped after two steps of three, then on under the other setting: the weights of an uninterrupted "
    "run."""
    write_classes(tmp_path / "photos")
    tree = tree_of("classification", Path("photos"), tiny_folders["qwen3_vl"], "whole")
    tree = set_at(set_at(tree, "optim.steps", 3), "model.dtype", "float64")
    tree = set_at(tree, "checks.validate_every", 0)
    quick = ("--no-check", "-q")
    whole = write_config(tmp_path / "whole.yaml", tree)
    assert vrft("train", whole, *quick, cwd=tmp_path).returncode == 0
    assert vrft("train", whole, *quick, "out=cut", "optim.steps=2", cwd=tmp_path).returncode == 0
    words = [f"{key}={json.dumps(value)}" for key, value in changes.items()]
    ended = vrft("train", whole, *quick, "--resume", "out=cut", *words, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    first, second = (load_file(tmp_path / name / "model" / "model.safetensors") for name in ("whole", "cut"))
    assert all(torch.allclose(first[name], second[name], atol=1e-9, rtol=0) for name in first)


# ---- fit

OTHERS: dict[str, Any] = {
    "data": Path("elsewhere"),
    "task": "detection",
    "task_options": {"subject": "plant"},
    "model": "other",
    "form": "think",
    "reward": "paper",
    "steps": 9,
    "arms": ("rft", "rejection"),
    "sft_forms": "both",
    "overrides": ("grpo.loss=dapo",),
    "warm_up": ("patch_fit",),
    "warm_up_steps": 9,
}


@pytest.mark.parametrize("name", [field.name for field in fields(FitSettings)])
def test_a_setting_of_fit_is_the_same_or_refused(name, tmp_path):
    arms, puzzles = ("sft", "rft", "rejection"), ("jigsaw",)
    settings = FitSettings(Path("photos"), "classification", arms=arms, warm_up=puzzles)
    keep_settings(settings, tmp_path)
    value = getattr(settings, name)
    other = (
        not value
        if isinstance(value, bool)
        else value + 1
        if isinstance(value, int)
        else OTHERS.get(name, "other")
    )
    if name in fit_settings.MAY_CHANGE:
        keep_settings(replace(settings, **{name: other}), tmp_path)
    else:
        with pytest.raises(RunError, match=f"{name}.*: .*, now "):
            keep_settings(replace(settings, **{name: other}), tmp_path)


NOT_OF_THE_RESULT = {"out", "resume", "as_json", "quiet", "debug", "check"}


def test_every_option_of_a_command_is_a_setting_that_is_compared():
    given = set(FitArgs.model_fields) - NOT_OF_THE_RESULT - {"task_option"}
    assert given | {"task_options"} == {field.name for field in fields(FitSettings)}
    for args in (TrainArgs, SftArgs):  # how labels are read is said by keys of the configuration
        of_reading = set(ReadOptions.model_fields)
        assert set(args.model_fields) - NOT_OF_THE_RESULT == {"config", "overrides", *of_reading}


def test_a_fit_is_refused_before_its_model_is_loaded(tiny_folders, tmp_path):
    """The folder of a fit that was stopped at once: what it began with, and its split."""
    write_classes(tmp_path / "photos")
    words = ("fit", "photos", "--task", "classification", "--model", "base", "--shots", 2, "--out", "f", "-q")
    shutil.copytree(tiny_folders["qwen3_vl"], tmp_path / "base")
    (tmp_path / "base" / "model.safetensors").write_bytes(b"one")  # it cannot be loaded
    (tmp_path / "f").mkdir()
    assert "base" in vrft(*words, cwd=tmp_path).stderr
    assert "holds a fit already" in vrft(*words, cwd=tmp_path).stderr
    assert "seed: 0, now 7" in vrft(*words, "--seed", 7, "--resume", cwd=tmp_path).stderr
    assert "keeps" not in vrft(*words, "--resume", cwd=tmp_path).stderr
    (tmp_path / "base" / "model.safetensors").write_bytes(b"two")
    assert "weights: " in vrft(*words, "--resume", cwd=tmp_path).stderr
    (tmp_path / "base" / "model.safetensors").write_bytes(b"one")
    saved = json.loads((tmp_path / "f" / "manifest.json").read_text())
    draw(tmp_path / "photos" / saved["heldout"][0], 903)
    assert "heldout: 1 images have changed" in vrft(*words, "--resume", cwd=tmp_path).stderr


def test_a_manifest_with_learned_questions_among_the_held_out_is_refused(begun, tmp_path):
    saved = json.loads((begun / "runs" / "rft" / "manifest.json").read_text())
    for content, says in (
        ({**saved, "heldout": [*saved["heldout"], saved["train"][0]]}, "one image in two parts"),
        ([saved], "not a split that vrft can read"),
        ("text", "not a split that vrft can read"),
    ):
        file = tmp_path / "manifest.json"
        file.write_text(json.dumps(content))
        ended = vrft("eval", "runs/rft", "photos", "--manifest", file, "--out", tmp_path / "e", cwd=begun)
        assert ended.returncode == 2 and says in ended.stderr, ended
        assert not (tmp_path / "e").exists()
        ended = vrft("train", "rft.yaml", f"data.manifest={file}", "out=fresh", "-q", cwd=begun)
        assert ended.returncode == 2 and says in ended.stderr and not (begun / "fresh").exists()
