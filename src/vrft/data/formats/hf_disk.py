"""Labels in Visual-RFT's columns ``image``, ``problem`` and ``solution``, saved by Hugging Face datasets.

A folder that ``save_to_disk`` wrote, of one ``Dataset`` or of a ``DatasetDict`` with its parts. A solution of
detection is ``<answer>[{'Position': [x1, y1, x2, y2], 'Confidence': 1}, ...]</answer>`` or
``<answer>No Objects</answer>``, one of classification ``<answer>class</answer>``. A problem of detection
names its category and says how coordinates are written; where it does not say 'between 0 and 1000, integer',
they are refused.

A row asks for one category, so nothing is known of the others: a record lists what was asked and is absent.
The images are written once into the folder ``images`` next to the rows, named by their content.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image as PILImage

from vrft.data.dataset import Dataset
from vrft.data.label_checks import (
    CATEGORY_BOXES,
    IMAGE_CLASS,
    Mistakes,
    class_of,
    instance_of,
    part_of,
    record_id,
    record_of,
    strictest,
)
from vrft.errors import ImageError, InputError, LabelError
from vrft.tasks.parsing.answer_parsers import parse_boxes_answer, parse_label_answer
from vrft.types import Boxes, CoordinateFrame, Form, Label, Points, Provides, Record
from vrft.types.names import nfc

_COLUMNS = frozenset({"image", "problem", "solution"})
_CATEGORY = re.compile(r"belonging to the category '(.+?)' in the image, and provide")
"""The detection prompt of the paper's Table 1 and of the released sets."""

_LIST = re.compile(r"\s*<answer>\s*(\[|No Objects)")
_DROP = "Leave the row out: dataset.filter(lambda row, n: n != {}, with_indices=True)."


@dataclass(frozen=True)
class _Row:
    part: str
    """Name of the part's folder, empty for a single Dataset."""
    number: int
    image: Mapping[str, Any]
    problem: str
    solution: str


class HfDiskReader:
    """Rows whose solutions are all lists of boxes, or all class names."""

    name, in_files = "hf_disk", True
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: "a folder saved by Hugging Face datasets with the columns image, problem and "
        "solution, and boxes",
        IMAGE_CLASS: "such a folder with a class name in each solution",
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        first = next(_rows(path), None)
        if first is None:
            return frozenset()
        return frozenset({CATEGORY_BOXES if _LIST.match(first.solution) else IMAGE_CLASS})

    def read(self, path: Path, needs: frozenset[Provides]) -> Dataset:
        """One record for every different image, with the labels of all rows that show it."""
        boxed = CATEGORY_BOXES in needs
        records: dict[str, Record] = {}
        unusable: set[str] = set()
        parts: defaultdict[str, set[str]] = defaultdict(set)
        mistakes = Mistakes()
        for row in _rows(path):
            where = f"{path / row.part}, row {row.number}"
            with mistakes.kept():
                image = _image(row, path / "images", where)
                name = record_id(image, path)
                record = records.get(name) or replace(record_of(image, path), absent=() if boxed else None)
                if part := part_of(row.part):
                    parts[name].add(part)
                found = _CATEGORY.search(row.problem)
                unread: set[str] = set()
                with mistakes.kept(unread, found[1] if found else ""):
                    record = (_boxed if boxed else _classified)(record, row, where)
                # A row speaks of its own category alone, or else of the whole image.
                unusable |= {name} if unread and not boxed else set()
                records[name] = replace(record, unknown=(*record.unknown, *(unread - {""})))
        given = {name: strictest(several) for name, several in parts.items()}
        warnings = (f"The images were written to {path / 'images'}.",)
        kept = tuple(record for name, record in records.items() if name not in unusable)
        return Dataset(path, self.name, kept, warnings, given, left_out=tuple(mistakes))


