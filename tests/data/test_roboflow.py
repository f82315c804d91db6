"""Roboflow's COCO export, as its zip unpacks: parts as folders, an umbrella category without boxes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labelled import boxes

from vrft.data.dataset import load_dataset


def export(part: str, name: str, boxes: list[tuple[int, list[float]]]) -> dict[str, Any]:
    return {
        "info": {
            "year": "2026",
            "version": "3",
            "description": "Exported from roboflow.com",
            "contributor": "",
            "url": "https://public.roboflow.com/object-detection/undefined",
            "date_created": "2026-01-05T10:00:00+00:00",
        },
        "licenses": [
            {"id": 1, "url": "https://creativecommons.org/publicdomain/zero/1.0/", "name": "Public Domain"}
        ],
        "categories": [
            {"id": 0, "name": "cells", "supercategory": "none"},
            {"id": 1, "name": "Platelets", "supercategory": "cells"},
            {"id": 2, "name": "RBC", "supercategory": "cells"},
        ],
        "images": [
            {
                "id": 0,
                "license": 1,
                "file_name": name,
                "height": 30,
                "width": 40,
                "date_captured": "2026-01-05T10:00:00+00:00",
                "extra": {"name": f"{part}.jpg"},
            }
        ],
        "annotations": [
            {
                "id": number,
                "image_id": 0,
                "category_id": category,
                "bbox": bbox,
                "area": bbox[2] * bbox[3],
                "segmentation": [],
                "iscrowd": 0,
            }
            for number, (category, bbox) in enumerate(boxes)
        ],
    }


def test_an_export_reads_as_it_unpacks(tmp_path: Path, make_image: Any) -> None:
    labels = {
        "train": [(2, [0, 0, 10.5, 8]), (1, [3, 4, 5, 6])],
        "valid": [(2, [20, 10, 20, 20])],
        "test": [],
    }
    for shade, (part, labelled) in enumerate(labels.items()):
        name = f"Blood_{part}_jpg.rf.ff05744f54d409f8c5ec163ad4fc8ee0.jpg"
        make_image(f"{part}/{name}", shade=shade)
        file = tmp_path / part / "_annotations.coco.json"
        file.write_text(json.dumps(export(part, name, labelled)))
    (tmp_path / "README.roboflow.txt").write_text("blood - v3\n")
    (tmp_path / "README.dataset.txt").write_text("https://public.roboflow.com\n")
    dataset = load_dataset(tmp_path)
    assert (dataset.format, dataset.categories) == ("coco", ("Platelets", "RBC"))
    found = {record.id.split("/")[0]: record for record in dataset.records}
    assert boxes(found["train"]) == [
        ("RBC", (0.0, 0.0, 10.5, 8.0)),
        ("Platelets", (3.0, 4.0, 8.0, 10.0)),
    ]
    assert boxes(found["valid"]) == [("RBC", (20.0, 10.0, 40.0, 30.0))]
    assert boxes(found["test"]) == []
    assert sorted(dataset.parts.values()) == ["test", "train", "val"]
    assert dataset.warnings == ("Categories without a box are left out: cells.",)
