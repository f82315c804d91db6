"""YOLO as Ultralytics has it: ``data.yaml``, ``images/PART`` and ``labels/PART``.

Crowds are left out, as Ultralytics leaves them out of COCO; an image without objects gets no label file.
Without parts ``train`` and ``val`` name the same folder, because Ultralytics demands both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from vrft.data.export.export_format import Placed, decimal
from vrft.types import Boxes, BoxXYXY

_DIGITS = 10
"""Decimals of a share: far below a millionth of a pixel."""


class YoloWriter:
    """Boxes alone."""

    name = "yolo"
    has_masks = False
    has_crowds = False

    def image(self, placed: Placed) -> str:
        return placed.in_images

    def write(self, folder: Path, images: Sequence[Placed], categories: Sequence[str]) -> None:
        numbers = {name: number for number, name in enumerate(categories)}
        for image in images:
            labels = folder / "labels" / (image.part or "")
            labels.mkdir(parents=True, exist_ok=True)
            size = image.record.image.size_wh
            boxes = [(one, value) for one, value in image.record.about("category", Boxes) if one.counts]
            lines = [f"{numbers[one.name]} {_shares(value.xyxy_px[0], size)}\n" for one, value in boxes]
            if lines:
                (labels / f"{image.stem}.txt").write_text("".join(lines), "utf-8")
        parts = {image.part for image in images if image.part}
        paths = {part: f"images/{part}" for part in ("train", "val", "test") if part in parts}
        sheet = (paths or {"train": "images", "val": "images"}) | {"names": dict(enumerate(categories))}
        text = yaml.safe_dump(sheet, sort_keys=False, allow_unicode=True)
        (folder / "data.yaml").write_text(text, "utf-8")


def _shares(box: BoxXYXY, image_wh: tuple[int, int]) -> str:
    x1, y1, x2, y2 = box
    width, height = image_wh
    shares = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
    return " ".join(decimal(share, _DIGITS) for share in shares)


WRITER = YoloWriter()
