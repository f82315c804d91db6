"""Small datasets in the formats of real users, written without any reader or writer of ours."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

WH = (160, 120)


def textured(number: int, wh: tuple[int, int] = WH) -> Image.Image:
    """An image of coarse random patches: no two numbers look alike."""
    cells = np.random.default_rng([7, number]).integers(0, 255, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize(wh, Image.Resampling.BICUBIC)


def save(path: Path, number: int, wh: tuple[int, int] = WH, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    textured(number, wh).save(path, **options)
    return path


def box_xyxy(number: int, wh: tuple[int, int] = WH) -> tuple[int, int, int, int]:
    """A box of 20 to 60 pixels somewhere in the image."""
    rng = np.random.default_rng([8, number])
    w, h = (int(n) for n in rng.integers(20, 60, 2))
    x, y = int(rng.integers(0, wh[0] - w)), int(rng.integers(0, wh[1] - h))
    return x, y, x + w, y + h


def as_xywh(box):
    x1, y1, x2, y2 = box
    return [x1, y1, x2 - x1, y2 - y1]


def coco(path: Path, rows, names=("cat", "dog"), numbers=None) -> Path:
    """A COCO json of (file name, width, height, [(category, four numbers), ...])."""
    numbers = numbers or {name: i for i, name in enumerate(names, 1)}
    images, annotations = [], []
    for i, (file, width, height, boxes) in enumerate(rows, 1):
        images.append({"id": i, "file_name": file, "width": width, "height": height})
        for name, bbox in boxes:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": i,
                    "category_id": numbers[name] if isinstance(name, str) else name,
                    "bbox": list(bbox),
                }
            )
    categories = [{"id": n, "name": name} for name, n in numbers.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return path


def sound_coco(folder: Path, count: int = 16, box=box_xyxy, write=as_xywh, names=("cat", "dog")) -> Path:
    """Images with one box each, classes in turn."""
    rows = []
    for i in range(count):
        save(folder / f"images/{i}.png", i)
        rows.append((f"{i}.png", *WH, [(names[i % len(names)], write(box(i)))]))
    return coco(folder / "instances.json", rows, names)


def jsonl(path: Path, rows) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
