"""labelme's json: outlines become boxes, points are unknown, embedded images need no file."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelled import BOXES, CLASSES, boxes, class_name
from PIL import Image

from vrft.data.dataset import load_dataset
from vrft.errors import LabelError
from vrft.geometry.masks import mask_area
from vrft.types import Boxes


def shape(label: str, points: list[list[float]], kind: str = "rectangle", **more: Any) -> dict[str, Any]:
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}, **more}


def sheet(image: str, *shapes: dict[str, Any], **more: Any) -> dict[str, Any]:
    head = {"version": "5.4.1", "flags": {}, "shapes": list(shapes), "imagePath": image, "imageData": None}
    return {**head, "imageHeight": 30, "imageWidth": 40, **more}


def write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def png(pixels: np.ndarray) -> str:
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, "PNG")
    return base64.b64encode(stored.getvalue()).decode()


def test_outlines_become_boxes(tmp_path: Path, make_image: Any) -> None:
    make_image("train/a.png")
    make_image("unlabelled.png", shade=1)
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 2:5] = 255
    write(
        tmp_path / "train/a.json",
        sheet(
            "..\\train\\a.png",
            shape("cat", [[30, 22], [5, 4]]),
            shape("dog", [[1, 2], [9, 2], [9, 8]], "polygon"),
            shape("cup", [[20, 15], [23, 19]], "circle"),
            shape("leaf", [[10, 20], [15, 23]], "mask", mask=png(mask)),
            shape("bus", [[1, 1], [3, 1], [3, 3]], "polygon", group_id=4),
            shape("bus", [[10, 10], [12, 10], [12, 12]], "polygon", group_id=4),
            shape("pole", [[1, 1], [9, 9]], "line"),
            shape("eye", [[1, 1]], "point"),
        ),
    )
    dataset = load_dataset(tmp_path)
    assert (dataset.format, dataset.provides) == ("labelme", BOXES)
    (record,) = dataset.records
    assert record.id == "train/a.png"
    assert boxes(record) == [
        ("cat", (5.0, 4.0, 30.0, 22.0)),
        ("dog", (1.0, 2.0, 9.0, 8.0)),
        ("cup", (15.0, 10.0, 25.0, 20.0)),
        ("leaf", (12.0, 21.0, 15.0, 23.0)),
        ("bus", (1.0, 1.0, 12.0, 12.0)),
    ]
    assert record.unknown == ("eye", "pole")
    assert dict(dataset.parts) == {"train/a.png": "train"}
    assert any("unlabelled.png" in says for says in dataset.warnings)


def test_an_image_may_be_inside_its_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    pixels = np.full((30, 40, 3), 90, np.uint8)
    write(tmp_path / "set/a.json", sheet("gone.jpg", shape("cat", [[5, 4], [30, 22]]), imageData=png(pixels)))
    dataset = load_dataset(tmp_path / "set")
    assert [record.id for record in dataset.records] == ["a.png"]
    assert (np.asarray(Image.open(dataset.records[0].image.path)) == pixels).all()
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["a.json"]


def test_flags_are_classes(tmp_path: Path, make_image: Any) -> None:
    for number, name in enumerate(("cat", "dog")):
        make_image(f"{name}.png", shade=number)
        flags = {"cat": name == "cat", "dog": name == "dog"}
        write(tmp_path / f"{name}.json", sheet(f"{name}.png", flags=flags))
    dataset = load_dataset(tmp_path)
    assert dataset.provides == CLASSES
    assert [class_name(record) for record in dataset.records] == ["cat", "dog"]


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.json", sheet("a.jpg", shape("cat", [[5, 4], [30, 22]])))
    with pytest.raises(LabelError, match=r"a\.json: The image 'a\.jpg' is missing"):
        load_dataset(tmp_path)


def test_rectangles_are_corners_in_any_order(tmp_path: Path, make_image: Any) -> None:
    for number in range(4):
        make_image(f"{number}.png", shade=number)
        write(tmp_path / f"{number}.json", sheet(f"{number}.png", shape("cat", [[15, 12], [5, 4]])))
    dataset = load_dataset(tmp_path)
    assert {value.xyxy_px for r in dataset.records for _, value in r.about("category", Boxes)} == {
        ((5.0, 4.0, 15.0, 12.0),)
    }
    assert dataset.left_out == dataset.fixed == ()


def test_parts_of_an_object_meet_however_label_and_group_are_spelt(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    parts = [
        shape("caf\u00e9", [[1, 2], [5, 6]], group_id="1"),
        shape("cafe\u0301", [[9, 9], [20, 18]], group_id=1),
    ]
    write(tmp_path / "a.json", sheet("a.png", *parts))
    (record,) = load_dataset(tmp_path).records
    assert boxes(record) == [("caf\u00e9", (1, 2, 20, 18))]


def test_polygons_and_masks_have_masks_and_other_shapes_have_none(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 2:5] = 255
    write(
        tmp_path / "a.json",
        sheet(
            "a.png",
            shape("cat", [[30, 22], [5, 4]]),
            shape("dog", [[2, 2], [12, 2], [12, 8], [2, 8]], "polygon"),
            shape("cup", [[20, 15], [23, 19]], "circle"),
            shape("leaf", [[10, 20], [15, 23]], "mask", mask=png(mask)),
            shape("bus", [[1, 1], [4, 1], [4, 4], [1, 4]], "polygon", group_id=4),
            shape("bus", [[10, 10], [13, 10], [13, 13], [10, 13]], "polygon", group_id=4),
            shape("van", [[1, 1], [4, 1], [4, 4], [1, 4]], "polygon", group_id=5),
            shape("van", [[10, 10], [13, 13]], group_id=5),
        ),
    )
    (record,) = load_dataset(tmp_path).records
    areas = {
        one.name: None if value.mask is None else mask_area(value.mask)
        for one, value in record.about("category", Boxes)
    }
    assert areas == {"cat": None, "dog": 60, "cup": None, "leaf": 6, "bus": 18, "van": None}
