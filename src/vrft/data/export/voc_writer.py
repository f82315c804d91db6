"""Pascal VOC: ``Annotations/NAME.xml``, ``JPEGImages`` and, with parts, ``ImageSets/Main/PART.txt``.

Corners are edges counted from 0, with their decimals, as LabelImg and most tools have it; the database named
in each file is 'vrft', not VOC's own, whose pixels count from 1. A crowd is written as a difficult object:
both count neither for nor against a detector.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from vrft.data.export.export_format import Placed, decimal
from vrft.types import Boxes

_IMAGES = "JPEGImages"


class VocWriter:
    """Boxes, and crowds as difficult objects."""

    name = "voc"
    has_masks = False
    has_crowds = True

    def image(self, placed: Placed) -> str:
        return f"{_IMAGES}/{placed.name}"

    def write(self, folder: Path, images: Sequence[Placed], categories: Sequence[str]) -> None:
        (folder / "Annotations").mkdir()
        for image in images:
            tree = ElementTree.ElementTree(_annotation(image))
            ElementTree.indent(tree)
            tree.write(folder / "Annotations" / f"{image.stem}.xml", encoding="utf-8")
        sets = folder / "ImageSets" / "Main"
        for part in sorted({image.part for image in images if image.part}):
            sets.mkdir(parents=True, exist_ok=True)
            stems = [image.stem for image in images if image.part == part]
            (sets / f"{part}.txt").write_text("".join(f"{stem}\n" for stem in stems), "utf-8")


def _annotation(image: Placed) -> ElementTree.Element:
    root = ElementTree.Element("annotation")
    width, height = image.record.image.size_wh
    _add(root, "folder", _IMAGES)
    _add(root, "filename", image.name)
    _add(_add(root, "source"), "database", "vrft")
    size = _add(root, "size")
    for tag, number in (("width", width), ("height", height), ("depth", 3)):
        _add(size, tag, str(number))
    _add(root, "segmented", "0")
    for one, value in image.record.about("category", Boxes):
        thing = _add(root, "object")
        _add(thing, "name", one.name)
        _add(thing, "pose", "Unspecified")
        _add(thing, "truncated", "0")
        _add(thing, "difficult", str(int(not one.counts)))
        corners = _add(thing, "bndbox")
        for tag, edge in zip(("xmin", "ymin", "xmax", "ymax"), value.xyxy_px[0], strict=True):
            _add(corners, tag, decimal(edge))
    return root


def _add(parent: ElementTree.Element, tag: str, text: str = "") -> ElementTree.Element:
    child = ElementTree.SubElement(parent, tag)
    child.text = text or None
    return child


WRITER = VocWriter()
