"""A folder is read by all that lies in it: strangers say nothing, one more is opened, doubts are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labelled import BOXES, CLASSES

from vrft.data.data_options import ReadOptions
from vrft.data.dataset import load_dataset
from vrft.errors import InputError, LabelError

STRANGERS = ("__MACOSX", "docs", "labels", "ground_truth", "__pycache__", "runs")


def class_sets(make_image: Any, *folders: str) -> None:
    for shade, folder in enumerate(folders):
        for name in ("cat", "dog"):
            make_image(f"{folder}/{name}/{shade}.png", shade=shade + (name == "cat") * 100)


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize("inside", [(), ("._cat",), ("notes.txt", "train/._x.png")])
def test_folders_without_images_say_nothing(
    tmp_path: Path, make_image: Any, stranger: str, inside: tuple[str, ...]
) -> None:
    class_sets(make_image, "train", "val")
    (tmp_path / stranger).mkdir()
    for name in inside:
        file = tmp_path / stranger / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
    dataset = load_dataset(tmp_path)
    assert dataset.categories == ("cat", "dog")
    assert set(dataset.parts.values()) == {"train", "val"}


def test_masks_beside_the_parts_are_no_class(tmp_path: Path, make_image: Any) -> None:
    """MVTec AD."""
    make_image("train/good/000.png")
    make_image("test/good/001.png", shade=1)
    make_image("test/broken/002.png", shade=2)
    make_image("ground_truth/broken/002_mask.png", shade=3)
    dataset = load_dataset(tmp_path)
    assert dataset.categories == ("broken", "good")
    assert len(dataset.records) == 3
    assert any("ground_truth" in says for says in dataset.warnings)


def test_a_folder_called_images_is_no_class(tmp_path: Path, make_image: Any) -> None:
    """Tiny ImageNet: images of classes lie in train/CLASS/images, those to be validated in val/images."""
    for shade, name in enumerate(("n01", "n02")):
        make_image(f"train/{name}/images/{name}_0.png", shade=shade)
    make_image("val/images/val_0.png", shade=9)
    dataset = load_dataset(tmp_path)
    assert dataset.categories == ("n01", "n02")
    assert [record.id for record in dataset.records] == [
        "train/n01/images/n01_0.png",
        "train/n02/images/n02_0.png",
    ]
    assert any("make no class" in says and "val" in says for says in dataset.warnings)


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("parts", [("train", "val"), ("",)])
def test_one_more_folder_is_opened(
    tmp_path: Path, make_image: Any, depth: int, parts: tuple[str, ...]
) -> None:
    home = "/".join(["animals", "v1"][:depth])
    class_sets(make_image, *(f"{home}/{part}".rstrip("/") for part in parts))
    (tmp_path / "__MACOSX").mkdir()
    make_image("docs/logo.png", shade=50)
    dataset = load_dataset(tmp_path)
    assert dataset.categories == ("cat", "dog")
    assert dataset.root == tmp_path / home
    assert any(home in says for says in dataset.warnings)


def test_one_more_folder_with_label_files(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("fruit/images/a.png")
    make_coco("fruit/annotations/instances.json", [("a.png", 40, 30)], [(1, 1, [1, 2, 3, 4])])
    dataset = load_dataset(tmp_path)
    assert (dataset.format, dataset.root, [r.id for r in dataset.records]) == (
        "coco",
        tmp_path / "fruit",
        ["images/a.png"],
    )


def exports(folder: Path, make_image: Any, make_coco: Any) -> None:
    """The same image in three exports side by side."""
    make_image("coco/train/a.png")
    make_coco("coco/train/_annotations.coco.json", [("a.png", 40, 30)], [(1, 1, [1, 2, 3, 4])])
    make_image("voc/a.png")
    xml = "<annotation><filename>a.png</filename><object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin>"
    (folder / "voc/a.xml").write_text(xml + "<xmax>4</xmax><ymax>6</ymax></bndbox></object></annotation>")
    make_image("yolo/images/a.png")
    (folder / "yolo/labels").mkdir()
    (folder / "yolo/labels/a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (folder / "yolo/data.yaml").write_text("train: images\nnames: [cat]\n")


def test_exports_side_by_side_are_all_named(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    exports(tmp_path, make_image, make_coco)
    with pytest.raises(LabelError, match=r"coco \(coco\), voc \(voc\), yolo \(yolo\).*Give the path of one"):
        load_dataset(tmp_path, BOXES)
    for name in ("coco", "voc", "yolo"):
        assert load_dataset(tmp_path / name, BOXES).format == name
        assert load_dataset(tmp_path, BOXES, ReadOptions(format=name)).format == name
    with pytest.raises(InputError, match=r"no format 'yol'.*Did you mean 'yolo'"):
        load_dataset(tmp_path, BOXES, ReadOptions(format="yol"))
    with pytest.raises(LabelError, match=r"does not read as lvis"):
        load_dataset(tmp_path, BOXES, ReadOptions(format="lvis"))


@pytest.mark.parametrize("parts", [(), ("train", "test")])
def test_folders_in_folders_may_be_groups_or_classes(
    tmp_path: Path, make_image: Any, parts: tuple[str, ...]
) -> None:
    upper, lower = ("animal", "plant"), ("cat", "dog", "moss", "rose", "tulip")
    for shade, place in enumerate(
        ("animal/cat", "animal/dog", "plant/rose", "plant/tulip", "plant/wet/moss")
    ):
        for part in parts or (".",):
            make_image(f"{part}/{place}/{shade}.png", shade=shade + 50 * (part == "test"))
    first = "class_folders_in_parts" if parts else "class_folders"
    says = rf"{first} \(.*: animal, plant\) and class_subfolders \(.*: cat, dog, moss and 2 more\)"
    with pytest.raises(LabelError, match=rf"{says}.*--format {first} or --format class_subfolders"):
        load_dataset(tmp_path)
    for name, classes in ((first, upper), ("class_subfolders", lower)):
        dataset = load_dataset(tmp_path, CLASSES, ReadOptions(format=name))
        assert dataset.categories == classes and len(dataset.records) == 5 * max(1, len(parts))
        assert set(dataset.parts.values()) == set(parts)
        below = [says for says in dataset.warnings if "Images in folders below a class count to it" in says]
        assert bool(below) == (name == first)


@pytest.mark.parametrize("inner", [("one_{}_1", "{}2"), ("train", "test")])
def test_folders_named_after_their_class_or_as_parts_are_no_classes(
    tmp_path: Path, make_image: Any, inner: tuple[str, str]
) -> None:
    for shade, name in enumerate(("Cat", "dog")):
        for number, below in enumerate(inner):
            make_image(f"{name}/{below.format(name.lower())}/0.png", shade=2 * shade + number)
    dataset = load_dataset(tmp_path)
    assert dataset.format == "class_folders" and dataset.categories == ("Cat", "dog")
    assert any("Cat/" in says and "count to it" in says for says in dataset.warnings)
    assert sorted(dataset.parts.values()) == (["test", "test", "train", "train"] if "train" in inner else [])


def test_folders_beside_the_images_of_a_class_are_no_classes(tmp_path: Path, make_image: Any) -> None:
    for shade, name in enumerate(("cat/0", "cat/old/1", "dog/2", "dog/new/3", "dog/val/4")):
        make_image(f"{name}.png", shade=shade)
    dataset = load_dataset(tmp_path)
    assert dataset.categories == ("cat", "dog") and len(dataset.records) == 5
    assert "Images in folders below a class count to it: cat/old, dog/new, dog/val." in dataset.warnings
    assert dict(dataset.parts) == {"dog/val/4.png": "val"}


def test_a_class_or_a_part_is_for_the_user_to_say(tmp_path: Path, make_image: Any) -> None:
    class_sets(make_image, "train")
    make_image("bus/1.png", shade=77)
    with pytest.raises(LabelError, match=r"class_folders .*class_folders_in_parts .*--format"):
        load_dataset(tmp_path, CLASSES)
    as_classes = load_dataset(tmp_path, CLASSES, ReadOptions(format="class_folders"))
    assert as_classes.categories == ("bus", "train")
    in_parts = load_dataset(tmp_path, CLASSES, ReadOptions(format="class_folders_in_parts"))
    assert in_parts.categories == ("cat", "dog")


def test_class_folders_that_hold_label_files_are_named(
    tmp_path: Path, make_image: Any, make_coco: Any
) -> None:
    for name in ("first", "second"):
        make_image(f"{name}/images/a.png", shade=len(name))
        make_coco(f"{name}/annotations/x.json", [("a.png", 40, 30)], [(1, 1, [1, 2, 3, 4])])
    with pytest.raises(LabelError, match=r"first \(coco\), second \(coco\)"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("names", [("Images", "Labels"), ("IMAGES", "LABELS"), ("images", "Labels")])
@pytest.mark.parametrize("part", ["", "train"])
@pytest.mark.parametrize("listed", ["data.yaml", "classes.txt"])
def test_yolo_folders_in_any_case(
    tmp_path: Path, make_image: Any, names: tuple[str, str], part: str, listed: str
) -> None:
    images, labels = (f"{part}/{name}" if part else name for name in names)
    make_image(f"{images}/a.png")
    (tmp_path / labels).mkdir(parents=True)
    (tmp_path / labels / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    text = f"train: {images}\nnames: [cat]\n" if listed == "data.yaml" else "cat\n"
    (tmp_path / listed).write_text(text)
    dataset = load_dataset(tmp_path)
    assert dataset.format == "yolo"
    assert [record.categories for record in dataset.records] == [{"cat"}]


def test_signed_addresses_are_matched_by_their_last_parts(
    tmp_path: Path, make_image: Any, make_coco: Any
) -> None:
    make_image("images/a b.png")
    make_image("train/x/1.png", shade=1)
    make_image("val/x/1.png", shade=2)
    names = [
        "https://bucket.s3.amazonaws.com/data/a%20b.png?X-Amz-Algorithm=AWS4&X-Amz-Signature=0a1b",
        "/home/someone/set/val/x/1.png",
    ]
    make_coco("labels.json", [(name, 40, 30) for name in names], [(1, 1, [1, 2, 3, 4]), (2, 1, [1, 2, 3, 4])])
    assert [record.id for record in load_dataset(tmp_path).records] == ["images/a b.png", "val/x/1.png"]


@pytest.mark.parametrize("content", ["", "   ", '{"images": [', "\ufeff{", '[{"a": 1}', "[" * 100_000])
def test_a_broken_label_file_is_named(tmp_path: Path, make_image: Any, content: str) -> None:
    make_image("a.png")
    (tmp_path / "labels.json").write_text(content, "utf-8")
    with pytest.raises(LabelError, match=r"labels\.json: The (label file is empty|file is not JSON)"):
        load_dataset(tmp_path)


def test_utf_16_is_named(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("a.png")
    file = make_coco("labels.json", [("a.png", 40, 30)], [(1, 1, [1, 2, 3, 4])])
    file.write_text(file.read_text(), "utf-16")
    with pytest.raises(LabelError, match=r"labels\.json: The file is written in UTF-16"):
        load_dataset(tmp_path)


def test_what_is_said_without_labels_is_short(tmp_path: Path, make_image: Any) -> None:
    make_image("a.png")
    (tmp_path / "x.json").write_text(json.dumps({"images": [], "labels": []}))
    with pytest.raises(LabelError, match=r"1 images.*COCO json") as error:
        load_dataset(tmp_path)
    assert len(str(error.value).split()) < 80


@pytest.mark.parametrize("name", ["a.HEIC", "a.avif"])
def test_images_of_telephones_are_named(tmp_path: Path, make_image: Any, make_coco: Any, name: str) -> None:
    (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(LabelError, match=r"does not read.*JPEG or PNG"):
        load_dataset(tmp_path)
    for number in range(9):
        make_image(f"{number}.png", shade=number)
    names = [(f"{number}.png", 40, 30) for number in range(9)] + [(name, 40, 30)]
    make_coco("labels.json", names, [(number, 1, [1, 2, 3, 4]) for number in range(1, 11)])
    dataset = load_dataset(tmp_path)
    assert len(dataset.records) == 9
    assert "JPEG or PNG" in dataset.left_out[0].fix
    assert any(name in says for says in dataset.warnings)


def test_images_outside_the_folder_are_named(tmp_path: Path, make_image: Any, make_coco: Any) -> None:
    make_image("elsewhere/a.png")
    make_image("set/b.png", shade=1)
    names = [("../elsewhere/a.png", 40, 30), ("b.png", 40, 30)]
    make_coco("set/labels.json", names, [(1, 1, [1, 2, 3, 4]), (2, 1, [1, 2, 3, 4])])
    dataset = load_dataset(tmp_path / "set")
    assert any("outside the folder" in says and "../elsewhere/a.png" in says for says in dataset.warnings)
    assert not any("b.png" in says for says in dataset.warnings if "outside" in says)


@pytest.mark.parametrize("ending", [".JPG", ".Jpeg", ".png"])
def test_reasonseg_takes_any_ending(tmp_path: Path, make_image: Any, ending: str) -> None:
    make_image(f"a{ending}")
    shapes = [{"label": "target", "points": [[1, 1], [9, 1], [9, 9]]}]
    sheet = {"text": ["the cup"], "is_sentence": False, "shapes": shapes}
    (tmp_path / "a.json").write_text(json.dumps(sheet))
    assert [record.id for record in load_dataset(tmp_path).records] == [f"a{ending}"]


def test_names_that_are_numbers_and_names_that_are_shared(
    tmp_path: Path, make_image: Any, make_coco: Any
) -> None:
    make_image("a.png")
    annotations = [(1, 1, [1, 2, 3, 4]), (1, 2, [5, 6, 7, 8]), (1, 3, [9, 9, 9, 9])]
    file = make_coco("a.json", [("a.png", 40, 30)], annotations, ("cat", "cat", "?"))
    sheet = json.loads(file.read_text())
    sheet["categories"][2]["name"] = 7
    file.write_text(json.dumps(sheet))
    dataset = load_dataset(tmp_path)
    assert dataset.categories == ("7", "cat")
    assert any("'cat'" in says and "one" in says for says in dataset.warnings)


def test_a_link_that_leads_to_itself_costs_itself_alone(
    tmp_path: Path, make_image: Any, make_coco: Any
) -> None:
    make_image("images/a.png")
    (tmp_path / "images/loop.png").symlink_to("loop.png")
    make_coco("x.json", [("a.png", 40, 30)], [(1, 1, [1, 2, 3, 4])])
    assert [record.id for record in load_dataset(tmp_path).records] == ["images/a.png"]


def test_folders_that_hold_the_same_classes_may_be_parts(tmp_path: Path, make_image: Any) -> None:
    class_sets(make_image, "fold1", "fold2", "fold3")
    with pytest.raises(LabelError, match=r"class_folders .* and class_folders_in_parts .*--format"):
        load_dataset(tmp_path)
    for name, classes in {
        "class_folders": ("fold1", "fold2", "fold3"),
        "class_folders_in_parts": ("cat", "dog"),
    }.items():
        dataset = load_dataset(tmp_path, options=ReadOptions(format=name))
        assert dataset.categories == classes and not dataset.parts
