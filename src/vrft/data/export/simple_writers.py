"""Writers of the forms that the readers read: PNG files with COCO json, class folders, or JSON lines.

The same input gives the same bytes. A picture's id names its file; folders in it ('test/7') name its part.
Each writer returns the records that its reader will find.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from PIL import Image

from vrft.data.export.coco_writer import write_sheet
from vrft.data.label_checks import part_of
from vrft.errors import InputError
from vrft.types import Expression, LabelledBox, Record


def write_coco(
    folder: Path,
    pictures: Iterable[tuple[str, Image.Image, Sequence[LabelledBox]]],
    categories: Sequence[str],
) -> tuple[Record, ...]:
    """Write detection labels: ``annotations.json`` and ``images/ID.png``.

    Args:
        folder: made where it is missing.
        pictures: id, picture, boxes in its pixels.
        categories: the classes, in the order of their numbers.

    Returns:
        One record a picture.

    Raises:
        InputError: an id that is no file name or is used twice, or a box of another category.
    """
    records: list[Record] = []
    for name, image, boxes in pictures:
        strange = next((box.category for box in boxes if box.category not in categories), None)
        if strange is not None:
            raise InputError(f"Picture '{name}' has a box of '{strange}', which is no category.")
        records.append(_save(folder, f"images/{_plain(name)}.png", image, boxes=tuple(boxes)))
    _no_repeats(records)
    folder.mkdir(parents=True, exist_ok=True)
    write_sheet(folder / "annotations.json", [(record.id, record) for record in records], categories)
    return tuple(records)


def write_class_folders(folder: Path, pictures: Iterable[tuple[str, Image.Image, str]]) -> tuple[Record, ...]:
    """Write classification labels: ``CLASS/ID.png``, or ``test/CLASS/7.png`` for the id 'test/7'.

    Args:
        folder: made where it is missing.
        pictures: id, picture, class.

    Returns:
        One record a picture, in the order of their ids.

    Raises:
        InputError: an id or class that is no file name, or the same id twice in a class.
    """
    records: list[Record] = []
    outer: set[str] = set()
    for name, image, category in pictures:
        if "/" in category:
            raise InputError(f"The class '{category}' cannot name a folder: it contains '/'.")
        inner = PurePosixPath(_plain(name))
        outer.add(inner.parent.as_posix())
        path = (inner.parent / _plain(category) / inner.name).as_posix()
        records.append(_save(folder, f"{path}.png", image, category=category))
    _no_repeats(records)
    # Any other folder above the classes would be read as a class itself.
    if outer - {"."} and not all(map(part_of, outer)):
        raise InputError("Ids may have one folder, 'train', 'val' or 'test', and then all of them must.")
    return tuple(sorted(records, key=lambda record: record.id))


def write_expressions(
    folder: Path, pictures: Iterable[tuple[str, Image.Image, Sequence[Expression]]]
) -> tuple[Record, ...]:
    """Write grounding labels: ``expressions.jsonl`` and ``images/ID.png``.

    Args:
        folder: made where it is missing.
        pictures: id, picture, and at least one expression with boxes in its pixels.

    Returns:
        One record a picture.

    Raises:
        InputError: an id that is no file name or is used twice, or a picture without an expression.
    """
    records: list[Record] = []
    lines: list[str] = []
    for name, image, expressions in pictures:
        if not expressions:
            raise InputError(f"Picture '{name}' has no expression, so no line could tell of it.")
        record = _save(folder, f"images/{_plain(name)}.png", image, expressions=tuple(expressions))
        records.append(record)
        for expression in expressions:
            boxes = [list(box) for box in expression.boxes_xyxy_px]
            told = {"box": boxes[0]} if len(boxes) == 1 else {"boxes": boxes}
            entry = {"image": record.id, "question": expression.text, **told}
            lines.append(json.dumps(entry, ensure_ascii=False) + "\n")
    _no_repeats(records)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "expressions.jsonl").write_text("".join(lines), "utf-8")
    return tuple(records)


def _save(
    folder: Path,
    name: str,
    image: Image.Image,
    *,
    boxes: tuple[LabelledBox, ...] = (),
    category: str | None = None,
    expressions: tuple[Expression, ...] = (),
) -> Record:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = image.convert("RGB")
    # Metadata would make the bytes depend on where a picture came from.
    plain.info = {}
    plain.save(path, "PNG")
    return Record(name, path, image.size, boxes, category, expressions)


def _plain(name: str) -> str:
    parts = name.split("/")
    if any(not part.strip() or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        raise InputError(f"'{name}' cannot name a picture file; use letters, digits, '-', '_' and '/'.")
    return name


def _no_repeats(records: Sequence[Record]) -> None:
    ids = [record.id for record in records]
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise InputError(f"Two pictures would be written to '{twice}'; give each its own id.")
