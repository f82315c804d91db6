"""The command line as a user meets it: bad input ends in a sentence and status 2, a killed fit goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from launch import ONE_THREAD, started, vrft
from vrft.miniature.scenes import draw_scene
from vrft.miniature.writers import write_class_folders, write_coco
from vrft.types import Annotation, Boxes

ROOT = Path(__file__).parents[2]


def refused(result):
    """A sentence on the error stream, status 2."""
    assert result.returncode == 2, result.stderr
    assert not result.stdout
    return " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--reasoning", "--all"), "--reasoning and --all name different tasks of the demo"),
        (("--task", "detection", "--reasoning"), "--task and --reasoning name different tasks"),
        (("--task", "examples/custom_task"), "The demo has no images for 'count_boxes'"),
    ],
)
def test_the_demo_has_tasks_of_its_own_and_takes_one_of_them(options, says, tmp_path):
    options = [str(ROOT / one) if one.startswith("examples") else one for one in options]
    assert says in refused(vrft("demo", *options, cwd=tmp_path))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """A COCO folder of 30 small scenes with two classes."""
    folder = tmp_path_factory.mktemp("scenes")
    images = []
    for index in range(30):
        scene = draw_scene(np.random.default_rng([5, index]), "train", ("seven", "circle"), (1, 2))
        boxes = [
            Annotation("category", o.category, Boxes((tuple(map(float, o.box_xyxy_px)),)))
            for o in scene.objects
        ]
        images.append((f"{index:02d}", Image.fromarray(scene.pixels), boxes))
    write_coco(folder, images, ["circle", "seven"])
    return folder


QUICK = ("optim.prompts_per_step=2", "rollout.group_size=2")
SHORT = ("--shots", 2, "--steps", 2, "--val-max", 2, "--eval-max", 12)
FIT = ("--task", "detection", *SHORT, "--form", "direct", *QUICK)


def test_fit_ends_in_a_comparison_and_a_report(scenes, tmp_path):
    result = vrft("fit", scenes, *FIT, "--json", "--out", "fit", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    printed = json.loads(result.stdout)
    assert set(printed) == {"seconds", "report", "models", "tasks"}
    assert (tmp_path / printed["models"]["detection"] / "model" / "config.json").exists()
    found = printed["tasks"]["detection"]
    assert found["metric"] == "ap" and found["n"] == 12
    split = json.loads((tmp_path / "fit" / "manifest.json").read_text())
    assert len(split["val"]) == 2
    for system in ("base", "sft", "rft"):
        assert set(found[system]) >= {"value", "low", "high", "parse_rate", "value_given_parsed"}
    for difference in ("rft_minus_base", "rft_minus_sft"):
        assert set(found[difference]) >= {"value", "low", "high", "p"}
    page = (tmp_path / printed["report"]).read_text()
    assert "<html" in page and "base" in page
    trials = json.loads((tmp_path / "fit" / "fit.json").read_text())["trials"]
    assert sum(t["system"] == "sft" for t in trials) == sum(t["system"] == "rft" for t in trials) >= 2
    repeated = vrft("fit", scenes, *FIT, "--out", "fit", cwd=tmp_path)
    assert "--resume" in refused(repeated)
    rebuilt = vrft("report", "fit", "--out", "page.html", cwd=tmp_path)
    assert rebuilt.returncode == 0 and (tmp_path / "page.html").exists()


def test_a_killed_fit_goes_on_where_it_stood(scenes, tmp_path):
    every_step = ("--steps", 3, "checks.checkpoint_every=1")
    arguments = ("fit", scenes, *FIT, *every_step, "--out", "fit")
    process = started(*arguments, cwd=tmp_path)
    while not list((tmp_path / "fit").glob("rft-*/checkpoints/step_*/state.pt")):
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = {p: p.stat().st_mtime_ns for p in (tmp_path / "fit").glob("sft-*/done.json")}
    assert finished
    result = vrft(*arguments, "--resume", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "fit" / "report.html").exists()
    assert {p: p.stat().st_mtime_ns for p in finished} == finished
    for run in (tmp_path / "fit").glob("rft-*"):
        steps = [
            json.loads(line)["step"]
            for line in (run / "metrics.jsonl").read_text().splitlines()
            if "loss" in line
        ]
        assert steps == list(range(1, len(steps) + 1))


def test_predict_and_eval(scenes, tmp_path):
    image = sorted((scenes / "images").glob("*.png"))[0]
    command = [sys.executable, "-m", "vrft", "predict", "miniature", "-", "seven", "--form", "direct"]
    several = [*command, "--samples", "3", "--drawn", "drawn.png", "--json"]
    with image.open("rb") as content:
        piped = subprocess.run(
            several, stdin=content, cwd=tmp_path, env=ONE_THREAD, capture_output=True, timeout=3600
        )
    assert piped.returncode == 0, piped.stderr
    (answer,) = json.loads(piped.stdout)
    assert (answer["question"], answer["spent"]["answers"], len(answer["rollouts"])) == ("seven", 3, 3)
    with Image.open(image) as original, Image.open(tmp_path / "drawn.png") as drawn:
        (shown,) = answer["examples"][0]["media"]
        assert drawn.size == original.size == tuple(shown["size_wh"])
    asked = ("miniature", scenes, "--task", "detection", "--form", "direct", "--eval-max", 10)
    scored = vrft("eval", *asked, "--json", cwd=tmp_path)
    assert scored.returncode == 0, scored.stderr
    found = json.loads(scored.stdout)
    assert found["n"] == 10 and 0 <= found["low"] <= found["value"] <= found["high"] <= 1


def test_bad_input_is_told_in_a_sentence(scenes, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "label" in refused(vrft("fit", empty, *FIT, cwd=tmp_path)).lower()
    unknown = refused(vrft("fit", scenes, "--task", "captioning", cwd=tmp_path))
    assert "captioning" in unknown and "detection" in unknown
    few = refused(vrft("fit", scenes, "--task", "detection", "--shots", 40, cwd=tmp_path))
    assert "enough" in few


def test_a_model_that_is_no_vision_language_model(scenes, tmp_path):
    text_only = tmp_path / "text-model"
    text_only.mkdir()
    (text_only / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    message = refused(vrft("fit", scenes, *FIT, "--model", text_only, cwd=tmp_path))
    assert "gpt2" in message and "vision-language" in message


def test_a_box_outside_its_image_names_the_place(scenes, tmp_path):
    labels = json.loads((scenes / "annotations.json").read_text())
    labels["annotations"][3]["bbox"] = [90, 90, 50, 20]
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "annotations.json").write_text(json.dumps(labels))
    (broken / "images").symlink_to(scenes / "images")
    message = refused(vrft("fit", broken, *FIT, "--strict", cwd=tmp_path))
    assert "annotations.json" in message and "outside" in message


def test_classification_folder(tmp_path):
    images = []
    for index in range(16):
        name = ("two", "five")[index % 2]
        scene = draw_scene(np.random.default_rng([6, index]), "train", (name,), (1, 1))
        images.append((f"{index:02d}", Image.fromarray(scene.pixels), name))
    write_class_folders(tmp_path / "digits", images)
    result = vrft(
        "fit",
        "digits",
        "--task",
        "classification",
        "--shots",
        1,
        "--steps",
        2,
        *QUICK,
        "--out",
        "fit",
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    for line in (f"Report: {tmp_path / 'fit' / 'report.html'}", "Next:  vrft predict fit/rft-"):
        assert line in result.stdout
    assert Path(tmp_path / "fit" / "comparison.json").exists()
