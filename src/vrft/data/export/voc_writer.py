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

_PICTURES = "JPEGImages"


class VocWriter:
    """Boxes, and crowds as difficult objects."""

    name = "voc"
    has_masks = False
    has_crowds = True

    def picture(self, placed: Placed) -> str:
        """All pictures are in one folder."""
        return f"{_PICTURES}/{placed.name}"

    def write(self, folder: Path, pictures: Sequence[Placed], categories: Sequence[str]) -> None:
        """One xml a picture."""
        (folder / "Annotations").mkdir()
        for picture in pictures:
            tree = ElementTree.ElementTree(_annotation(picture))
            ElementTree.indent(tree)
            tree.write(folder / "Annotations" / f"{picture.stem}.xml", encoding="utf-8")
        sets = folder / "ImageSets" / "Main"
        for part in sorted({picture.part for picture in pictures if picture.part}):
            sets.mkdir(parents=True, exist_ok=True)
            stems = [picture.stem for picture in pictures if picture.part == part]
            (sets / f"{part}.txt").write_text("".join(f"{stem}\n" for stem in stems), "utf-8")


def _annotation(picture: Placed) -> ElementTree.Element:
    root = ElementTree.Element("annotation")
    width, height = picture.record.image_wh
    _add(root, "folder", _PICTURES)
    _add(root, "filename", picture.name)
    _add(_add(root, "source"), "database", "vrft")
    size = _add(root, "size")
    for tag, number in (("width", width), ("height", height), ("depth", 3)):
        _add(size, tag, str(number))
    _add(root, "segmented", "0")
    for box in picture.record.boxes:
        thing = _add(root, "object")
        _add(thing, "name", box.category)
        _add(thing, "pose", "Unspecified")
        _add(thing, "truncated", "0")
        _add(thing, "difficult", str(int(box.crowd)))
        corners = _add(thing, "bndbox")
        for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box.box_xyxy_px, strict=True):
            _add(corners, tag, decimal(value))
    return root


def _add(parent: ElementTree.Element, tag: str, text: str = "") -> ElementTree.Element:
    child = ElementTree.SubElement(parent, tag)
    child.text = text or None
    return child


WRITER = VocWriter()
