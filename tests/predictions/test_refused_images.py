"""An image that the model's processor refuses costs itself alone: in training, evaluation and predictions."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml
from PIL import Image

from launch import vrft
from vrft.config.questions import load_examples
from vrft.data.splits.few_shot import Split
from vrft.data.splits.manifest import manifest
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


@pytest.mark.parametrize("given", [False, True], ids=["a new split", "a split of another model"])
def test_training_leaves_it_out_before_the_first_step(work, given):
    config = {
        "method": "sft",
        "task": {"name": "classification"},
        "data": {"path": "data", "shots": 5, "val_max": 2, "manifest": "other.json" if given else None},
        "out": f"run{given}",
        "optim": {"steps": 1, "prompts_per_step": 2},
    }
    (work / "config.yaml").write_text(yaml.safe_dump(config))
    examples = load_examples(work / "data", "classification")
    learned = tuple(e for e in examples if e.record_id.startswith("train/"))
    assert len(learned) == 11
    (work / "other.json").write_text(json.dumps(manifest(Split(learned, (), (), {}, 0, 5))))
    done = vrft("sft", "config.yaml", "--no-check", cwd=work)
    assert done.returncode == 0 and named(done), done.stderr
    kept = json.loads((work / f"run{given}" / "manifest.json").read_text())["train"]
    assert sorted(kept) == sorted(e.id for e in learned if e.record_id != REFUSED)


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
    found = [one for one in json.loads(done.stdout)["findings"] if one["where"].endswith(REFUSED)]
    assert done.returncode == 0 and [one["severity"] for one in found] == ["warning"]
    assert "900x4 pixels" in found[0]["message"]


def test_a_large_image_gives_no_warning_of_the_library(tmp_path):
    Image.new("1", (20_000, 5_000)).save(tmp_path / "large.png")
    code = "from pathlib import Path; from vrft.data.images import image_size_wh as size\n"
    code += "print(size(Path('large.png')))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("(20000, 5000)\n", "")
