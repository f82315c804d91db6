"""Writers of folders that the readers read: PNG files with COCO json, class folders, or JSON lines.

The same input gives the same bytes. An image's id names its file; folders in it ('test/7') name its part.
Each writer returns the records that its reader will find.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from PIL import Image as PILImage

from vrft.data.export.coco_writer import write_sheet
from vrft.data.label_checks import class_of, part_of
from vrft.errors import InputError
from vrft.types import Annotation, Boxes, Image, Label, Number, Record, Text

Shown = tuple[str, PILImage.Image, Sequence[Annotation]]
"""Id, image, and what is said of it in its pixels."""
Row = Mapping[str, object]
"""One line of a table, without its image."""


def write_coco(folder: Path, images: Iterable[Shown], categories: Sequence[str]) -> tuple[Record, ...]:
    """Write boxes of categories: ``annotations.json`` and ``images/ID.png``."""
    records: list[Record] = []
    for name, image, instances in images:
        strange = next((one.name for one in instances if one.name not in categories), None)
        if strange is not None:
            raise InputError(f"Image '{name}' has a box of '{strange}', which is not a category.")
        records.append(_save(folder, f"images/{_plain(name)}.png", image, instances))
    _no_repeats(folder, records)
    write_sheet(folder / "annotations.json", [(record.id, record) for record in records], categories)
    return tuple(records)


def write_class_folders(
    folder: Path, images: Iterable[tuple[str, PILImage.Image, str]]
) -> tuple[Record, ...]:
    """Write classes of images: ``CLASS/ID.png``, or ``test/CLASS/7.png`` for the id 'test/7'."""
    records: list[Record] = []
    outer: set[str] = set()
    for name, image, category in images:
        if "/" in category:
            raise InputError(f"The class '{category}' cannot name a folder: it contains '/'.")
        inner = PurePosixPath(_plain(name))
        outer.add(inner.parent.as_posix())
        path = (inner.parent / _plain(category) / inner.name).as_posix()
        records.append(_save(folder, f"{path}.png", image, [class_of(category)]))
    _no_repeats(folder, records)
    # Any other folder above the classes would be read as a class itself.
    if outer - {"."} and not all(map(part_of, outer)):
        raise InputError("Ids may have one folder, 'train', 'val' or 'test', and then all of them must.")
    return tuple(sorted(records, key=lambda record: record.id))


def write_expressions(folder: Path, images: Iterable[Shown]) -> tuple[Record, ...]:
    """Write phrases with boxes: ``expressions.jsonl`` and ``images/ID.png``."""

    def rows(record: Record) -> Iterator[Row]:
        for phrase, value in record.about("phrase", Boxes):
            boxes = [list(box) for box in value.xyxy_px]
            yield {"question": phrase.name, **({"box": boxes[0]} if len(boxes) == 1 else {"boxes": boxes})}

    return _write_rows(folder, "expressions.jsonl", _all_asked(images), rows)


def write_questions(folder: Path, images: Iterable[Shown]) -> tuple[Record, ...]:
    """Write questions with short answers: ``questions.jsonl`` and ``images/ID.png``."""

    def rows(record: Record) -> Iterator[Row]:
        for question, label in record.about("question", Label):
            yield {"question": question.name, "answer": label.name}

    return _write_rows(folder, "questions.jsonl", images, rows)


def write_answers(folder: Path, images: Iterable[Shown]) -> tuple[Record, ...]:
    """Write questions with their right answers and choices: ``questions.jsonl`` and ``images/ID.png``."""

    def rows(record: Record) -> Iterator[Row]:
        for question, value in record.about("question", Text):
            if value.choices:
                yield {"question": question.name, "choices": dict(value.choices), "answer": value.text}
            else:
                yield {"question": question.name, "answers": list(value.accepted or (value.text,))}

    return _write_rows(folder, "questions.jsonl", images, rows)


def write_texts(folder: Path, images: Iterable[Shown]) -> tuple[Record, ...]:
    """Write what is written in images, or in parts of them: ``texts.jsonl`` and ``images/ID.png``."""

    def rows(record: Record) -> Iterator[Row]:
        for _, value in record.about("image", Text):
            yield {"text": value.text, **({"box": list(value.box_xyxy_px)} if value.box_xyxy_px else {})}

    return _write_rows(folder, "texts.jsonl", images, rows)


def write_numbers(folder: Path, images: Iterable[Shown]) -> tuple[Record, ...]:
    """Write questions with numbers and their units: ``numbers.jsonl`` and ``images/ID.png``."""

    def rows(record: Record) -> Iterator[Row]:
        for question, value in record.about("question", Number):
            yield {"question": question.name, "answer": value.number, "unit": value.unit}

    return _write_rows(folder, "numbers.jsonl", images, rows)


def write_values(folder: Path, images: Iterable[Shown]) -> tuple[Record, ...]:
    """Write values of any kind about categories or questions: ``values.jsonl`` and ``images/ID.png``."""

    def rows(record: Record) -> Iterator[Row]:
        for one in record.annotations:
            yield {one.about: one.name, "target": one.value.encode()}

    return _write_rows(folder, "values.jsonl", images, rows)


def _all_asked(images: Iterable[Shown]) -> Iterator[Shown]:
    for name, image, phrases in images:
        if not phrases:
            raise InputError(f"Image '{name}' has no expression, so no line could name it.")
        yield name, image, phrases


def _write_rows(
    folder: Path, file: str, images: Iterable[Shown], rows: Callable[[Record], Iterable[Row]]
) -> tuple[Record, ...]:
    """Save images, and a line for each row about one of them."""
    records = [_save(folder, f"images/{_plain(name)}.png", image, said) for name, image, said in images]
    _no_repeats(folder, records)
    entries = ({"image": record.id, **row} for record in records for row in rows(record))
    lines = (json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    (folder / file).write_text("".join(lines), "utf-8")
    return tuple(records)


def _save(folder: Path, name: str, image: PILImage.Image, annotations: Sequence[Annotation]) -> Record:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = image.convert("RGB")
    # Metadata would make the bytes depend on where an image came from.
    plain.info = {}
    plain.save(path, "PNG")
    return Record(name, (Image(path, image.size),), tuple(annotations))


def _plain(name: str) -> str:
    parts = name.split("/")
    if any(not part.strip() or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        raise InputError(f"'{name}' cannot name an image file; use letters, digits, '-', '_' and '/'.")
    return name


def _no_repeats(folder: Path, records: Sequence[Record]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ids = [record.id for record in records]
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise InputError(f"Two images would be written to '{twice}'; give each its own id.")
