"""An image that the model's processor refuses costs itself alone: in training, evaluation and predictions."""

from __future__ import annotations

import json

import pytest
import yaml
from PIL import Image

from launch import vrft
from vrft.miniature.folders import write_classification

REFUSED = "train/two/long.png"


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder of drawn digits with one image of 900x4 pixels among those to learn from."""
    folder = tmp_path_factory.mktemp("refused")
    write_classification(folder / "data", 0, ("one", "two"), train=5, val=2, heldout=2)
    Image.new("RGB", (900, 4), (9, 90, 30)).save(folder / "data" / REFUSED)
    return folder


def named(ended):
    """It is listed once, with its size."""
    said = [line for line in (ended.stdout + ended.stderr).splitlines() if "900x4 pixels" in line]
    return len(said) == 1 and REFUSED in said[0]


def test_training_leaves_it_out_before_the_first_step(work):
    config = {
        "method": "sft",
        "task": {"name": "classification"},
        "data": {"path": "data", "shots": 5, "val_max": 2},
        "out": "run",
        "optim": {"steps": 1, "prompts_per_step": 2},
    }
    (work / "config.yaml").write_text(yaml.safe_dump(config))
    done = vrft("sft", "config.yaml", "--no-check", cwd=work)
    assert done.returncode == 0 and named(done), done.stderr
    learned = json.loads((work / "run" / "manifest.json").read_text())["train"]
    assert len(learned) == 10 and not any(REFUSED in name for name in learned)


def test_a_split_that_has_it_loses_it_alone(work):
    """As a split that was drawn for a model of another family."""
    parts = json.loads((work / "run" / "manifest.json").read_text()) if (work / "run").exists() else {}
    assert parts


def test_evaluation_leaves_it_out(work):
    asked = ("--task", "classification", "--part", "train", "--out", "eval", "--max-new-tokens", "4")
    done = vrft("eval", "miniature", "data", *asked, cwd=work)
    assert done.returncode == 0 and named(done), done.stderr
    rows = [json.loads(line) for line in (work / "eval" / "predictions.jsonl").read_text().splitlines()]
    assert len(rows) == 10


def test_predictions_name_it_and_answer_the_others(work):
    done = vrft("predict", "miniature", "data/train/two", "digit", "--max-new-tokens", "4", cwd=work)
    assert done.returncode == 1 and "900x4 pixels" in done.stderr, done.stderr
    assert sum(", digit: " in line for line in done.stdout.splitlines()) == 5
    alone = vrft("predict", "miniature", f"data/{REFUSED}", "digit", cwd=work)
    assert alone.returncode == 2 and "900x4 pixels" in alone.stderr


def test_check_names_it(work):
    done = vrft("check", "data", "--task", "classification", "--shots", "2", "--json", cwd=work)
    found = [one for one in json.loads(done.stdout)["findings"] if "900x4 pixels" in one["message"]]
    assert done.returncode == 0 and len(found) == 1 and found[0]["severity"] == "warning"
    assert found[0]["where"].endswith(REFUSED)


def test_an_image_of_a_hundred_megapixels_gives_no_warning_of_the_library(tmp_path, recwarn):
    Image.new("1", (20_000, 5_000)).save(tmp_path / "large.png")
    done = vrft("predict", "miniature", "large.png", "two", "--max-new-tokens", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "DecompressionBomb" not in done.stderr and not recwarn.list
