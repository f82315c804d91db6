"""A small labelled folder, a run of it, and what that run has learned from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

CLASSES = ("ant", "bee", "cat")
EACH = 8


def draw(path: Path, number: int) -> None:
    """An image of noise like no other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(number).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    Image.fromarray(levels).save(path)


def write_classes(folder: Path) -> Path:
    for place, name in enumerate(CLASSES):
        for number in range(EACH):
            draw(folder / name / f"{number}.png", 100 * place + number)
    return folder


def write_boxes(folder: Path) -> Path:
    """A COCO folder, each image with a box of one class."""
    images, boxes = [], []
    for number in range(EACH * len(CLASSES)):
        draw(folder / "images" / f"{number:02}.png", number)
        images.append({"id": number, "file_name": f"{number:02}.png", "width": 48, "height": 40})
        box = [4, 4, 20, 20]
        boxes.append({"id": number, "image_id": number, "category_id": number % len(CLASSES), "bbox": box})
    categories = [{"id": place, "name": name} for place, name in enumerate(CLASSES)]
    labels = {"images": images, "annotations": boxes, "categories": categories}
    (folder / "labels.json").write_text(json.dumps(labels))
    return folder


WRITERS = {"classification": write_classes, "detection": write_boxes}


def tree_of(task: str, data: Path, model: Path, out: Path | str, **more) -> dict:
    """A configuration of the shortest run that sees each training question once."""
    return {
        "task": task,
        "form": "direct",
        "seed": 3,
        "out": str(out),
        "model": {"path": str(model), "device": "cpu"},
        "data": {"path": str(data), "shots": 2, "negatives": 0, "val_max": 3},
        "rollout": {"group_size": 2, "max_new_tokens": 2},
        "optim": {"steps": 1, "prompts_per_step": 6, "schedule": "constant"},
        **more,
    }


def write_config(file: Path, tree: dict) -> Path:
    file.write_text(yaml.safe_dump(tree))
    return file


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def learned_from(run: Path) -> set[str]:
    """Hashes of the images in a run's log of rollouts."""
    rows = [json.loads(line) for line in (run / "rollouts.jsonl").read_text().splitlines()]
    return {
        digest(Path(medium["path"])) for row in rows for one in row["examples"] for medium in one["media"]
    }
