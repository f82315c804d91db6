"""Small imitations of the benchmarks, each in its original files' own form."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

_SHADES = count()


def make_image(path: Path, size: tuple[int, int] = (40, 30)) -> None:
    """A plain image unlike any other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shade = next(_SHADES)
    plain = Image.new("RGB", size, (shade % 256, shade // 256, 90))
    plain.save(path, quality=95)


def text(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def sheet(path: Path, value: object) -> None:
    text(path, json.dumps(value))


def flowers(root: Path) -> None:
    """Twelve images of two flowers; numbers begin with 1 in the .mat and with 0 in the split."""
    for number in range(1, 13):
        make_image(root / "jpg" / f"image_{number:05d}.jpg")
    savemat(root / "imagelabels.mat", {"labels": np.array([[1, 2] * 6], dtype=np.uint8)})
    names = ("pink primrose", "hard-leaved pocket orchid")

    def row(number: int) -> list[object]:
        return [f"image_{number:05d}.jpg", (number - 1) % 2, names[(number - 1) % 2]]

    parts = {"train": range(1, 7), "val": range(7, 9), "test": range(9, 13)}
    split = {part: [row(number) for number in numbers] for part, numbers in parts.items()}
    sheet(root / "split_zhou_OxfordFlowers.json", split)


def pets(root: Path) -> None:
    """Two breeds; in the lists 'NAME class species breed', below a head of comments in none of them."""
    names = [f"{breed}_{number}" for breed in ("Abyssinian", "american_bulldog") for number in range(1, 7)]
    for name in names:
        make_image(root / "images" / f"{name}.jpg")
    # Masks, which look like a class of images.
    make_image(root / "annotations" / "trimaps" / "Abyssinian_1.png")

    def line(name: str) -> str:
        return f"{name} 1 1 1" if name.startswith("A") else f"{name} 2 2 1"

    def rows(kept: list[str]) -> list[list[object]]:
        return [[f"{n}.jpg", int(not n.startswith("A")), n.rsplit("_", 1)[0].lower()] for n in kept]

    train, val, test = names[0:3] + names[6:9], [names[3], names[9]], names[4:6] + names[10:12]
    text(root / "annotations" / "trainval.txt", *map(line, train + val))
    text(root / "annotations" / "test.txt", *map(line, test))
    split = {"train": rows(train), "val": rows(val), "test": rows(test)}
    sheet(root / "split_zhou_OxfordPets.json", split)


def cars(root: Path) -> None:
    """Two cars; the same file names in both folders, the year last in the .mat and first in the split."""
    meta = ["AM General Hummer SUV 2000", "Ram C/V Cargo Van Minivan 2012"]
    split_names = ["2000 AM General Hummer SUV", "2012 Ram C/V Cargo Van Minivan"]
    kinds = np.dtype(
        [(name, object) for name in ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname")]
    )

    def annotations(number: int) -> np.ndarray:
        rows = [(1, 1, 30, 20, 1 + i % 2, f"{i + 1:05d}.jpg") for i in range(number)]
        return np.array([rows], dtype=kinds)

    for folder, number in (("cars_train", 8), ("cars_test", 4)):
        for i in range(number):
            make_image(root / folder / f"{i + 1:05d}.jpg")
    (root / "devkit").mkdir()
    savemat(root / "devkit" / "cars_meta.mat", {"class_names": np.array([meta], dtype=object)})
    savemat(root / "devkit" / "cars_train_annos.mat", {"annotations": annotations(8)})
    savemat(root / "cars_test_annos_withlabels.mat", {"annotations": annotations(4)})

    def rows(folder: str, numbers: range) -> list[list[object]]:
        return [[f"{folder}/{i + 1:05d}.jpg", i % 2, split_names[i % 2]] for i in numbers]

    split = {
        "train": rows("cars_train", range(6)),
        "val": rows("cars_train", range(6, 8)),
        "test": rows("cars_test", range(4)),
    }
    sheet(root / "split_zhou_StanfordCars.json", split)


def aircraft(root: Path) -> None:
    """Two variants, one with a slash and one with a space, in the unpacked archive's folder."""
    data = root / "fgvc-aircraft-2013b" / "data"
    variants = ("Cessna 172", "F/A-18")
    text(data / "variants.txt", *variants)
    number = 1000000
    for part, each in (("train", 3), ("val", 1), ("test", 2)):
        lines = []
        for name in variants * each:
            number += 1
            make_image(data / "images" / f"{number}.jpg")
            lines.append(f"{number} {name}")
        text(data / f"images_variant_{part}.txt", *lines)


def coco_categories() -> list[dict[str, object]]:
    """A few of COCO's, with its own numbers."""
    names = {1: "person", 6: "bus", 7: "train", 17: "cat"}
    return [{"id": number, "name": name, "supercategory": "thing"} for number, name in names.items()]


def coco(root: Path) -> None:
    """Six training and three test images; a crowd of cats, and a test image with nothing."""
    boxes = {
        "train2017": [(1, 6), (2, 6), (3, 6), (3, 17), (4, 17), (5, 1), (6, 7)],
        "val2017": [(11, 6), (12, 17), (12, 1)],
    }
    for folder, images in {"train2017": range(1, 8), "val2017": range(11, 14)}.items():
        for number in images:
            make_image(root / folder / f"{number:012d}.jpg")
        rows = [
            {
                "id": 100 + i,
                "image_id": image,
                "category_id": category,
                "bbox": [2.5, 3, 10, 12.5],
                "area": 125,
                "iscrowd": 0,
                "segmentation": [[2.5, 3, 12.5, 3, 12.5, 15.5, 2.5, 15.5]],
            }
            for i, (image, category) in enumerate(boxes[folder])
        ]
        if folder == "train2017":
            crowd = {"counts": [0, 1200], "size": [30, 40]}
            rows.append(
                {**rows[0], "id": 99, "image_id": 7, "category_id": 17, "iscrowd": 1, "segmentation": crowd}
            )
        listed = [
            {
                "id": number,
                "file_name": f"{number:012d}.jpg",
                "coco_url": f"http://images.cocodataset.org/{folder}/{number:012d}.jpg",
                "width": 40,
                "height": 30,
            }
            for number in images
        ]
        lists = {"info": {}, "images": listed, "annotations": rows, "categories": coco_categories()}
        sheet(root / "annotations" / f"instances_{folder}.json", lists)


def lvis(root: Path) -> None:
    """Rare categories; the val part has an image of train2017, and images that say nothing of these."""
    categories = [
        {"id": 365, "name": "die", "frequency": "r", "synset": "die.n.01", "synonyms": ["die", "dice"]},
        {"id": 733, "name": "omelet", "frequency": "r", "synset": "omelet.n.01", "synonyms": ["omelet"]},
        {
            "id": 3,
            "name": "aerosol_can",
            "frequency": "c",
            "synset": "aerosol.n.02",
            "synonyms": ["aerosol_can"],
        },
    ]

    def write(
        name: str, images: list[tuple[int, str, list[int], list[int]]], boxes: list[tuple[int, int]]
    ) -> None:
        listed = [
            {
                "id": number,
                "coco_url": f"http://images.cocodataset.org/{folder}/{number:012d}.jpg",
                "width": 40,
                "height": 30,
                "neg_category_ids": absent,
                "not_exhaustive_category_ids": partly,
            }
            for number, folder, absent, partly in images
        ]
        rows = [
            {
                "id": i,
                "image_id": image,
                "category_id": category,
                "bbox": [1, 2, 10, 12],
                "area": 120,
                "segmentation": [[1, 2, 11, 2, 11, 14, 1, 14]],
            }
            for i, (image, category) in enumerate(boxes, 1)
        ]
        for number, folder, _, _ in images:
            make_image(root / folder / f"{number:012d}.jpg")
        sheet(root / name, {"images": listed, "annotations": rows, "categories": categories})

    write(
        "lvis_v1_train.json",
        [(n, "train2017", [733], []) for n in (1, 2, 3)] + [(4, "train2017", [], [3])],
        [(1, 365), (2, 365), (3, 365), (4, 733), (4, 3)],
    )
    write(
        "lvis_v1_val.json",
        [
            (21, "val2017", [733, 3], []),
            (22, "train2017", [365], []),
            (23, "val2017", [3], []),
            (24, "val2017", [3], [365]),
        ],
        [(21, 365), (24, 365)],
    )


def mg(root: Path) -> None:
    """A folder of two parts with the same file names in both, as an export has them."""
    names = ("bird", "feline-or-canid", "serpent", "slime", "wyvern")
    for part, each in (("train", 2), ("test", 1)):
        images, rows = [], []
        for number in range(5 * each):
            make_image(root / part / f"{number}.png")
            images.append({"id": number, "file_name": f"{number}.png", "width": 40, "height": 30})
            box = {"id": number, "image_id": number, "category_id": number % 5 + 1, "bbox": [1, 1, 8, 8]}
            rows.append({**box, "area": 64, "iscrowd": 0})
        listed = [{"id": i, "name": name} for i, name in enumerate(names, 1)]
        sheet(
            root / part / "_annotations.coco.json",
            {"images": images, "annotations": rows, "categories": listed},
        )


def reasonseg(root: Path) -> None:
    """Two training images with two and one instructions, one image in each other part."""
    for part, texts in {
        "train": (["the cup", "what holds tea"], ["a hat"]),
        "val": (["x"],),
        "test": (["y", "z"],),
    }.items():
        for number, instruction in enumerate(texts):
            make_image(root / part / f"{number}.jpg")
            shape = {
                "label": "target",
                "labels": ["target"],
                "shape_type": "polygon",
                "image_name": f"{number}.jpg",
                "points": [[5, 6], [20, 6], [20, 18], [5, 18]],
                "group_id": None,
                "group_ids": [None],
                "flags": {},
            }
            sheet(
                root / part / f"{number}.json", {"shapes": [shape], "text": instruction, "is_sentence": True}
            )
