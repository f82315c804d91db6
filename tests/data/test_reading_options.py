"""What labels leave open is said on the command line or in a file, and reaches the reader either way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from labelled import boxes

from launch import vrft
from vrft.config.run_config import load_config, make_config
from vrft.data.data_options import ReadOptions
from vrft.data.dataset import load_dataset
from vrft.errors import ConfigError, InputError
from vrft.types import Form
from vrft.workflows.fit_settings import FitSettings
from vrft.workflows.requests import EvaluateRequest
from vrft.workflows.suggest import suggest
from vrft.workflows.trained_run import TrainedRun


@pytest.fixture
def shares(tmp_path: Path, make_image: Any) -> Path:
    """Boxes from 0 to 1 in a COCO json."""
    for number in range(4):
        make_image(f"shares/{number}.png", shade=number)
    annotations = [{"id": n, "image_id": n, "category_id": 1, "bbox": [0.1, 0.2, 0.4, 0.5]} for n in range(4)]
    images = [{"id": n, "file_name": f"{n}.png"} for n in range(4)]
    sheet = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cup"}]}
    (tmp_path / "shares/x.json").write_text(json.dumps(sheet))
    return tmp_path / "shares"


def test_convert_reads_what_is_declared(shares: Path, tmp_path: Path) -> None:
    refused = vrft("convert", shares, tmp_path / "out", cwd=tmp_path)
    assert refused.returncode == 2 and "--coordinates 0-1 " in refused.stderr
    done = vrft("convert", shares, tmp_path / "out", "--coordinates", "0-1", "--to", "voc", cwd=tmp_path)
    assert done.returncode == 0
    assert boxes(load_dataset(tmp_path / "out").records[0]) == [("cup", (4.0, 6.0, 20.0, 21.0))]


def test_what_was_said_is_in_the_next_command(shares: Path) -> None:
    found = suggest(shares, ReadOptions(coordinates="0-1", strict=True))
    assert "--coordinates 0-1 --strict" in (found.command or "")
    assert any("vrft check" in line and "--coordinates 0-1" in line for line in found.lines())


def test_every_trial_of_a_fit_reads_in_the_same_way(shares: Path) -> None:
    settings = FitSettings(shares, "detection", coordinates="0-1", format="coco")
    config = settings.trial("rft", rate=1e-5, out=shares, form=Form.DIRECT)
    assert (config.data.coordinates, config.data.format, config.data.strict) == ("0-1", "coco", False)
    assert settings.reading == ReadOptions(coordinates="0-1", format="coco")


def test_a_configuration_says_it_too(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("task: detection\ndata: {path: photos, coordinates: 0-1000}\n")
    assert load_config(tmp_path / "a.yaml").data.coordinates == "0-1000"
    assert load_config(tmp_path / "a.yaml", ["data.coordinates=0-1"]).data.coordinates == "0-1"
    with pytest.raises(ConfigError, match=r"data\.coordinates"):
        load_config(tmp_path / "a.yaml", ["data.coordinates=0-10"])


def test_train_takes_the_options_too(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("task: detection\ndata: {path: nowhere}\n")
    done = vrft("train", "a.yaml", "--format", "yolo", "--coordinates", "0-10", cwd=tmp_path)
    assert done.returncode == 2 and "--coordinates '0-10'" in done.stderr
    done = vrft("train", "a.yaml", "--format", "yol", cwd=tmp_path)
    assert done.returncode == 2 and "no format 'yol'" in done.stderr and "yolo" in done.stderr


def test_an_evaluation_reads_as_its_run_did(shares: Path) -> None:
    data = {"path": str(shares), "coordinates": "0-1"}
    run = TrainedRun("run", "run/model", make_config({"task": "detection", "data": data}))
    assert run.reading(shares, EvaluateRequest()).coordinates == "0-1"
    assert run.reading(shares, EvaluateRequest(coordinates="pixels")).coordinates == "pixels"
    assert run.reading(shares.parent, EvaluateRequest()).coordinates is None
    assert replace(run, config=None).reading(shares, EvaluateRequest(strict=True)) == ReadOptions(strict=True)


def test_labels_that_leave_nothing_open_refuse_an_option(tmp_path: Path, make_image: Any) -> None:
    make_image("cat/1.png")
    make_image("dog/1.png", shade=1)
    with pytest.raises(InputError, match=r"data\.coordinates: labels in the format class_folders"):
        load_dataset(tmp_path, options=ReadOptions(coordinates="0-1"))


def test_check_names_the_options(shares: Path, tmp_path: Path) -> None:
    done = vrft("check", shares, "--json", "--out", tmp_path / "check", cwd=tmp_path)
    (found,) = json.loads(done.stdout)["findings"]
    assert (done.returncode, found["severity"]) == (1, "error")
    assert "--coordinates 0-1 or --coordinates pixels (data.coordinates)" in found["fix"]


FORMS: dict[str, Any] = {
    "cvat": (
        "annotations.xml",
        '<annotations><image id="0" name="a.png"><box label="cup" xtl="4" ytl="6" xbr="20" ybr="21"/></image>'
        "</annotations>",
    ),
    "labelme": (
        "a.json",
        json.dumps(
            {
                "imagePath": "a.png",
                "shapes": [{"label": "cup", "shape_type": "rectangle", "points": [[4, 6], [20, 21]]}],
            }
        ),
    ),
    "tensorflow": ("_annotations.csv", "filename,class,xmin,ymin,xmax,ymax\na.png,cup,4,6,20,21\n"),
    "paligemma": (
        "x.jsonl",
        json.dumps(
            {
                "image": "a.png",
                "prefix": "detect cup",
                "suffix": "<loc0205><loc0102><loc0717><loc0512> cup",
            }
        ),
    ),
    "ms-swift": (
        "x.jsonl",
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": "<image>Find the <ref-object>"},
                    {"role": "assistant", "content": "<bbox>"},
                ],
                "images": ["a.png"],
                "objects": {"ref": ["cup"], "bbox": [[4, 6, 20, 21]]},
            }
        ),
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_convert_takes_the_forms_that_people_have(tmp_path: Path, make_image: Any, form: str) -> None:
    make_image("set/a.png")
    name, content = FORMS[form]
    (tmp_path / "set" / name).write_text(content)
    done = vrft("convert", "set", "out", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (record,) = load_dataset(tmp_path / "out").records
    ((category, box),) = boxes(record)
    assert (category, box) == ("cup", pytest.approx((4, 6, 20, 21), abs=0.05))
