"""Objects that are flagged as crowds, groups, ignored or difficult count for nothing, in every format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from labelled import instances
from PIL import Image

from vrft import load_dataset

FLAGS = ("iscrowd", "is_crowd", "ignore", "Difficult", "IsGroupOf")
SET, NOT_SET = ("1", "true", "Yes"), ("0", "false", "")
CORNERS = {"xmin": 5, "ymin": 6, "xmax": 30, "ymax": 28}


def _coco(folder: Path, flag: str, value: str) -> None:
    cat = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 6, 25, 22], flag: value}
    _coco_file(folder, cat)


def _coco_attributes(folder: Path, flag: str, value: str) -> None:
    attributes = {"occluded": False, flag: value}
    cat = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 6, 25, 22], "attributes": attributes}
    _coco_file(folder, cat)


def _coco_file(folder: Path, cat: dict[str, object]) -> None:
    sheet = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [cat],
    }
    (folder / "labels.json").write_text(json.dumps(sheet))


def _voc(folder: Path, flag: str, value: str) -> None:
    box = "".join(f"<{tag}>{edge}</{tag}>" for tag, edge in CORNERS.items())
    cat = f"<object><name>cat</name><{flag}>{value}</{flag}><bndbox>{box}</bndbox></object>"
    (folder / "a.xml").write_text(f"<annotation><filename>a.png</filename>{cat}</annotation>")


def _cvat(folder: Path, flag: str, value: str) -> None:
    attribute = f'<attribute name="{flag}">{value}</attribute>'
    cat = f'<box label="cat" xtl="5" ytl="6" xbr="30" ybr="28">{attribute}</box>'
    (folder / "annotations.xml").write_text(f'<annotations><image name="a.png">{cat}</image></annotations>')


def _labelme(folder: Path, flag: str, value: str) -> None:
    cat = {
        "label": "cat",
        "points": [[5, 6], [30, 28]],
        "shape_type": "rectangle",
        "flags": {flag: value},
    }
    (folder / "a.json").write_text(json.dumps({"imagePath": "a.png", "shapes": [cat]}))


def _csv(folder: Path, flag: str, value: str) -> None:
    edges = ",".join(map(str, CORNERS.values()))
    (folder / "rows.csv").write_text(f"image,class,{','.join(CORNERS)},{flag}\na.png,cat,{edges},{value}\n")


def _objects(folder: Path, flag: str, value: str) -> None:
    row = {"image": "a.png", "objects": {"bbox": [[5, 6, 25, 22]], "category": ["cat"], flag: [value]}}
    (folder / "rows.jsonl").write_text(json.dumps(row))


@pytest.mark.parametrize("write", [_coco, _coco_attributes, _voc, _cvat, _labelme, _csv, _objects])
@pytest.mark.parametrize("flag", FLAGS)
def test_a_flagged_object_counts_for_nothing(
    tmp_path: Path, write: Callable[[Path, str, str], None], flag: str
) -> None:
    for number, value in enumerate((*SET, *NOT_SET)):
        folder = tmp_path / str(number)
        folder.mkdir()
        Image.new("RGB", (64, 48)).save(folder / "a.png")
        write(folder, flag, value)
        (record,) = load_dataset(folder).records
        (cat,) = instances(record)
        assert cat.counts == (value in NOT_SET)
        assert record.known({"cat"}) == ({"cat"} if value in NOT_SET else set())


@pytest.mark.parametrize("name", ["ignore", "__ignore__", "Ignore_area", "DontCare"])
def test_a_region_by_an_ignoring_name_is_of_any_category(tmp_path: Path, name: str) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    shapes = [
        {"label": label, "points": [[5, 6], [30, 28]], "shape_type": "rectangle"} for label in ("cat", name)
    ]
    (tmp_path / "a.json").write_text(json.dumps({"imagePath": "a.png", "shapes": shapes}))
    dataset = load_dataset(tmp_path)
    assert dataset.categories == ("cat",) and dataset.records[0].known({"cat", "dog"}) == set()
