"""LVIS json: federated labels stay federated, and no question is asked whose answer is not known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from labelled import STRICT, boxes

from vrft.data.dataset import load_dataset
from vrft.errors import LabelError
from vrft.tasks.registry import load_task


def sheet() -> dict[str, Any]:
    """Two images in the form of lvis_v1_val.json, which has no file names."""

    def image(number: int, folder: str, absent: list[int], not_exhaustive: list[int]) -> dict[str, Any]:
        return {
            "date_captured": "2013-11-14 17:02:52",
            "neg_category_ids": absent,
            "license": 4,
            "height": 30,
            "flickr_url": "http://farm7.staticflickr.com/6116/6255196340_da26cf2c9e_z.jpg",
            "width": 40,
            "id": number,
            "coco_url": f"http://images.cocodataset.org/{folder}/{number:012}.jpg",
            "not_exhaustive_category_ids": not_exhaustive,
        }

    def category(number: int, name: str, frequency: str) -> dict[str, Any]:
        return {
            "frequency": frequency,
            "id": number,
            "synset": f"{name}.n.01",
            "image_count": 14,
            "instance_count": 18,
            "synonyms": [name],
            "def": "a definition",
            "name": name,
        }

    def annotation(number: int, image_id: int, category_id: int, bbox: list[float]) -> dict[str, Any]:
        x, y, width, height = bbox
        outline = [x, y, x + width, y, x + width, y + height, x, y + height]
        return {
            "area": width * height,
            "id": number,
            "segmentation": [outline],
            "image_id": image_id,
            "bbox": bbox,
            "category_id": category_id,
        }

    return {
        "info": {"description": "LVIS v1 validation set: validation annotations.", "version": "v1.0"},
        "annotations": [
            annotation(1, 397133, 35, [10.5, 5.0, 20.0, 10.0]),
            annotation(2, 397133, 2, [0.0, 0.0, 4.0, 4.0]),
            annotation(3, 37777, 35, [1.0, 1.0, 5.0, 5.0]),
        ],
        "images": [image(397133, "val2017", [3], [2]), image(37777, "train2017", [2, 3], [])],
        "licenses": [{"id": 4, "name": "Attribution License", "url": ""}],
        "categories": [
            category(2, "alcohol", "f"),
            category(3, "alligator", "c"),
            category(35, "baseball_bat", "r"),
        ],
    }


@pytest.fixture
def lvis(tmp_path: Path, make_image: Any) -> Path:
    make_image("val2017/000000397133.jpg")
    make_image("train2017/000000037777.jpg", shade=50)
    (tmp_path / "lvis_v1_val.json").write_text(json.dumps(sheet()))
    return tmp_path


def rewrite(folder: Path, change: Any) -> None:
    changed = sheet()
    change(changed)
    (folder / "lvis_v1_val.json").write_text(json.dumps(changed))


def test_a_file_without_file_names_is_lvis_and_not_coco(lvis: Path) -> None:
    dataset = load_dataset(lvis)
    assert dataset.format == "lvis"
    first, second = dataset.records
    assert first.id == "val2017/000000397133.jpg"
    assert boxes(first) == [
        ("baseball_bat", (10.5, 5.0, 30.5, 15.0)),
        ("alcohol", (0.0, 0.0, 4.0, 4.0)),
    ]
    assert (first.absent, first.not_exhaustive) == (("alligator",), ("alcohol",))
    assert (second.absent, second.not_exhaustive) == (("alcohol", "alligator"), ())
    assert dataset.frequencies == {"alcohol": "f", "alligator": "c", "baseball_bat": "r"}
    assert load_dataset(lvis / "lvis_v1_val.json").records == dataset.records


def test_the_part_is_that_of_the_label_file_not_of_cocos_folder(lvis: Path) -> None:
    assert load_dataset(lvis).parts == {
        "val2017/000000397133.jpg": "val",
        "train2017/000000037777.jpg": "val",
    }
    (lvis / "lvis_v1_val.json").rename(lvis / "mine.json")
    assert load_dataset(lvis).parts == {}


def test_only_what_was_looked_for_is_asked(lvis: Path) -> None:
    examples = load_task("detection").examples(load_dataset(lvis).records)
    # Alcohol is not labelled exhaustively in the first image; the alligator has no box in any.
    assert {example.id: len(example.target.xyxy_px) for example in examples} == {
        "val2017/000000397133.jpg#baseball_bat": 1,
        "train2017/000000037777.jpg#baseball_bat": 1,
        "train2017/000000037777.jpg#alcohol": 0,
    }


def test_neither_labelled_nor_listed_is_not_asked(lvis: Path) -> None:
    rewrite(lvis, lambda s: s["images"][1].update(neg_category_ids=[]))
    asked = [example.id for example in load_task("detection").examples(load_dataset(lvis).records)]
    assert "train2017/000000037777.jpg#alcohol" not in asked


def test_version_one_half_names_its_files_too(lvis: Path) -> None:
    rewrite(lvis, lambda s: s["images"][0].update(file_name="COCO_val2014_000000397133.jpg"))
    assert load_dataset(lvis).records[0].id == "val2017/000000397133.jpg"


def test_plain_coco_stays_coco(lvis: Path) -> None:
    rewrite(lvis, lambda s: [image.pop("neg_category_ids") for image in s["images"]])
    with pytest.raises(LabelError, match="file_name"):
        load_dataset(lvis)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda s: s["images"][0].pop("neg_category_ids"),
            "397133: The image has no list 'neg_category_ids'",
        ),
        (lambda s: s["images"][0].update(neg_category_ids=[99]), "neg_category_ids hold 99, which"),
        (lambda s: s["images"][0].update(not_exhaustive_category_ids=["two"]), "hold 'two', which is no"),
        (
            lambda s: s["images"][0].update(neg_category_ids=[35]),
            "'baseball_bat' has a box here and is also listed",
        ),
        (lambda s: s["categories"][0].update(frequency=["f"]), r"category 2: The frequency .* is not 'r'"),
        (lambda s: s["images"][0].update(coco_url="http://x/val2017/1.jpg"), "'val2017/1.jpg' is missing"),
        (lambda s: s["annotations"][0].update(bbox=[0, 0, 99, 9]), "outside its image"),
    ],
)
def test_broken_files_are_refused(lvis: Path, change: Any, said: str) -> None:
    rewrite(lvis, change)
    with pytest.raises(LabelError, match=said):
        load_dataset(lvis, options=STRICT)


def test_a_coco_file_beside_it_is_not_merged(lvis: Path, make_coco: Any, make_image: Any) -> None:
    make_image("p.png")
    make_coco("other.json", [("p.png", 40, 30)], [(1, 1, [0, 0, 5, 5])])
    with pytest.raises(LabelError, match=r"other\.json.*neg_category_ids.*LVIS file alone"):
        load_dataset(lvis)
