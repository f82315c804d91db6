"""Boxes as people write them in rows: objects with keys, texts, Qwen's, regions of VIA, RetinaNet's CSV."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labelled import BOXES, boxes, phrases

from vrft.data.data_options import ReadOptions
from vrft.data.dataset import load_dataset
from vrft.data.rows.box_orders import read_box

BOX = (4.0, 6.0, 20.0, 27.0)
SPELLINGS = [
    {"x1": 4, "y1": 6, "x2": 20, "y2": 27},
    {"xmin": "4", "ymin": "6", "xmax": "20", "ymax": "27"},
    {"x": 4, "y": 6, "width": 16, "height": 21},
    {"left": 4, "top": 6, "right": 20, "bottom": 27},
    {"left": 4, "top": 6, "width": 16, "height": 21},
]
TEXTS = ["[4, 6, 20, 27]", "4,6,20,27", "(4, 6, 20, 27)"]


def write(folder: Path, *rows: dict[str, Any]) -> Path:
    (folder / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.mark.parametrize("box", [*SPELLINGS, *TEXTS], ids=str)
def test_a_box_may_be_an_object_or_a_text(tmp_path: Path, make_image: Any, box: Any) -> None:
    make_image("a.png")
    write(tmp_path, {"image": "a.png", "category": "cup", "bbox": box})
    assert boxes(load_dataset(tmp_path, BOXES).records[0]) == [("cup", BOX)]
    write(tmp_path, {"image": "a.png", "question": "the cup", "target": box})
    if isinstance(box, dict) or box.startswith("["):
        options = ReadOptions(format="rows")
        (record,) = load_dataset(tmp_path, {("phrase", "boxes")}, options).records
        assert phrases(record) == [("the cup", (BOX,))]
    write(tmp_path, {"image": "a.png", "objects": {"bbox": [box], "category": ["cup"]}})
    declared = ReadOptions(box_order="xyxy")
    assert boxes(load_dataset(tmp_path, BOXES, declared).records[0]) == [("cup", BOX)]


@pytest.mark.parametrize("box", SPELLINGS, ids=str)
def test_objects_may_have_their_corners_themselves(tmp_path: Path, make_image: Any, box: Any) -> None:
    make_image("a.png")
    write(tmp_path, {"image": "a.png", "objects": [{**box, "label": "cup"}, {**box, "label": "cat"}]})
    assert boxes(load_dataset(tmp_path).records[0]) == [("cup", BOX), ("cat", BOX)]


@pytest.mark.parametrize("key", ["objects", "annotations"])
def test_qwens_keys_have_two_corners(tmp_path: Path, make_image: Any, key: str) -> None:
    make_image("a.png")
    make_image("b.png", shade=1)
    small = {"bbox_2d": [4, 6, 9, 8], "label": "cup"}  # might as well be a corner and size
    write(tmp_path, {"image": "a.png", key: [small, small | {"label": "cat"}]}, {"image": "b.png", key: []})
    first, second = load_dataset(tmp_path).records
    assert boxes(first) == [("cup", (4.0, 6.0, 9.0, 8.0)), ("cat", (4.0, 6.0, 9.0, 8.0))]
    assert (boxes(second), second.absent) == ([], None)
    write(tmp_path, {"image": "a.png", **small})
    assert boxes(load_dataset(tmp_path).records[0]) == [("cup", (4.0, 6.0, 9.0, 8.0))]


@given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4), st.sampled_from([", ", ",", ";"]))
def test_a_text_of_four_numbers_is_a_box_and_of_other_counts_none(box: list[float], between: str) -> None:
    text = between.join(map(repr, box))
    assert read_box(text) == read_box(f" [{text}] ") == (box, None)
    assert read_box(between.join(map(repr, box[:3]))) is None
    assert read_box({"x1": box[0], "y1": box[1], "x2": box[2]}) is None
    assert read_box(dict(zip(("x1", "y1", "x2", "y2"), box, strict=True))) == (box, "xyxy")


# ---- the VGG Image Annotator

VIA = ["filename", "file_size", "file_attributes", "region_count", "region_id"]
VIA += ["region_shape_attributes", "region_attributes"]


def via(folder: Path, regions: list[tuple[str, Any, Any]], first: str = "filename") -> None:
    with (folder / "via.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([first, *VIA[1:]])
        for image, shape, attributes in regions:
            writer.writerow([image, 99, "{}", len(regions), 0, json.dumps(shape), json.dumps(attributes)])


RECT = {"name": "rect", "x": 4, "y": 6, "width": 16, "height": 21}


@pytest.mark.parametrize("first", ["filename", "#filename"])
def test_regions_of_via(tmp_path: Path, make_image: Any, first: str) -> None:
    for shade, name in enumerate("abc"):
        make_image(f"{name}.png", shade=shade)
    polygon = {"name": "polygon", "all_points_x": [4, 20, 9], "all_points_y": [6, 8, 27]}
    regions = [
        ("a.png", RECT, {"class": "cat", "colour": "black"}),
        ("a.png", polygon, {"kind": {"dog": True, "cat": False}}),
        ("a.png", {"name": "circle", "cx": 10, "cy": 12, "r": 5}, {"animal": "cat"}),
        (
            "a.png",
            {"name": "ellipse", "cx": 10, "cy": 12, "rx": 3, "ry": 5, "theta": math.pi / 2},
            {"animal": "dog"},
        ),
        ("b.png", {}, {}),
        *[("c.png", RECT, {"label": "cat"})] * 3,
        ("c.png", {"name": "point", "cx": 1, "cy": 2}, {"label": "fox"}),
    ]
    via(tmp_path, regions, first)
    dataset = load_dataset(tmp_path)
    a, b, c = dataset.records
    assert boxes(a) == [
        ("cat", BOX),
        ("dog", BOX),
        ("cat", (5.0, 7.0, 15.0, 17.0)),
        ("dog", (5.0, 9.0, 15.0, 15.0)),
    ]
    assert (boxes(b), b.absent) == ([], None) and b.known({"cat"}) == {"cat"}
    assert c.known({"cat", "dog", "fox"}) == {"cat", "dog"}
    assert [(one.where, one.problem) for one in dataset.left_out] == [
        (f"{tmp_path / 'via.csv'}, line 10", "A region of the shape 'point' has no box.")
    ]


@pytest.mark.parametrize(
    ("shape", "attributes", "said"),
    [
        (RECT, {}, "no class"),
        (RECT, {"a": "cat", "b": "dog"}, "no class, or several"),
        (RECT, {"kind": {"cat": True, "dog": True}}, "no class, or several"),
        ({"name": "rect", "x": 4}, {"class": "cat"}, "numbers of the shape 'rect'"),
        ({"name": "polygon", "all_points_x": [1]}, {"class": "cat"}, "shape 'polygon'"),
        ({"name": "polygon", "all_points_x": [], "all_points_y": []}, {"class": "cat"}, "shape 'polygon'"),
        ({"name": "ellipse", "cx": 4, "theta": "x"}, {"class": "cat"}, "shape 'ellipse'"),
        ("rect", {"class": "cat"}, "no JSON object"),
    ],
)
def test_regions_that_cannot_be_read_are_listed(
    tmp_path: Path, make_image: Any, shape: Any, attributes: Any, said: str
) -> None:
    make_image("a.png")
    make_image("b.png", shade=1)
    via(tmp_path, [*[("a.png", RECT, {"class": "cat"})] * 6, ("b.png", shape, attributes)])
    dataset = load_dataset(tmp_path)
    (left,) = dataset.left_out
    assert said in left.problem and left.where.endswith("line 8")
    assert "cat" not in dataset.records[1].known({"cat"})


# ---- RetinaNet


def test_a_csv_without_a_header_is_retinanets(tmp_path: Path, make_image: Any) -> None:
    for shade, name in enumerate("abc"):
        make_image(f"{name}.png", shade=shade)
    lines = ["a.png,4,6,20,27,cat", "a.png,1,2,3,4,dog", "b.png,,,,,", "c.png,4,6,20,27,dog"]
    (tmp_path / "train.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "classes.csv").write_text("cat,0\ndog,1\n")
    a, b, c = load_dataset(tmp_path).records
    assert boxes(a) == [("cat", BOX), ("dog", (1.0, 2.0, 3.0, 4.0))]
    assert (boxes(b), boxes(c)) == ([], [("dog", BOX)])
    assert [record.absent for record in (a, b, c)] == [None] * 3
    (tmp_path / "train.csv").write_text("\n".join(reversed(lines)) + "\n")
    assert len(load_dataset(tmp_path).records) == 3


def test_empty_corners_say_that_there_is_no_object(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    make_image("b.png", shade=1)
    head = "filename,width,height,class,xmin,ymin,xmax,ymax"
    (tmp_path / "x.csv").write_text(f"{head}\na.png,40,30,cat,4,6,20,27\nb.png,40,30,,,,,\n")
    dataset = load_dataset(tmp_path)
    assert [boxes(record) for record in dataset.records] == [[("cat", BOX)], []] and not dataset.left_out
