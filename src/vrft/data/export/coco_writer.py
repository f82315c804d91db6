"""COCO json: ``annotations/instances_PART.json`` and ``images/PART``; ``instances.json`` without parts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from vrft.data.export.export_format import Placed
from vrft.geometry.masks import mask_area
from vrft.types import Boxes, Record


class CocoWriter:
    """Boxes, crowds and masks."""

    name = "coco"
    has_masks = True
    has_crowds = True

    def image(self, placed: Placed) -> str:
        return placed.in_images

    def write(self, folder: Path, images: Sequence[Placed], categories: Sequence[str]) -> None:
        """One json per part, all with the same numbers of categories."""
        (folder / "annotations").mkdir()
        for part in sorted({image.part or "" for image in images}):
            own = [(image.name, image.record) for image in images if (image.part or "") == part]
            file = folder / "annotations" / (f"instances_{part}.json" if part else "instances.json")
            write_sheet(file, own, categories)


def write_sheet(file: Path, images: Iterable[tuple[str, Record]], categories: Sequence[str]) -> None:
    """Write one COCO json of records, each with its file's name; classes are numbered from 1 as listed."""
    numbers = {name: number for number, name in enumerate(categories, 1)}
    entries: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (name, record) in enumerate(images, 1):
        width, height = record.image.size_wh
        entries.append({"id": number, "file_name": name, "width": width, "height": height})
        for one, value in record.about("category", Boxes):
            entry = {"id": len(annotations) + 1, "image_id": number, "category_id": numbers[one.name]}
            annotations.append(entry | _box_fields(value) | {"iscrowd": int(not one.counts)})
    listed = [{"id": number, "name": name} for name, number in numbers.items()]
    sheet = {"images": entries, "annotations": annotations, "categories": listed}
    file.write_text(json.dumps(sheet, ensure_ascii=False) + "\n", "utf-8")


def _box_fields(instance: Boxes) -> dict[str, Any]:
    x1, y1, x2, y2 = instance.xyxy_px[0]
    width, height = round(x2 - x1, 6), round(y2 - y1, 6)
    fields: dict[str, Any] = {"bbox": [x1, y1, width, height], "area": round(width * height, 6)}
    if instance.mask is not None:
        fields |= {"area": float(mask_area(instance.mask)), "segmentation": instance.mask.rle}
    return fields


WRITER = CocoWriter()
