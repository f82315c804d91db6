"""YOLO folders as Ultralytics, Roboflow, Darknet and label tools write them; wrong lines are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelled import STRICT, boxes, values
from PIL import Image
from pycocotools import mask as coco_mask

from vrft.data.dataset import load_dataset
from vrft.errors import LabelError

BOX = "1 0.5 0.5 0.25 0.2\n"
CORNERS = (15.0, 12.0, 25.0, 18.0)
"""The same in an image of 40 times 30 pixels."""

Put = Callable[[str, str], Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Write a text file below the test's folder."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return write


def found(root: Path) -> dict[str, list[tuple[str, Any]]]:
    dataset = load_dataset(root)
    assert dataset.format == "yolo"
    return {r.id: boxes(r) for r in dataset.records}


@pytest.mark.parametrize("names", ["[cat, dog]", "\n  0: cat\n  1: dog", "\n- cat\n- dog"])
@pytest.mark.parametrize("by_file", [False, True])
def test_ultralytics(tmp_path: Path, make_image: Any, put: Put, names: str, by_file: bool) -> None:
    make_image("images/train/a.png")
    make_image("images/train/deep/b.jpg", shade=1)
    make_image("images/val/c.png", shade=2)
    put("labels/train/a.txt", BOX + "0 0.5 0.5 1 1\n\n")
    put("labels/val/c.txt", BOX)
    sheet = put("data.yaml", f"path: .\ntrain: images/train\nval: images/val\ntest:\nnames: {names}\n")
    path = sheet if by_file else tmp_path
    assert found(path) == {
        "images/train/a.png": [("dog", CORNERS), ("cat", (0.0, 0.0, 40.0, 30.0))],
        "images/train/deep/b.jpg": [],
        "images/val/c.png": [("dog", CORNERS)],
    }
    dataset = load_dataset(path)
    assert dict(dataset.parts) == {
        "images/train/a.png": "train",
        "images/train/deep/b.jpg": "train",
        "images/val/c.png": "val",
    }
    assert len(dataset.warnings) == 1
    assert "images/train/deep/b.jpg" in dataset.warnings[0]


@pytest.mark.parametrize("up", ["../", ""])
def test_roboflow(tmp_path: Path, make_image: Any, put: Put, up: str) -> None:
    for shade, part in enumerate(("train", "valid")):
        make_image(f"{part}/images/a.jpg", shade=shade)
        put(f"{part}/labels/a.txt", BOX)
    put("README.roboflow.txt", "Provided by someone")
    paths = "".join(f"{key}: {up}{folder}/images\n" for key, folder in (("train", "train"), ("val", "valid")))
    put("data.yaml", f"{paths}test: ../test/images\nnc: 2\nnames: ['cat', 'dog']\n")
    assert found(tmp_path) == {f"{p}/images/a.jpg": [("dog", CORNERS)] for p in ("train", "valid")}
    dataset = load_dataset(tmp_path)
    assert dict(dataset.parts) == {"train/images/a.jpg": "train", "valid/images/a.jpg": "val"}
    assert any("'../test/images' for test, which is not there" in warning for warning in dataset.warnings)


@pytest.mark.parametrize(
    ("names", "image", "labels"),
    [
        ("classes.txt", "a.png", "a.txt"),
        ("classes.txt", "images/a.png", "labels/a.txt"),
        ("labels/classes.txt", "images/a.png", "labels/a.txt"),
        ("images/classes.txt", "images/a.png", "images/a.txt"),
        ("obj.names", "obj_train_data/a.png", "obj_train_data/a.txt"),
        ("train/_darknet.labels", "train/a.png", "train/a.txt"),
    ],
)
def test_plain_lists_of_classes(
    tmp_path: Path, make_image: Any, put: Put, names: str, image: str, labels: str
) -> None:
    make_image(image)
    put(names, "cat\ndog\n\n")
    put(labels, BOX)
    assert found(tmp_path) == {image: [("dog", CORNERS)]}


def test_lists_of_images(tmp_path: Path, make_image: Any, put: Put) -> None:
    for shade, name in enumerate("abc"):
        make_image(f"images/{name}.png", shade=shade)
        put(f"labels/{name}.txt", BOX)
    # A list may name some images only, and begin its paths elsewhere.
    put("train.txt", "./images/a.png\n")
    put("val.txt", "data/images/b.png\n\n")
    put("data.yaml", "train: train.txt\nval: val.txt\nnames: [cat, dog]\n")
    assert list(found(tmp_path)) == ["images/a.png", "images/b.png"]
    assert list(load_dataset(tmp_path).parts.values()) == ["train", "val"]
    put("val.txt", "images/b.png\nimages/z.png\n")
    with pytest.raises(LabelError, match=r"val\.txt, line 2: The image 'images/z\.png' is missing"):
        load_dataset(tmp_path)


def test_images_in_two_parts_are_in_none(tmp_path: Path, make_image: Any, put: Put) -> None:
    make_image("images/a.png")
    put("labels/a.txt", BOX)
    put("data.yaml", "train: images\nval: images\nnames: [cat, dog]\n")
    dataset = load_dataset(tmp_path)
    assert len(dataset.records) == 1
    assert not dataset.parts
    assert "several parts" in dataset.warnings[0]


def test_outlines_become_box_and_mask(tmp_path: Path, make_image: Any, put: Put) -> None:
    make_image("images/a.png")
    put("classes.txt", "cat\n")
    put("labels/a.txt", "0 0.25 0.1 0.75 0.1 0.75 0.5 0.25 0.5\n0 0.5 0.5 0.5 0.5\n")
    outlined, plain = values(load_dataset(tmp_path).records[0])
    assert outlined.xyxy_px == ((10.0, 3.0, 30.0, 15.0),)
    assert plain.mask is None
    assert outlined.mask is not None
    region = coco_mask.decode({"size": [30, 40], "counts": outlined.mask.counts.encode()})
    expected = np.zeros((30, 40), np.uint8)
    expected[3:15, 10:30] = 1
    assert np.array_equal(region, expected)


def test_key_points_after_the_box_are_not_an_outline(tmp_path: Path, make_image: Any, put: Put) -> None:
    make_image("images/a.png")
    put("labels/a.txt", "1 0.5 0.5 0.25 0.2 0.1 0.1 0.9 0.9\n")
    put("data.yaml", "train: images\nkpt_shape: [2, 2]\nnames: [cat, dog]\n")
    assert found(tmp_path) == {"images/a.png": [("dog", CORNERS)]}
    put("labels/a.txt", BOX)
    with pytest.raises(LabelError, match=r"a\.txt, line 1: 4 numbers, not 4 of a box and 4 of key"):
        load_dataset(tmp_path)


def test_empty_and_missing_label_files_are_images_without_objects(
    tmp_path: Path, make_image: Any, put: Put
) -> None:
    for shade, name in enumerate("abc"):
        make_image(f"images/{name}.png", shade=shade)
    put("classes.txt", "cat\ndog")
    put("labels/a.txt", BOX)
    put("labels/b.txt", " \n")
    dataset = load_dataset(tmp_path)
    assert [len(boxes(record)) for record in dataset.records] == [1, 0, 0]
    assert dataset.warnings == (
        "1 images without a label file are taken to show no object: images/c.png.",
        "1 images with an empty label file are taken to show no object: labels/b.txt.",
        "Categories without a box are left out: cat.",
    )


def test_shares_are_of_the_image_as_seen(tmp_path: Path, make_image: Any, put: Put) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    make_image("images/a.jpg", (40, 30), exif=exif)
    put("classes.txt", "cat\ndog")
    put("labels/a.txt", "0 0.5 0.5 1 1\n")
    record = load_dataset(tmp_path).records[0]
    assert record.image.size_wh == (30, 40)
    assert boxes(record)[0][1] == (0.0, 0.0, 30.0, 40.0)


def test_rounding_is_put_right_without_a_word_and_a_pixel_with_one(
    tmp_path: Path, make_image: Any, put: Put
) -> None:
    make_image("images/a.png", (3000, 2000))
    put("classes.txt", "cat")
    put("labels/a.txt", "0 0.166667 0.5 0.333335 1.000001\n")
    dataset = load_dataset(tmp_path)
    assert dataset.warnings == ()
    x1, y1, x2, y2 = boxes(dataset.records[0])[0][1]
    assert (x1, y1, y2) == (0.0, 0.0, 2000.0)
    assert x2 == pytest.approx(1000, abs=0.01)
    put("labels/a.txt", "0 0.1 0.5 0.2003 1\n")
    (clipped,) = load_dataset(tmp_path).warnings
    assert clipped.startswith("Boxes up to 1 pixel outside their images were clipped: ")
    assert clipped.endswith("labels/a.txt, line 1.")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("1 320 240 50 60", "320 is not between 0 and 1"),
        ("1 0.5 0.5 0.5 1.2", "outside its image"),
        ("1 0.5 -0.01 0.5 0.5", "outside its image"),
        ("1 0.5 nan 0.5 0.5", "nan is not between 0 and 1"),
        ("2 0.5 0.5 0.5 0.5", r"class 2 is not among those of classes\.txt, 0 to 1"),
        ("-1 0.5 0.5 0.5 0.5", "class -1 is not among"),
        ("0.5 0.5 0.5 0.5 0.5", "class 0.5 is not among"),
        ("inf 0.5 0.5 0.5 0.5", "class inf is not among"),
        ("dog 0.5 0.5 0.5 0.5", "'dog 0.5 0.5 0.5 0.5' holds something other than numbers"),
        ("1,0.5,0.5,0.5,0.5", "other than numbers"),
        ("1 0.5 0.5 0.5", "3 numbers after the class"),
        ("1 0.5 0.5 0.5 0.5 0.9", "a prediction with its confidence"),
        ("1 0.1 0.1 0.5 0.5 0.9 0.9 0.3", "7 numbers after the class"),
        ("1 0.5 0.5 0 0.5", "no area"),
        ("1 0.05 0.5 0.5 0.5", "outside its image"),
        ("1", "0 numbers after the class"),
    ],
)
def test_wrong_lines_are_refused_by_number(
    tmp_path: Path, make_image: Any, put: Put, line: str, said: str
) -> None:
    make_image("images/a.png")
    put("classes.txt", "cat\ndog")
    put("labels/a.txt", f"{BOX}\n{line}\n")
    with pytest.raises(LabelError, match=rf"labels/a\.txt, line 3: .*{said}") as caught:
        load_dataset(tmp_path, options=STRICT)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        ("train: images\nnames: [cat\n", r"data\.yaml, line \d: The file is not YAML"),
        ("train: images\nnames:\n", "no class names"),
        ("train: images\nnames: []\n", "no class names"),
        ("train: images\nnames: [yes, no]\n", "name of class 0 is True"),
        ("train: images\nnames: [1.10]\n", "name of class 0 is 1.1"),
        ("train: images\nnames: {a: cat}\n", "class number 'a' is not a number"),
        ("train: images\nnc: 3\nnames: [cat, dog]\n", "'nc' is 3, but 'names' lists 2"),
        ("train: photos\nnames: [cat, dog]\n", r"data\.yaml, train: There is no 'photos'"),
        ("train: [1]\nnames: [cat, dog]\n", "'train' is not a path"),
        ("train: images\nkpt_shape: 3\nnames: [cat, dog]\n", "kpt_shape 3"),
    ],
)
def test_a_wrong_data_yaml_is_refused(
    tmp_path: Path, make_image: Any, put: Put, sheet: str, said: str
) -> None:
    make_image("images/a.png")
    put("labels/a.txt", BOX)
    put("data.yaml", sheet)
    with pytest.raises(LabelError, match=said):
        load_dataset(tmp_path)


def test_a_class_may_be_a_number(tmp_path: Path, make_image: Any, put: Put) -> None:
    make_image("images/a.png")
    put("labels/a.txt", BOX)
    put("data.yaml", "train: images\nnames: [7, 8]\n")
    assert found(tmp_path) == {"images/a.png": [("8", CORNERS)]}


def test_what_does_not_fit_together_is_refused(tmp_path: Path, make_image: Any, put: Put) -> None:
    make_image("images/a.png")
    put("labels/a.txt", BOX)
    with pytest.raises(LabelError, match=r"no names.*classes\.txt"):
        load_dataset(tmp_path)
    put("classes.txt", "cat\n\ndog\n")
    with pytest.raises(LabelError, match=r"classes\.txt, line 2: The line is empty"):
        load_dataset(tmp_path)
    put("classes.txt", "cat\ndog\n")
    put("labels/classes.txt", "dog\ncat\n")
    with pytest.raises(LabelError, match=r"labels/classes\.txt: The classes differ from those in"):
        load_dataset(tmp_path)
    (tmp_path / "labels/classes.txt").unlink()
    put("labels/z.txt", BOX)
    with pytest.raises(LabelError, match=r"labels/z\.txt: There is no image for these labels"):
        load_dataset(tmp_path)
    (tmp_path / "labels/z.txt").unlink()
    make_image("images/a.jpg", shade=1)
    with pytest.raises(LabelError, match=r"labels/a\.txt: The file labels two images"):
        load_dataset(tmp_path)
    put("one.yaml", "train: images\nnames: [cat, dog]\n")
    put("two.yaml", "train: images\nnames: [cat, dog]\n")
    with pytest.raises(LabelError, match=r"several data\.yaml: one\.yaml, two\.yaml"):
        load_dataset(tmp_path)


def test_every_mistake_is_reported_at_once(tmp_path: Path, make_image: Any, put: Put) -> None:
    make_image("images/a.png")
    make_image("images/b.png").write_bytes(b"no")
    put("classes.txt", "cat\ndog")
    put("labels/a.txt", "5 0 0 1 1\n1 9 9 9 9\n")
    put("labels/b.txt", BOX)
    with pytest.raises(LabelError) as caught:
        load_dataset(tmp_path)
    assert all(words in str(caught.value) for words in ("a.txt, line 1", "a.txt, line 2", "b.png"))
    assert "b.txt" not in str(caught.value)


def test_other_text_files_are_no_labels(tmp_path: Path, make_image: Any, put: Put) -> None:
    make_image("cat/1.png")
    make_image("dog/1.png")
    put("classes.txt", "cat\ndog\n")
    put("cat/1.txt", "a cat of 5 years, 0.5 m long\n")
    assert load_dataset(tmp_path).format == "class_folders"


def test_an_outline_over_the_border_keeps_what_is_inside(tmp_path: Path, make_image: Any, put: Put) -> None:
    """Turned boxes of things that the image cuts off."""
    make_image("images/a.png")
    put("classes.txt", "cat\ndog")
    put("labels/a.txt", "1 0.75 0.5 1.25 0.5 1.25 0.8 0.75 0.8\n")
    dataset = load_dataset(tmp_path)
    assert boxes(dataset.records[0]) == [("dog", (30.0, 15.0, 40.0, 24.0))]
    assert [one.where for one in dataset.fixed] == [f"{tmp_path / 'labels/a.txt'}, line 1"]
    (value,) = values(dataset.records[0])
    assert value.mask is not None
    mask = coco_mask.decode({"size": value.mask.size_hw, "counts": value.mask.counts})
    assert mask.sum() == 10 * 9 and mask[15:24, 30:40].all()


def test_both_images_of_one_label_file_are_left_out(tmp_path: Path, make_image: Any, put: Put) -> None:
    put("classes.txt", "cat\ndog")
    for k in range(9):
        make_image(f"images/{k}.png", shade=k)
        put(f"labels/{k}.txt", BOX)
    make_image("images/3.jpg", shade=100)
    dataset = load_dataset(tmp_path)
    assert sorted(record.id for record in dataset.records) == [f"images/{k}.png" for k in range(9) if k != 3]
    assert len(dataset.left_out) == 2


def test_key_points_that_no_file_declares_are_no_outline(tmp_path: Path, make_image: Any, put: Put) -> None:
    make_image("images/a.png")
    put("data.yaml", "train: images\nnames: [cat, dog]\n")
    put("labels/a.txt", "0 0.5 0.5 0.2 0.2 0.1 0.1 2 0.2 0.3 0\n" + BOX * 4)
    dataset = load_dataset(tmp_path)
    assert dataset.records[0].unknown == ("cat",) and len(dataset.records[0].annotations) == 4
    assert "kpt_shape" in str(dataset.left_out[0])
