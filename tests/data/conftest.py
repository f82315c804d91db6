"""Makers of small images and label files for the tests of readers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

MakeImage = Callable[..., Path]
MakeCoco = Callable[..., Path]


@pytest.fixture
def make_image(tmp_path: Path) -> MakeImage:
    """Write a plain image below the test's folder; every shade is another file."""

    def make(name: str, size: tuple[int, int] = (40, 30), shade: int = 0, **options: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (shade, 10, 200)).save(path, **options)
        return path

    return make


@pytest.fixture
def make_coco(tmp_path: Path) -> MakeCoco:
    """Write a COCO json from (file name, width, height) and (image number, category number, bbox)."""

    def make(
        name: str,
        images: list[tuple[str, int, int]],
        annotations: list[tuple[int, int, list[Any]]],
        categories: tuple[str, ...] = ("cat", "dog"),
        **extra: Any,
    ) -> Path:
        sheet = {
            "images": [
                {"id": number, "file_name": file, "width": width, "height": height}
                for number, (file, width, height) in enumerate(images, 1)
            ],
            "annotations": [
                {"id": number, "image_id": image, "category_id": category, "bbox": bbox, **extra}
                for number, (image, category, bbox) in enumerate(annotations, 1)
            ],
            "categories": [{"id": number, "name": name} for number, name in enumerate(categories, 1)],
        }
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(sheet))
        return path

    return make


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty images: as x, the same bytes as y, and a little brighter, a near-duplicate, as z."""
    root, near = tmp_path_factory.mktemp("copies"), 6
    for content in range(20):
        levels = np.random.default_rng(content).integers(0, 256 - near, (8, 9, 3), dtype=np.uint8)
        for copy, brighter in (("x", 0), ("y", 0), ("z", near)):
            Image.fromarray(levels + np.uint8(brighter)).save(root / f"{content}{copy}", "BMP")
    return root
