"""What a policy would make of the data: lengths, sizes, answers that can be written, drawn labels."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from sets import as_xywh, coco, jsonl, save, sound_coco

from architectures import FAMILY_NAMES
from custom_task import CUSTOM_SPEC
from vrft.cli import main
from vrft.config.run_config import make_config
from vrft.diagnostics.check.model_case import ModelCase
from vrft.diagnostics.check.run_check import check
from vrft.geometry.overlay import PALETTE
from vrft.models.load_policy import load_policy
from vrft.models.model_options import ModelOptions
from vrft.tasks.registry import load_task, register
from vrft.types import Image as Medium
from vrft.types import Message, Number


@pytest.fixture(scope="module")
def policy():
    return load_policy(ModelOptions(path="miniature", device="meta"))


@pytest.fixture
def examined(policy, tmp_path):
    """Examine a folder with the miniature, or with another policy."""

    def examine(path, other=None, task=None, memory_gib=None, **sections):
        def config_of(task):
            return make_config({"task": task.name, "data": {"path": str(path), "shots": 2}} | sections)

        def join(case):
            return ModelCase(case, other or policy, tmp_path / "drawn", memory_gib)

        return check(path, task, config_of, join)

    return examine


def the(report, code):
    (found,) = [finding for finding in report.findings if finding.code == code]
    return found


def test_a_sound_set_passes_with_a_model(tmp_path, examined):
    sound_coco(tmp_path / "data")
    report = examined(tmp_path / "data")
    assert [f.code for f in report.findings if f.severity != "note"] == []
    assert {"tokens", "resize", "overlay"} <= {f.code for f in report.findings}


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_without_weights_a_model_encodes_questions_as_with_them(tiny_folders, family, images, tmp_path):
    bare = shutil.copytree(
        tiny_folders[family], tmp_path / "m", ignore=shutil.ignore_patterns("*.safetensors")
    )
    light = load_policy(ModelOptions(path=str(bare), device="meta"))
    whole = load_policy(ModelOptions(path=str(tiny_folders[family]), device="cpu"))
    for path in images:
        shown = Medium(path, Image.open(path).size)
        asked = [p.first([Message("user", (shown, "Where is it?"))]) for p in (light, whole)]
        assert asked[0].token_ids == asked[1].token_ids and len(asked[0].token_ids) > 10
        assert asked[0].frames == asked[1].frames and len(asked[0].frames) == 1


def test_an_answer_longer_than_what_is_sampled(tmp_path, examined, policy):
    save(tmp_path / "data/0.png", 0)
    save(tmp_path / "data/1.png", 1)
    save(tmp_path / "data/2.png", 2)
    # 160 x 120 pixels: tens of both are whole thousandths twice over.
    boxes = [(16 * n, 12 * n, 16 * n + 32, 12 * n + 24) for n in range(5)]
    rows = [
        (f"{i}.png", 160, 120, [("cat", as_xywh(b)) for b in boxes[: 1 + 4 * (i == 1)]]) for i in range(3)
    ]
    coco(tmp_path / "data/a.json", rows, names=("cat",))
    answer = ", ".join(
        f"{{'Position': [{100 * n}, {100 * n}, {100 * n + 200}, {100 * n + 200}], 'Confidence': 1.00}}"
        for n in range(5)
    )
    wanted = f"<answer>[{answer}]</answer>"
    length = len(policy.tokenizer(wanted, add_special_tokens=False)["input_ids"]) + 1
    asked = {"form": "direct"}
    found = the(
        examined(tmp_path / "data", rollout={"max_new_tokens": length - 1}, **asked), "answer-cut-off"
    )
    assert found.where == "1.png#cat" and f"max_new_tokens: {length} " in found.fix
    enough = examined(tmp_path / "data", rollout={"max_new_tokens": length}, **asked)
    assert "answer-cut-off" not in {f.code for f in enough.findings}


def test_a_prompt_that_does_not_fit(tmp_path, examined):
    sound_coco(tmp_path / "data", count=6)
    small = load_policy(ModelOptions(path="miniature", device="meta"))
    small.core.get_decoder().config.max_position_embeddings = 300
    report = examined(tmp_path / "data", small, rollout={"max_new_tokens": 290})
    (found,) = [f for f in report.findings if f.code == "prompt-too-long"]
    assert found.severity == "error" and "12 of 12 prompts" in found.message
    assert "max_new_tokens" in found.message and found.where not in found.message


def test_objects_that_vanish_in_the_resize(tmp_path, examined, policy):
    rows = []
    for i in range(6):
        path = save(tmp_path / f"data/{i}.png", i, wh=(960, 960))
        rows.append((path.name, 960, 960, [("cat", [100 + i, 100, 300, 30 if i == 4 else 300])]))
    coco(tmp_path / "data/a.json", rows, names=("cat",))
    seen = policy.frame(Medium(tmp_path / "data/4.png", (960, 960))).input_wh
    found = the(examined(tmp_path / "data"), "tiny-objects")
    assert found.where == str(tmp_path / "data/4.png") and f"{30 * seen[1] / 960:.1f} pixels" in found.message
    assert found.severity == "warning"
    # Eight of thirty pixels are left where the image is seen at 8/30 of its 960 pixels: 256 x 256.
    assert f"max_pixels: {256 * 256} " in found.fix


def test_a_box_too_small_to_be_written(tmp_path, examined):
    rows = []
    for i in range(6):
        path = save(tmp_path / f"data/{i}.png", i, wh=(1600, 100))
        # 0 to 1000 is 1.6 pixels a step: corners of 800.1 and 800.7 are both written as 500.
        rows.append((path.name, 1600, 100, [("cat", [800.1, 10, 0.6 if i == 2 else 60, 50])]))
    coco(tmp_path / "data/a.json", rows, names=("cat",))
    found = the(examined(tmp_path / "data"), "unwritable-answer")
    assert found.where == f"{tmp_path / 'data/2.png'}, 'cat'" and found.severity == "error"


def test_labels_are_drawn_where_they_are(tmp_path, examined):
    rows = []
    for i in range(3):
        (tmp_path / "data").mkdir(exist_ok=True)
        Image.new("RGB", (200, 100), (i, 0, 0)).save(tmp_path / f"data/{i}.png")
        rows.append((f"{i}.png", 200, 100, [("cat", [40, 30, 100, 50])]))
    coco(tmp_path / "data/a.json", rows, names=("cat",))
    examined(tmp_path / "data")
    files = sorted((tmp_path / "drawn").iterdir())
    assert [f.name for f in files] == ["overlay_1.png", "overlay_2.png", "overlay_3.png"]
    color = np.array([int(PALETTE[0][i : i + 2], 16) for i in (1, 3, 5)])
    for file in files:
        drawn = (np.asarray(Image.open(file)) == color).all(-1)
        # Below the name's plate: the left, right and lower border of the box, and nothing inside.
        assert (drawn[60:75, 40]).all() and (drawn[60:75, 140]).all() and (drawn[80, 60:130]).all()
        assert not drawn[60:75, 45:135].any() and not drawn[:, 145:].any()


def test_a_drawn_image_has_all_its_labels_however_many_questions_there_are(tmp_path, examined):
    names = [f"kind {n:03d}" for n in range(120)]
    rows = []
    for i in range(3):
        path = save(tmp_path / f"data/{i}.png", i)
        boxes = [(name, [16, 18 + 24 * k, 32, 12]) for k, name in enumerate(names[4 * i : 4 * i + 4])]
        rows.append((path.name, 160, 120, boxes))
    # The first questions, and those about the smallest boxes, fill what is looked at.
    save(tmp_path / "data/3.png", 3)
    rows.insert(0, ("3.png", 160, 120, [(name, [5, 5, 10, 10]) for name in names]))
    coco(tmp_path / "data/a.json", rows, names=names)
    examined(tmp_path / "data", data={"path": str(tmp_path / "data"), "shots": 1})
    plain = {i: np.asarray(Image.open(tmp_path / f"data/{i}.png")) for i in range(4)}
    for file in (tmp_path / "drawn").iterdir():
        drawn = np.asarray(Image.open(file).convert("RGB")).astype(int)
        number = min(plain, key=lambda i: int(np.abs(drawn - plain[i]).sum()))
        if number < 3:
            right_borders = [tuple(drawn[24 + 24 * k, 48]) for k in range(4)]
            colors = [tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in PALETTE[:4]]
            assert right_borders == colors


def test_class_names_are_drawn_too(tmp_path, examined):
    for number, name in enumerate(("cat", "dog")):
        for i in range(4):
            save(tmp_path / f"data/{name}/{i}.png", i + 10 * number)
    the(examined(tmp_path / "data"), "overlay")
    assert len(list((tmp_path / "drawn").iterdir())) == 3


# -- a task outside of vrft -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def counting():
    """Whole numbers, from labelled boxes."""
    return load_task(CUSTOM_SPEC)


def test_answers_of_another_kind_pass_through_every_examination(tmp_path, examined, counting):
    sound_coco(tmp_path / "data")
    report = examined(tmp_path / "data", task=counting)
    assert report.task == counting.name and report.classes["cat"].boxes == 8
    assert [f.code for f in report.findings if f.severity != "note"] == []
    assert {"tokens", "resize", "memory", "overlay"} <= {f.code for f in report.findings}
    assert len(list((tmp_path / "drawn").iterdir())) == 3


def test_an_answer_of_another_kind_that_cannot_be_given_is_found(tmp_path, examined, counting):
    class Miscounts(type(counting)):
        name = "miscounts"

        def gold(self, example, frames):
            written = replace(example, target=Number(7.0)) if example.question == "dog" else example
            return counting.gold(written, frames)

    sound_coco(tmp_path / "data", count=8)
    report = examined(tmp_path / "data", task=register(Miscounts()))
    found = [f for f in report.findings if f.code == "unwritable-answer"]
    assert len(found) == 8 and all(f.severity == "error" and "'dog'" in f.where for f in found)
    assert {f.message for f in found} == {
        f"The right answer 'Number: {n}' reads as 'Number: 7' after tokenizing." for n in (0, 1)
    }


def test_labels_that_no_task_asks_about_by_itself(tmp_path, examined):
    save(tmp_path / "data/0.png", 0)
    target = {"kind": "time_span", "start_s": 1.0, "end_s": 2.0}
    jsonl(tmp_path / "data/labels.jsonl", [{"image": "0.png", "target": target}])
    found = the(examined(tmp_path / "data"), "no-task")
    assert found.severity == "error" and "--task" in found.fix


def test_the_memory_saving_that_is_named_fits(tmp_path, examined):
    """What a process becomes counts, the saving's own included, and not only what it holds."""
    sound_coco(tmp_path / "data")
    plenty = the(examined(tmp_path / "data"), "memory")
    assert plenty.severity == "note" and plenty.message.endswith("it fits.")
    found = the(examined(tmp_path / "data", memory_gib=1.0), "memory")
    assert found.severity == "warning" and "1.0 GiB" in found.message
    named = re.search(r"micro_prompts: 1.*about ([\d.]+) GiB", found.fix)
    assert named and 1.25 * float(named[1]) <= 1.1
    assert "smaller model" in the(examined(tmp_path / "data", memory_gib=0.01), "memory").fix


