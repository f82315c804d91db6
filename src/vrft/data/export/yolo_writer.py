"""YOLO as Ultralytics has it: ``data.yaml``, ``images/PART`` and ``labels/PART``.

Crowds are left out, as Ultralytics leaves them out of COCO; a picture without objects gets no label file.
Without parts ``train`` and ``val`` name the same folder, because Ultralytics demands both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from vrft.data.export.export_format import Placed, decimal
from vrft.types import LabelledBox

_DIGITS = 10
"""Decimals of a share: far below a millionth of a pixel."""


class YoloWriter:
    """Boxes alone."""

    name = "yolo"
    has_masks = False
    has_crowds = False

    def picture(self, placed: Placed) -> str:
        """``images``, or a folder in it for each part."""
        return f"images/{placed.part}/{placed.name}" if placed.part else f"images/{placed.name}"

    def write(self, folder: Path, pictures: Sequence[Placed], categories: Sequence[str]) -> None:
        """One text file a picture, and data.yaml."""
        numbers = {name: number for number, name in enumerate(categories)}
        for picture in pictures:
            labels = folder / "labels" / (picture.part or "")
            labels.mkdir(parents=True, exist_ok=True)
            boxes = [box for box in picture.record.boxes if not box.crowd]
            lines = [f"{numbers[box.category]} {_shares(box, picture.record.image_wh)}\n" for box in boxes]
            if lines:
                (labels / f"{picture.stem}.txt").write_text("".join(lines), "utf-8")
        parts = {picture.part for picture in pictures if picture.part}
        paths = {part: f"images/{part}" for part in ("train", "val", "test") if part in parts}
        sheet = (paths or {"train": "images", "val": "images"}) | {"names": dict(enumerate(categories))}
        text = yaml.safe_dump(sheet, sort_keys=False, allow_unicode=True)
        (folder / "data.yaml").write_text(text, "utf-8")


def _shares(box: LabelledBox, image_wh: tuple[int, int]) -> str:
    x1, y1, x2, y2 = box.box_xyxy_px
    width, height = image_wh
    shares = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
    return " ".join(decimal(share, _DIGITS) for share in shares)


WRITER = YoloWriter()
