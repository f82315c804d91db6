"""Steps on screens as GUI-R1 and UI-R1 have them, and one convention for each file."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from vrft.data.data_options import ReadOptions
from vrft.data.dataset import load_dataset
from vrft.errors import LabelError
from vrft.tasks.registry import default_task
from vrft.types import Action

STEPS = frozenset({("question", "action")})
WH = (900, 500)


@pytest.fixture
def read(tmp_path):
    def load(*rows, **options):
        Image.new("RGB", WH).save(tmp_path / "a.png")
        (tmp_path / "steps.json").write_text(json.dumps([{"image": "a.png", **row} for row in rows]))
        return load_dataset(tmp_path, STEPS, ReadOptions(**options))

    return load


def steps(dataset) -> dict[str, Action]:
    return {one.name: one.value for record in dataset.records for one in record.annotations}


def click(place, name="Open the mail.", **more):
    return {
        "instruction": name,
        "gt_action": "click",
        "gt_bbox": place,
        "gt_input_text": "no input text",
        **more,
    }


@pytest.mark.parametrize(
    ("place", "options"),
    [
        ([90, 100, 180, 250], {}),
        ([0.1, 0.2, 0.2, 0.5], {"coordinates": "0-1"}),
        ([100, 200, 200, 500], {"coordinates": "0-1000"}),
        ([90, 100, 90, 150], {"box_order": "xywh"}),
    ],
)
def test_one_box_in_every_convention_that_is_declared(read, place, options):
    expected = Action("click", (135.0, 175.0), box_px=(90.0, 100.0, 180.0, 250.0))
    assert steps(read(click(place), **options)) == {"Open the mail.": expected}


def test_shares_that_nobody_declared_are_refused_with_the_option(read):
    with pytest.raises(LabelError, match="--coordinates 0-1"):
        read(click([0.1, 0.2, 0.2, 0.5]))
    with pytest.raises(LabelError, match="whole image as well as one pixel"):
        read(click([0, 0, 1, 1]))


def test_other_actions_have_a_text_and_no_place_and_history_is_kept(read):
    dataset = read(
        {"instruction": "Find", "gt_action": "type", "gt_bbox": [-100, -100], "gt_input_text": "kiwis"},
        {"instruction": "On", "gt_action": "scroll", "gt_input_text": "DOWN", "history": "opened the shop"},
        {
            "instruction": "Back",
            "gt_action": "press_back",
            "gt_input_text": "no input text",
            "history": "None",
        },
        click([450, 250], "There"),
    )
    assert steps(dataset) == {
        "Find": Action("type", text="kiwis"),
        "On\nDone before: opened the shop": Action("scroll", text="DOWN"),
        "Back": Action("press_back"),
        "There": Action("click", (450.0, 250.0)),
    }
    assert default_task(dataset.provides).name == "clicking"


def test_rows_of_ui_r1_say_click_by_their_box(read, tmp_path):
    rows = [{"img_filename": "a.png", "instruction": "Go", "bbox": [10, 20, 30, 40]}]
    rows += [{"img_filename": "a.png", "instruction": "Up", "action": "navigate_back"}]
    Image.new("RGB", WH).save(tmp_path / "a.png")
    (tmp_path / "ui.json").write_text(json.dumps(rows))
    found = steps(load_dataset(tmp_path, STEPS))
    assert found == {
        "Go": Action("click", (20.0, 30.0), box_px=(10.0, 20.0, 30.0, 40.0)),
        "Up": Action("navigate_back"),
    }


@pytest.mark.parametrize(
    "row", [click([5]), click([901, 5]), click(None), {"instruction": "?", "gt_action": ""}]
)
def test_a_step_that_cannot_be_used_costs_itself_alone(read, row):
    good = [click([90, 100, 180, 250], f"step {i}") for i in range(6)]
    dataset = read(*good, row)
    assert len(steps(dataset)) == 6 and len(dataset.left_out) == 1
    assert "entry 7" in dataset.left_out[0].where and dataset.left_out[0].fix
