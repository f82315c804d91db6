"""COCO json: ``annotations/instances_PART.json`` and ``images/PART``; ``instances.json`` without parts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pycocotools import mask as coco_mask

from vrft.data.export.export_format import Placed
from vrft.types import LabelledBox, Record


class CocoWriter:
    """Boxes, crowds and masks."""

    name = "coco"
    has_masks = True
    has_crowds = True

    def picture(self, placed: Placed) -> str:
        """``images``, or a folder in it for each part."""
        return f"images/{placed.part}/{placed.name}" if placed.part else f"images/{placed.name}"

    def write(self, folder: Path, pictures: Sequence[Placed], categories: Sequence[str]) -> None:
        """One json a part, all with the same numbers of categories."""
        (folder / "annotations").mkdir()
        for part in sorted({picture.part or "" for picture in pictures}):
            own = [(picture.name, picture.record) for picture in pictures if (picture.part or "") == part]
            file = folder / "annotations" / (f"instances_{part}.json" if part else "instances.json")
            write_sheet(file, own, categories)


def write_sheet(file: Path, pictures: Iterable[tuple[str, Record]], categories: Sequence[str]) -> None:
    """Write one COCO json.

    Args:
        file: in a folder that exists.
        pictures: file name as it is to be written, and record.
        categories: the classes, in the order of their numbers from 1; every box is of one of them.
    """
    numbers = {name: number for number, name in enumerate(categories, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (name, record) in enumerate(pictures, 1):
        width, height = record.image_wh
        images.append({"id": number, "file_name": name, "width": width, "height": height})
        for box in record.boxes:
            entry = {"id": len(annotations) + 1, "image_id": number, "category_id": numbers[box.category]}
            annotations.append(entry | _annotation(box))
    listed = [{"id": number, "name": name} for name, number in numbers.items()]
    sheet = {"images": images, "annotations": annotations, "categories": listed}
    file.write_text(json.dumps(sheet, ensure_ascii=False) + "\n", "utf-8")


def _annotation(box: LabelledBox) -> dict[str, Any]:
    x1, y1, x2, y2 = box.box_xyxy_px
    width, height = round(x2 - x1, 6), round(y2 - y1, 6)
    told: dict[str, Any] = {"bbox": [x1, y1, width, height], "area": round(width * height, 6)}
    if box.mask is not None:
        region = {"size": list(box.mask.size_hw), "counts": box.mask.counts}
        told |= {"area": float(coco_mask.area(region)), "segmentation": region}
    return told | {"iscrowd": int(box.crowd)}


WRITER = CocoWriter()
