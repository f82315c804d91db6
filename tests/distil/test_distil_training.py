"""Runs that learn from pseudo-labels: same loop and order as with labels, reported in the folder."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from answered import BOX, boxes, paint, predicted, question
from safetensors.torch import load_file
from typer.testing import CliRunner

from vrft.cli import app
from vrft.config.questions import pseudo_of, questions_of
from vrft.config.run_config import make_config
from vrft.data.splits.manifest import manifest
from vrft.errors import ConfigError, RunError
from vrft.evaluation.predictor import write_predictions
from vrft.miniature.folders import write_detection
from vrft.run_folder import RunFolder, write_json
from vrft.training.pseudo_labels import NO_PSEUDO, PseudoLabels, PseudoOptions, pseudo_labels
from vrft.types import Boxes, Form
from vrft.workflows.train import train_run

FOUND = [boxes(BOX)] * 4


def tree_of(method, model, data="unused", **pseudo):
    return {
        "method": method,
        "task": "detection",
        "model": {"path": str(model), "device": "cpu"},
        "data": {"path": str(data), "shots": 1, "eval_max": 2},
        "pseudo_labels": pseudo or None,
        "form": "direct",
        "reward": {"setting": "recommended"},
        "rollout": {"group_size": 2, "max_new_tokens": 4},
        "optim": {"learning_rate": 1e-3, "steps": 2, "prompts_per_step": 2},
        "checks": {"validate_every": 0},
    }


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """Three labelled questions, a predictions file of two images more, and the labels that come of it."""
    root = tmp_path_factory.mktemp("distil")
    train = [
        question(paint(root / f"shot{i}.png", i), target=Boxes(((8.0, 8.0, 30.0, 30.0),))) for i in range(3)
    ]
    train = [replace(example, form=Form.DIRECT) for example in train]
    path = root / "predictions.jsonl"
    rows = [predicted(question(paint(root / f"new{i}.png", 10 + i)), *FOUND) for i in range(2)]
    write_predictions(path, rows)
    options = PseudoOptions(predictions=(str(path),))
    made = pseudo_labels(options, ["detection"], train, {}, form=Form.DIRECT)
    assert all(example.form is Form.DIRECT for example in made.examples)
    return train, path, made


def weights(folder):
    return load_file(folder.path / "model" / "model.safetensors")


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def order(ids, step, count, seed=0):
    """The ids of a step, by hand: shuffled epochs that run into each other."""
    drawn = [i for epoch in range(9) for i in np.random.default_rng([seed, epoch]).permutation(len(ids))]
    return [ids[i] for i in drawn[step * count : (step + 1) * count]]


@pytest.mark.parametrize("method", ["rft", "sft"])
def test_pseudo_labels_train_as_labels_do(method, tiny_folders, setting, tmp_path):
    train, path, made = setting
    config = make_config(tree_of(method, tiny_folders["qwen3_vl"], predictions=[str(path)]))
    folder, plain = RunFolder(tmp_path / "distilled"), RunFolder(tmp_path / "labelled")
    train_run(config, folder, train, [], pseudo=made)
    off = make_config(tree_of(method, tiny_folders["qwen3_vl"]))
    train_run(off, plain, [*train, *made.examples], [])
    assert same(weights(folder), weights(plain))
    counts = folder.read_json("run.json")["pseudo"]
    assert counts == {"labels": 2, "left_out": {}, "sentence": "2 pseudo-labels from 2 questions."}
    assert "pseudo" not in plain.read_json("run.json")
    assert not (plain.path / "pseudo.jsonl").exists()
    rows = folder.rows("pseudo.jsonl")
    assert [row["id"] for row in rows] == ["pseudo:0:new0#seven", "pseudo:0:new1#seven"]
    assert all(row["target"]["xyxy_px"] == [list(BOX)] and row["agreement"] == 1 for row in rows)


@pytest.mark.parametrize("distilled", [False, True])
def test_a_step_asks_the_same_order_of_all_questions_and_off_of_the_labelled_alone(
    distilled, tiny_folders, setting, tmp_path
):
    train, path, made = setting
    pseudo = {"predictions": [str(path)]} if distilled else {}
    config = make_config(tree_of("rft", tiny_folders["qwen3_vl"], **pseudo))
    folder = RunFolder(tmp_path / "run")
    train_run(config, folder, train, [], **({"pseudo": made} if distilled else {}))
    ids = [e.id for e in (*train, *(made.examples if distilled else ()))]
    asked = [row["id"] for row in folder.rows("rollouts.jsonl")]
    assert asked == [name for step in range(2) for name in order(ids, step, 2)]


def test_labels_and_configuration_belong_together(tiny_folders, setting, tmp_path):
    train, path, made = setting
    asked = make_config(tree_of("sft", tiny_folders["qwen3_vl"], predictions=[str(path)]))
    plain = make_config(tree_of("sft", tiny_folders["qwen3_vl"]))
    assert pseudo_of(plain, None) == NO_PSEUDO
    with pytest.raises(ConfigError, match=r"pseudo_labels: 0"):
        train_run(asked, RunFolder(tmp_path / "a"), train, [])
    with pytest.raises(ConfigError, match=r"pseudo_labels: 2"):
        train_run(plain, RunFolder(tmp_path / "b"), train, [], pseudo=made)


def test_a_run_does_not_go_on_with_other_pseudo_labels(tiny_folders, setting, tmp_path):
    train, path, made = setting
    config = make_config(tree_of("sft", tiny_folders["qwen3_vl"], predictions=[str(path)]))
    folder = RunFolder(tmp_path / "run")
    train_run(config, folder, train, [], pseudo=made)
    train_run(config, folder, train, [], pseudo=made, resume=True)
    with pytest.raises(RunError, match=r"pseudo\.jsonl.*have changed"):
        train_run(config, folder, train, [], pseudo=PseudoLabels(made.labels[:1]), resume=True)
    plain = make_config(tree_of("sft", tiny_folders["qwen3_vl"]))
    with pytest.raises(RunError, match=r"these differ \(pseudo_labels"):
        train_run(plain, folder, train, [], resume=True)


@pytest.mark.parametrize("with_manifest", [False, True])
def test_no_image_of_validation_or_test_enters_by_the_configuration(with_manifest, tmp_path):
    data = write_detection(tmp_path / "data", 0, ("two", "circle"), train=8, val=4, heldout=6)
    new = write_detection(tmp_path / "new", 1, ("two", "circle"), train=3, val=0, heldout=0)
    for place, path in enumerate(sorted(new.rglob("*.png"))):
        path.rename(path.with_name(f"new{place}.png"))
    images = [*data.rglob("*.png"), *new.rglob("*.png")]
    rows = [predicted(_asked(path), *FOUND) for path in sorted(images)]
    answers = tmp_path / "predictions.jsonl"
    write_predictions(answers, rows)
    tree = tree_of("rft", "unused", data, predictions=[str(answers)]) | {"out": str(tmp_path / "run")}
    if with_manifest:
        plain = tree | {"pseudo_labels": None}
        write_json(tmp_path / "manifest.json", manifest(questions_of(make_config(plain)).split))
        tree["data"]["manifest"] = str(tmp_path / "manifest.json")
    config = make_config(tree)
    found = questions_of(config)
    made = pseudo_of(config, found)
    images = {e.image.path for e in made.examples}
    # Two questions are held out at most, and still no image of the test folder may be learned from.
    assert not any({"valid", "test"} & set(image.relative_to(tmp_path).parts) for image in images)
    assert len(images & set(new.rglob("*.png"))) == 3
    assert len(images & {e.image.path for e in found.split.train if e.question == "two"}) == 0
    assert made.left_out["held_out"] == 10


def test_of_one_folder_no_image_of_the_split_drawn_for_validation_or_test_enters(tmp_path):
    data = write_detection(tmp_path / "data", 0, ("two", "circle"), train=24, val=0, heldout=0) / "train"
    answers = tmp_path / "predictions.jsonl"
    write_predictions(answers, [predicted(_asked(path), *FOUND) for path in sorted(data.rglob("*.png"))])
    tree = tree_of("rft", "unused", data, predictions=[str(answers)]) | {"out": str(tmp_path / "run")}
    config = make_config(tree)
    found = questions_of(config)
    made = pseudo_of(config, found)
    assert not found.dataset.parts
    apart = {e.image.path.name for e in (*found.split.val, *found.split.heldout)}
    assert found.split.val and found.split.heldout
    assert made.left_out["held_out"] == len(apart)
    assert not apart & {e.image.path.name for e in made.examples}


def _asked(path):
    example = question(path, asked="two", record=f"{path.parents[1].name}-{path.stem}")
    return replace(example, media=(replace(example.image, size_wh=(100, 100)),))


@pytest.mark.parametrize("verb", ["train", "sft"])
def test_one_line_of_the_command_line_distils(verb, tiny_folders, tmp_path):
    data = write_detection(tmp_path / "data", 0, ("two", "circle"), train=8, val=4, heldout=6)
    new = write_detection(tmp_path / "new", 1, ("two", "circle"), train=3, val=0, heldout=0)
    answers = tmp_path / "predictions [1].jsonl"
    images = sorted(new.rglob("*.png"))
    rows = [predicted(_asked(p), *(FOUND if i else [boxes(BOX)])) for i, p in enumerate(images)]
    write_predictions(answers, rows)
    tree = tree_of("rft", tiny_folders["qwen3_vl"], data) | {"out": str(tmp_path / "run")}
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(tree))
    override = f"pseudo_labels.predictions={json.dumps([str(answers)])}"
    result = CliRunner().invoke(app, [verb, str(config), override])
    assert result.exit_code == 0, result.output
    run = tmp_path / {"train": "run", "sft": "run-sft"}[verb]  # sft of an RFT run's configuration
    said = "2 pseudo-labels from 3 questions; 1 has one answer only."
    assert said in result.stderr
    assert json.loads((run / "run.json").read_text())["pseudo"]["sentence"] == said
    kept = yaml.safe_load((run / "config.yaml").read_text())["pseudo_labels"]["predictions"]
    assert Path(kept[0]) == answers
