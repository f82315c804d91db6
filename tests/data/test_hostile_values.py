"""Targets that hold a value: what cannot be used costs its row alone, in one sentence without jargon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PILImage
from pycocotools import mask as coco_mask

from vrft.data.dataset import load_dataset
from vrft.errors import InputError
from vrft.inference.image_questions import images_at, questions_about
from vrft.tasks.registry import load_task
from vrft.types import Boxes, Mask, ObjectRegion, Regions, Value
from vrft.types.run_lengths import run_lengths
from vrft.workflows.check_data import check_data
from vrft.workflows.requests import CheckRequest

WIDTH, HEIGHT = 40, 30
BOX = [4, 4, 24, 24]


def images(folder: Path, count: int = 7) -> None:
    for number in range(count):
        PILImage.new("RGB", (WIDTH, HEIGHT), (30 * number, 90, 40)).save(folder / f"{number}.png")


def read(folder: Path, pair: tuple[str, str], good: Any, *bad: dict[str, Any]) -> Any:
    """Six good rows and these; names of images are added."""
    images(folder)
    rows = [{"image": f"{n}.png", **good} for n in range(6)] + [{"image": "6.png", **one} for one in bad]
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return load_dataset(folder, frozenset({pair}))


def regions(**changes: Any) -> dict[str, Any]:
    return {"question": "the cup", "target": {"kind": "regions", "objects": [{"xyxy_px": BOX, **changes}]}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mask": {"size_hw": [90, 90], "counts": "T`0"}}, "add up to"),
        ({"mask": {"size_hw": [HEIGHT, WIDTH], "counts": "no runs"}}, "not run lengths"),
        ({"mask": {"size_hw": [HEIGHT, WIDTH], "counts": "426"}}, "add up to 12 pixels, and the mask has"),
        ({"mask": {"size_hw": [-1, WIDTH], "counts": "426"}}, "greater than or equal to 1"),
        ({"mask": {"size_hw": [2, 2], "counts": "04"}}, "mask is of 2x2 pixels, and its image has 40x30"),
        ({"points_xy_px": [[39, 31]]}, "point 39, 31 is outside its image of 40x30"),
        ({"xyxy_px": [4, 4, 41, 20]}, "box 4, 4, 41, 20 is outside its image of 40x30"),
        ({"xyxy_px": [24, 24, 4, 4]}, "no area, or its corners are exchanged"),
        ({"xyxy_px": [1, 2, 3]}, "'objects.0.xyxy_px.3': it is missing"),
        ({"xyxy_px": [1, 2, 3, float("nan")]}, "finite number"),
        ({"smell": 1}, "'objects.0.smell': there is no such field"),
    ],
)  # fmt: skip
def test_an_object_that_cannot_be_costs_its_row_alone(tmp_path, changes, said):
    dataset = read(tmp_path, ("phrase", "regions"), regions(), regions(**changes))
    (mistake,) = dataset.left_out
    assert said in str(mistake) and "a.jsonl, line 7: " in str(mistake)
    assert "pydantic" not in str(mistake) and "\n" not in str(mistake)
    assert len(load_task("segmentation").examples(dataset.records)) == 6


@pytest.mark.parametrize("boxes", [{"1": None}, {"1": 5}, {"1": {"a": None}}, {"one": BOX}, {"1": BOX[:3]}])
def test_a_track_without_four_numbers_or_without_a_number_costs_its_row_alone(tmp_path, boxes):
    good = {"question": "the cup", "target": {"boxes": {"1": BOX}}}
    dataset = read(tmp_path, ("phrase", "tracks"), good, {**good, "target": {"boxes": boxes}})
    assert len(dataset.left_out) == 1 and "line 7: This is not a value: 'boxes': " in str(dataset.left_out[0])


def test_a_click_needs_a_place(tmp_path):
    good = {"question": "Go.", "target": {"kind": "action", "action": "wait"}}
    bad = [{"question": "Go.", "target": {"kind": "action", "action": "click"}}]
    dataset = read(tmp_path, ("question", "action"), good, *bad)
    assert "line 7: The action 'click' has no place." in str(dataset.left_out[0])
    assert len(dataset.records) == 6


@pytest.mark.parametrize("row", [{"count": [3]}, {"count": {"a": 1}}])
def test_a_list_is_no_count(tmp_path, row):
    dataset = read(
        tmp_path, ("category", "number"), {"category": "cup", "count": 2}, {"category": "cup", **row}
    )
    assert "under 'count' but a list or an object" in str(dataset.left_out[0])


def test_a_unit_is_text(tmp_path):
    good = {"question": "How long?", "answer": 2, "unit": "m"}
    dataset = read(tmp_path, ("question", "number"), good, {**good, "unit": ["m"]})
    assert "line 7: The unit under 'unit' is no text." in str(dataset.left_out[0])


def test_masks_are_compared_with_their_size_where_they_are_read_and_pycocotools_agrees():
    region = coco_mask.decode({"size": [HEIGHT, WIDTH], "counts": _counts().encode()})
    assert region.sum() == HEIGHT * WIDTH // 2
    assert run_lengths(_counts()) == [HEIGHT * WIDTH // 2] * 2
    whole = Regions((ObjectRegion((20.0, 0.0, 40.0, 30.0), mask=Mask((HEIGHT, WIDTH), _counts())),))
    assert Value.decode(whole.encode()) == whole and whole.label_error([(WIDTH, HEIGHT)]) is None
    assert "mask is of 40x30" in (whole.label_error([(WIDTH + 1, HEIGHT)]) or "")
    masked = Boxes(((20.0, 0.0, 40.0, 30.0),), ignore=Mask((HEIGHT, WIDTH), _counts()))
    assert masked.label_error([(WIDTH, HEIGHT)]) is None and "mask" in (masked.label_error([(60, 60)]) or "")
    with pytest.raises(InputError, match=r"counts.*add up to 1200 pixels, and the mask has 1170\. Fix it\."):
        Value.decode({"kind": "mask", "size_hw": [HEIGHT, WIDTH - 1], "counts": _counts()})


def _counts() -> str:
    half = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    half[:, WIDTH // 2 :] = 1
    return str(coco_mask.encode(half)["counts"].decode("ascii"))


@pytest.mark.parametrize("written", ["csv", "jsonl"])
def test_empty_cells_say_nothing_and_a_tolerance_of_a_row_is_read(tmp_path, written):
    images(tmp_path, 3)
    rows = [("0.png", "7", "0.05"), ("1.png", "red", None), ("2.png", "9", None)]
    if written == "csv":
        lines = ["image,question,answers,tolerance", *(f"{i},What?,{a},{t or ''}" for i, a, t in rows)]
    else:
        named = [{"image": i, "question": "What?", "answer": a, "tolerance": t} for i, a, t in rows]
        lines = [json.dumps(row) for row in named]
    (tmp_path / f"a.{written}").write_text("\n".join(lines), "utf-8")
    task = load_task("vqa")
    dataset = load_dataset(tmp_path, task.needs)
    assert [example.target.tolerance for example in task.examples(dataset.records)] == [0.05, 0, 0]


def test_a_missing_number_of_a_table_is_no_right_answer(tmp_path):
    images(tmp_path, 7)
    rows = [{"image": f"{n}.png", "question": "What?", "answers": ["red"]} for n in range(6)]
    rows.append({"image": "6.png", "question": "What?", "answers": [float("nan")]})
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    dataset = load_dataset(tmp_path, frozenset({("question", "text")}))
    assert "line 7: The row has no text under 'answers'" in str(dataset.left_out[0])


def test_an_empty_box_of_a_table_is_the_whole_image(tmp_path):
    images(tmp_path, 2)
    (tmp_path / "a.csv").write_text('image,text,box\n0.png,OPEN,\n1.png,7,"[1, 2, 9, 9]"\n', "utf-8")
    task = load_task("ocr")
    asked = task.examples(load_dataset(tmp_path, task.needs).records)
    assert [example.image.window_px for example in asked] == [None, (1, 2, 9, 9)]


def test_image_ten_of_a_sequence_comes_after_image_two(tmp_path):
    for number in (1, 2, 10):
        PILImage.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / f"{number}.png")
    asked, _ = questions_about(images_at(tmp_path), load_task("tracking"), ["the cup"])
    assert [medium.path.name for medium in asked[0].media] == ["1.png", "2.png", "10.png"]


def test_a_target_of_no_kind_names_the_kinds_once(tmp_path):
    good = {"category": "cup", "target": {"kind": "points"}}
    dataset = read(tmp_path, ("category", "points"), good, {**good, "target": {"kind": "pionts"}})
    assert str(dataset.left_out[0]).count("boxes3d") == 1


def test_check_takes_the_options_of_a_task(tmp_path):
    rows = [
        {"image": f"{n}.png", "category": name, "target": [BOX]} for n in range(6) for name in ("cup", "fork")
    ]
    images(tmp_path)
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    asked = {"path": tmp_path, "task": "multi_detection", "out": tmp_path / "drawn"}
    found = check_data(CheckRequest(**asked, task_option=("classes=[cup, unicorn]",)))
    assert any("unicorn" in str(one) for one in found.findings)
    for wrong, said in (
        (CheckRequest(**{**asked, "task": None}, task_option=("classes=[cup]",)), "Name it with --task"),
        (CheckRequest(**asked, task_option=("colour=red",)), "colour"),
        (CheckRequest(path=Path("table3_coco_few_shot_2b"), task_option=("a=1",)), "for a folder of images"),
    ):
        with pytest.raises(InputError, match=said):
            check_data(wrong)