def _boxed(record: Record, row: _Row, where: str) -> Record:
    found = _CATEGORY.search(row.problem)
    frame = CoordinateFrame.whole("norm1000", record.image.size_wh)
    if found is None or f"({frame.clause})" not in row.problem:
        raise LabelError(
            "The text of 'problem' names no category, or not how coordinates are written.",
            where,
            f"Ask for one category in the words of Visual-RFT's prompt, with '({frame.clause})', and write "
            "the boxes so; or save boxes in pixels as COCO json.",
        )
    category, answer = nfc(found[1]), parse_boxes_answer(row.solution, frame, Form.DIRECT)
    boxes = answer.as_(Boxes)
    if boxes is None or not answer.formatted or answer.find(Points):
        faults = ", ".join(answer.faults) or "no boxes"
        raise LabelError(
            f"The 'solution' is not a list of boxes ({faults}).", where, _DROP.format(row.number)
        )
    labelled = {value.xyxy_px[0] for one, value in record.about("category", Boxes) if one.name == category}
    if labelled or category in (record.absent or ()):
        if labelled == set(boxes.xyxy_px):
            return record
        problem = f"Another row has other boxes of '{category}' for the same image."
        raise LabelError(problem, where, _DROP.format(row.number))
    absent = (*(record.absent or ()), *(() if boxes.xyxy_px else (category,)))
    added = tuple(instance_of(category, box) for box in dict.fromkeys(boxes.xyxy_px))
    return replace(record, annotations=record.annotations + added, absent=absent)


def _classified(record: Record, row: _Row, where: str) -> Record:
    answer = parse_label_answer(row.solution, Form.DIRECT)
    label = answer.as_(Label)
    if label is None or not answer.formatted or _LIST.match(row.solution):
        raise LabelError("The 'solution' is not a class name in tags.", where, _DROP.format(row.number))
    known = next((value.name for _, value in record.about("image", Label)), label.name)
    if known != label.name:
        problem = f"The class is '{label.name}', but another row gives the same image the class '{known}'."
        raise LabelError(problem, where, _DROP.format(row.number))
    return replace(record, annotations=(class_of(label.name),))


def _rows(path: Path) -> Iterator[_Row]:
    """All rows of a folder with the three columns; none where it is something else."""
    saved = path.glob("*/state.json" if (path / "dataset_dict.json").is_file() else "state.json")
    for folder in (state.parent for state in sorted(saved)):
        part = "" if folder == path else folder.name
        for number, row in enumerate(_open(folder)) if _columns(folder) >= _COLUMNS else ():
            texts = (row["problem"], row["solution"])
            problem, solution = (text if isinstance(text, str) else "" for text in texts)
            yield _Row(part, number, row["image"] or {}, problem, solution)


def _columns(folder: Path) -> frozenset[str]:
    try:
        features = json.loads((folder / "dataset_info.json").read_bytes())["features"]
    except (OSError, ValueError, KeyError, TypeError):
        return frozenset()
    return frozenset(features or ())


def _open(folder: Path) -> Any:
    try:
        import datasets
    except ImportError as error:
        problem = "a dataset that Hugging Face datasets saved is read with that library"
        raise InputError(f"{folder}: {problem}. Run: pip install 'vrft[datasets]'") from error
    try:
        rows = datasets.load_from_disk(str(folder))
        # The bytes as they were saved, rather than decoded pixels.
        return rows.select_columns(sorted(_COLUMNS)).cast_column("image", datasets.Image(decode=False))
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        problem = f"The saved dataset cannot be opened ({error})."
        raise LabelError(problem, str(folder), "Save it again, with images in the column 'image'.") from error


def _image(row: _Row, folder: Path, where: str) -> Path:
    """The row's image as a file, written where it is not there yet."""
    content = row.image.get("bytes")
    if content is None:
        path = Path(row.image.get("path") or "")
        if not path.is_file():
            raise ImageError("The row has no image.", where, _DROP.format(row.number))
        content = path.read_bytes()
    try:
        with PILImage.open(io.BytesIO(content)) as image:
            suffix = str(image.format).lower()
    except (OSError, SyntaxError, ValueError, PILImage.DecompressionBombError) as error:
        raise ImageError(f"The image cannot be read ({error}).", where, _DROP.format(row.number)) from error
    written = folder / f"{hashlib.sha256(content).hexdigest()[:32]}.{suffix}"
    try:
        if not written.is_file():
            folder.mkdir(exist_ok=True)
            unfinished = written.with_suffix(".unfinished")
            unfinished.write_bytes(content)
            os.replace(unfinished, written)
    except OSError as error:
        problem = f"{folder}: the images cannot be written there ({error})."
        raise InputError(f"{problem} Copy the dataset to a folder that can be written.") from error
    return written


READER = HfDiskReader()
