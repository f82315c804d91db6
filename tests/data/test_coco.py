"""COCO json in every common layout; wrong labels are refused with file, annotation and fix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labelled import STRICT, boxes, instances
from PIL import Image

from vrft.data.dataset import load_dataset
from vrft.errors import LabelError
from vrft.tasks.registry import load_task


def test_boxes_become_corners_and_negatives_stay(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("images/a.png")
    make_image("images/b.png")
    make_coco(
        "instances.json",
        [("a.png", 40, 30), ("b.png", 40, 30)],
        [(1, 2, [10, 5.5, 20, 10]), (1, 1, [0, 0, 40, 30])],
    )
    dataset = load_dataset(tmp_path)
    assert (dataset.format, dataset.warnings, dataset.categories) == ("coco", (), ("cat", "dog"))
    a, b = dataset.records
    assert a.id == "images/a.png"
    assert a.image.size_wh == (40, 30)
    assert boxes(a) == [
        ("dog", (10.0, 5.5, 30.0, 15.5)),
        ("cat", (0.0, 0.0, 40.0, 30.0)),
    ]
    assert boxes(b) == []


@pytest.mark.parametrize(
    ("label_file", "image"),
    [
        ("a.json", "p.png"),
        ("a.json", "images/p.png"),
        ("annotations/a.json", "p.png"),
        ("annotations/a.json", "images/p.png"),
        ("annotations/instances_val2017.json", "val2017/p.png"),
        ("annotations/instances_val2017.json", "images/val2017/p.png"),
        ("annotations/a.json", "anything/p.png"),
        ("test/_annotations.coco.json", "test/p.png"),
    ],
)
@pytest.mark.parametrize("by_file", [False, True])
def test_layouts(
    tmp_path: Path, make_image: Any, make_coco: Any, label_file: str, image: str, by_file: bool
) -> None:
    path = make_image(image)
    labels = make_coco(label_file, [("p.png", 40, 30)], [(1, 1, [0, 0, 5, 5])])
    dataset = load_dataset(labels if by_file else tmp_path)
    assert dataset.records[0].image.path.samefile(path)
    if not by_file:
        assert dataset.records[0].id == image


def test_images_named_as_on_another_machine(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("images/p.png")
    make_image("images/q.png", shade=1)
    make_coco(
        "a.json", [("/home/someone/p.png", 40, 30), ("C:\\pics\\q.png", 40, 30)], [(1, 1, [0, 0, 5, 5])]
    )
    assert [record.id for record in load_dataset(tmp_path).records] == ["images/p.png", "images/q.png"]


def test_roboflow_parts_are_merged_and_reported(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    for part in ("train", "valid", "test"):
        make_image(f"{part}/1.png")
        make_coco(
            f"{part}/_annotations.coco.json", [("1.png", 40, 30)], [(1, 2, [1, 1, 5, 5])], ("animals", "cat")
        )
    dataset = load_dataset(tmp_path)
    assert dict(dataset.parts) == {"train/1.png": "train", "valid/1.png": "val", "test/1.png": "test"}
    assert dataset.categories == ("cat",)
    assert len(dataset.warnings) == 1
    assert "animals" in dataset.warnings[0]


def test_a_image_in_two_label_files_is_refused(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("images/p.png")
    make_coco("annotations/instances.json", [("p.png", 40, 30)], [(1, 1, [0, 0, 5, 5])])
    make_coco("annotations/keypoints.json", [("p.png", 40, 30)], [(1, 1, [0, 0, 5, 5])])
    with pytest.raises(LabelError, match=r"keypoints\.json.*instances\.json.*one file"):
        load_dataset(tmp_path)


def test_one_pixel_out_is_clipped_with_a_warning(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("p.png")
    make_coco("a.json", [("p.png", 40, 30)], [(1, 1, [-1, -0.5, 42, 31.5]), (1, 1, [0, 0, 40, 30])], ("cat",))
    dataset = load_dataset(tmp_path)
    assert {box for _, box in boxes(dataset.records[0])} == {(0.0, 0.0, 40.0, 30.0)}
    assert len(dataset.warnings) == 1
    assert "a.json, annotation 1 (image p.png)." in dataset.warnings[0]


@pytest.mark.parametrize(
    ("bbox", "said"),
    [
        ([-1.1, 0, 5, 5], "outside its image"),
        ([0, 0, 41.5, 5], "outside its image"),
        ([0, 20, 5, 11.1], "outside its image"),
        ([40, 0, 0.5, 5], "outside its image"),
        ([5, 5, 0, 5], "no area"),
        ([5, 5, 5, -1], "no area"),
        ([5, 5, 5], r"not \[x, y, width, height\]"),
        (["5", "b", 5, 5], r"not \[x, y, width, height\]"),
        ([5, 5, float("nan"), 5], "not four numbers"),
        (None, r"not \[x, y, width, height\]"),
    ],
)
def test_wrong_boxes_are_refused_by_name(
    tmp_path: Path, make_image: Any, make_coco: Any, bbox: Any, said: str
) -> None:
    make_image("p.png")
    make_coco("a.json", [("p.png", 40, 30)], [(1, 1, [0, 0, 5, 5]), (1, 1, bbox)])
    with pytest.raises(LabelError, match=said) as caught:
        load_dataset(tmp_path, options=STRICT)
    assert "a.json, annotation 2 (image p.png)" in str(caught.value)
    assert caught.value.fix


def test_every_mistake_is_reported_at_once(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("p.png")
    make_coco(
        "a.json", [("p.png", 40, 30), ("q.png", 40, 30)], [(2, 1, [0, 0, 1, 1]), *[(1, 1, [0, 0, 99, 5])] * 7]
    )
    with pytest.raises(LabelError) as caught:
        load_dataset(tmp_path)
    message = str(caught.value)
    assert "'q.png' is missing" in message
    assert "annotation 2 " in message
    assert "and 3 more" in message
    assert "annotation 1 " not in message


def test_rotated_images(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    make_image("p.jpg", (40, 30), exif=exif)
    make_coco("a.json", [("p.jpg", 40, 30)], [(1, 1, [0, 0, 5, 5])])
    with pytest.raises(LabelError, match=r"30x40.*swapped.*EXIF"):
        load_dataset(tmp_path)
    make_coco("a.json", [("p.jpg", 30, 40)], [(1, 1, [0, 0, 30, 40])])
    assert boxes(load_dataset(tmp_path).records[0])[0][1] == (0.0, 0.0, 30.0, 40.0)


def test_another_size_is_refused(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("p.png", (40, 30))
    make_coco("a.json", [("p.png", 80, 60)], [(1, 1, [0, 0, 5, 5])])
    with pytest.raises(LabelError, match=r"80x60 pixels.*40x30"):
        load_dataset(tmp_path)


def test_crowds_are_marked(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("p.png")
    make_coco("a.json", [("p.png", 40, 30)], [(1, 1, [0, 0, 5, 5])], iscrowd=1)
    assert not instances(load_dataset(tmp_path).records[0])[0].counts


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s["annotations"][0].update(image_id=9), "image_id 9 is not among the images"),
        (lambda s: s["annotations"][0].update(image_id=[1]), "image_id"),
        (lambda s: s["annotations"][0].update(category_id=9), "category_id 9 is not among the categories"),
        (lambda s: s["images"].append(s["images"][0]), "no id of its own"),
        (lambda s: s["images"].append({**s["images"][0], "id": 7}), "listed twice"),
        (lambda s: s["images"][0].pop("file_name"), "file_name"),
        (lambda s: s["images"][0].pop("id"), "no id of its own"),
        (lambda s: s["categories"][0].update(name=" "), "no name"),
        (lambda s: s["categories"].append({"id": 1, "name": "cow"}), "Two categories"),
        (lambda s: s.update(annotations=[]), "holds no box"),
        (lambda s: s.update(annotations={}), "no list of objects 'annotations'"),
    ],
)
def test_broken_references_are_refused(
    tmp_path: Path, make_image: Any, make_coco: Any, change: Any, said: str
) -> None:
    make_image("p.png")
    path = make_coco("a.json", [("p.png", 40, 30)], [(1, 1, [0, 0, 5, 5])])
    sheet = json.loads(path.read_text())
    change(sheet)
    path.write_text(json.dumps(sheet))
    with pytest.raises(LabelError, match=said):
        load_dataset(tmp_path)


def test_a_json_cut_short_is_named(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("p.png")
    path = make_coco("a.json", [("p.png", 40, 30)], [(1, 1, [0, 0, 5, 5])])
    path.write_text(path.read_text()[:-1])
    with pytest.raises(LabelError, match=r"a\.json.*not JSON"):
        load_dataset(tmp_path)


def test_two_images_of_one_name_are_not_guessed(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("north/p.png")
    make_image("south/p.png", shade=1)
    make_coco("a.json", [("p.png", 40, 30)], [(1, 1, [0, 0, 5, 5])])
    with pytest.raises(LabelError, match=r"several folders: .*north.*south"):
        load_dataset(tmp_path)


def test_a_segmentation_that_cannot_be_read_costs_no_box(
    tmp_path: Path, make_image: Any, make_coco: Any
) -> None:
    make_image("p.png")
    place = [("p.png", 40, 30)], [(1, 1, [0, 0, 5, 30])]
    make_coco("a.json", *place, segmentation=[[0, 0, 99, 0, 99, 30]])
    dataset = load_dataset(tmp_path)
    assert boxes(dataset.records[0]) == [("cat", (0.0, 0.0, 5.0, 30.0))]
    assert dataset.left_out == () and "is outside its image" in dataset.fixed[0].problem
    assert "Fixed: segmentations that cannot be used (1)" in dataset.summary


@pytest.mark.parametrize("flag", ["iscrowd", "ignore", "difficult"])
def test_what_does_not_count_is_not_asked_about(
    tmp_path: Path, make_image: Any, make_coco: Any, flag: str
) -> None:
    make_image("p.png")
    for value in (1, "1", True, "true"):
        make_coco("a.json", [("p.png", 40, 30)], [(1, 1, [0, 0, 5, 30])], **{flag: value})
        (instance,) = instances(load_dataset(tmp_path).records[0])
        assert not instance.counts
        assert load_task("detection").examples(load_dataset(tmp_path).records) == []


@pytest.mark.parametrize("bbox", [None, []])
def test_an_outline_without_a_bbox_has_the_box_around_it(
    tmp_path: Path, make_image: Any, make_coco: Any, bbox: Any
) -> None:
    make_image("p.png")
    outline = [[10, 5, 20, 5, 20, 15, 10, 15]]
    make_coco("a.json", [("p.png", 40, 30)], [(1, 1, bbox)], ("cat",), segmentation=outline)
    dataset = load_dataset(tmp_path, options=STRICT)
    assert boxes(dataset.records[0]) == [("cat", (10.0, 5.0, 20.0, 15.0))]