def test_a_device_that_is_not_here_is_forecast_all_the_same(tmp_path, examined, policy):
    sound_coco(tmp_path / "data")
    absent = f"cuda:{torch.cuda.device_count()}"
    found = the(examined(tmp_path / "data", model={"device": absent}), "memory")
    assert found.severity == "note" and f"There is no {absent} on this machine" in found.message
    assert "--gpu-memory" in found.message and "whole process" not in found.message
    named = the(examined(tmp_path / "data", model={"device": absent}, memory_gib=80.0), "memory")
    assert named.message.endswith("The named GPU has 80.0 GiB: it fits.")
    strange = the(examined(tmp_path / "data", model={"device": "tpu"}), "device")
    assert strange.severity == "error" and "'tpu'" in strange.message


# -- the command -----------------------------------------------------------------------------------


@pytest.fixture
def vrft(tmp_path, monkeypatch, capsys):
    """Run a command line in the test's folder: status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["vrft", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return end.value.code or 0, printed.out, printed.err

    return run


def test_statuses(tmp_path, vrft):
    sound_coco(tmp_path / "good")
    status, printed, _ = vrft("check", "good")
    assert status == 0 and "0 errors" in printed and "cat 8, dog 8" in printed
    assert (tmp_path / "check/overlay_1.png").exists()
    (tmp_path / "good/images/3.png").unlink()
    status, printed, _ = vrft("check", "good")
    assert status == 0 and "'3.png' is missing" in printed
    status, printed, _ = vrft("check", "good", "--strict")
    assert status == 1 and "1 error," in printed and "'3.png' is missing" in printed
    status, _, said = vrft("check", "nowhere")
    assert status == 2 and "nowhere" in said
    status, _, said = vrft("check", "good", "--task", "juggling")
    assert status == 2 and "juggling" in said


def test_json_has_every_finding(tmp_path, vrft):
    sound_coco(tmp_path / "data")
    for i in range(9):
        (tmp_path / f"data/images/{i}.png").unlink()
    status, printed, _ = vrft("check", "data", "--json")
    found = json.loads(printed)
    assert status == 1 and found["errors"] == 9 == len(found["findings"]) and not found["passed"]
    assert set(found["findings"][0]) == {"severity", "code", "message", "where", "fix", "rows"}


def test_a_configuration_is_examined_with_its_own_settings(tmp_path, vrft):
    sound_coco(tmp_path / "data")
    config = {"data": {"path": "data", "shots": 7}, "rollout": {"max_new_tokens": 5}, "task": "detection"}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config))
    status, printed, _ = vrft("check", "run.yaml", "--json")
    codes = {f["code"] for f in json.loads(printed)["findings"]}
    assert status == 0 and "answer-cut-off" in codes and "no-split" not in codes
    assert vrft("check", "run.yaml", "--shots", 8)[0] == 1
    status, printed, _ = vrft("check", "run.yaml", "--gpu-memory", 24, "--json")
    assert status == 0 and "The named GPU has 24.0 GiB: it fits." in printed
    (tmp_path / "bad.yaml").write_text("data: {path: data}\nno_such_key: 1\n")
    status, _, said = vrft("check", "bad.yaml")
    assert status == 2 and "no_such_key" in said


def test_a_folder_is_forecast_as_fit_would_train_on_it(tmp_path, vrft, tiny_folders):
    sound_coco(tmp_path / "data")
    cases = [
        (("--model", tiny_folders[FAMILY_NAMES[0]]), "Training a LoRA adapter"),
        (("--model", tiny_folders[FAMILY_NAMES[0]], "model.lora=null"), "Training all weights"),
        ((), "Training all weights"),
    ]
    for words, says in cases:
        _, printed, _ = vrft("check", "data", *words, "--json")
        (memory,) = (f for f in json.loads(printed)["findings"] if f["code"] == "memory")
        assert memory["message"].startswith(says)


def test_a_model_that_cannot_be_had_hides_nothing_else(tmp_path, vrft):
    sound_coco(tmp_path / "data", names=("rose", "primrose"))
    (tmp_path / "empty").mkdir()
    status, printed, _ = vrft("check", "data", "--model", "empty", "--json")
    codes = {f["code"]: f["severity"] for f in json.loads(printed)["findings"]}
    assert status == 1 and codes["model"] == "error" and "name-inside-another" in codes
