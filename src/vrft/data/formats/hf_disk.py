"""Labels in Visual-RFT's columns ``image``, ``problem`` and ``solution``, saved by Hugging Face datasets.

A folder that ``save_to_disk`` wrote, of one ``Dataset`` or of a ``DatasetDict`` with its parts. A solution of
detection is ``<answer>[{'Position': [x1, y1, x2, y2], 'Confidence': 1}, ...]</answer>`` or
``<answer>No Objects</answer>``, one of classification ``<answer>class</answer>``. A problem of detection
names its category and says how coordinates are written; where it does not say 'between 0 and 1000, integer',
they are refused.

A row asks for one category, so nothing is known of the others: a record lists what was asked and is absent.
The pictures are written once into the folder ``pictures`` beside the rows, named by their content.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from vrft.data.dataset import Dataset
from vrft.data.images import image_size_wh
from vrft.data.label_checks import part_of, raise_all, record_id, strictest
from vrft.errors import InputError, LabelError
from vrft.geometry.frames import View
from vrft.tasks.parsing.answer_parsers import parse_boxes_answer, parse_label_answer
from vrft.types import Form, LabelledBox, Record

_COLUMNS = frozenset({"image", "problem", "solution"})
_CATEGORY = re.compile(r"belonging to the category '(.+?)' in the image, and provide")
"""The detection prompt of the paper's Table 1 and of the released sets."""

_LIST = re.compile(r"\s*<answer>\s*(\[|No Objects)")
_DROP = "Drop it: dataset.filter(lambda row, n: n != {}, with_indices=True)."


@dataclass(frozen=True)
class _Row:
    part: str
    """Name of the part's folder, empty for a single Dataset."""
    number: int
    image: Mapping[str, Any]
    problem: str
    solution: str


class HfDisk:
    """Rows of one form of solution, as labels for one task.

    Args:
        task: the task.
        boxes: the solutions are lists of boxes.
        wants: for messages, as in every reader.
        labelled: a record, a row and the place, to the record with the row's label too.
    """

    name = "hf_disk"
    in_files = True

    def __init__(
        self, task: str, boxes: bool, wants: str, labelled: Callable[[Record, _Row, str], Record]
    ) -> None:
        self.task, self.wants = task, wants
        self._boxes, self._labelled = boxes, labelled

    def detects(self, path: Path) -> bool:
        """Rows with the three columns; the first of them decides on the task."""
        first = next(_rows(path), None)
        return first is not None and bool(_LIST.match(first.solution)) == self._boxes

    def read(self, path: Path) -> Dataset:
        """One record for every different picture, with the labels of all rows that show it.

        Args:
            path: the folder that ``save_to_disk`` wrote.

        Returns:
            Records in the order of the rows. A picture in several parts goes to test before val before train.

        Raises:
            LabelError: a row cannot be used, contradicts another one, or its coordinates are not known.
            InputError: the library ``datasets`` is not installed.
        """
        records: dict[str, Record] = {}
        parts: defaultdict[str, set[str]] = defaultdict(set)
        mistakes: list[LabelError] = []
        for row in _rows(path):
            where = f"{path / row.part}, row {row.number}"
            try:
                picture = _picture(row, path / "pictures", where)
                name = record_id(picture, path)
                record = records.get(name) or Record(name, picture, image_size_wh(picture))
                records[name] = self._labelled(record, row, where)
            except LabelError as mistake:
                mistakes.append(mistake)
                continue
            if part := part_of(row.part):
                parts[name].add(part)
        raise_all(mistakes)
        told = {name: strictest(several) for name, several in parts.items()}
        warnings = (f"The pictures were written to {path / 'pictures'}.",)
        return Dataset(path, self.name, tuple(records.values()), warnings, told)


def _boxed(record: Record, row: _Row, where: str) -> Record:
    found = _CATEGORY.search(row.problem)
    view = View("thousand", record.image_wh, record.image_wh)
    if found is None or f"({view.clause})" not in row.problem:
        raise LabelError(
            "Its problem does not tell the category and how coordinates are written.",
            where,
            f"Ask for one category in the words of Visual-RFT's prompt, with '({view.clause})', and write "
            "the boxes so; or save boxes in pixels as COCO json.",
        )
    answer = parse_boxes_answer(row.solution, view, Form.DIRECT)
    if not answer.parsed or not answer.formatted or answer.points_xy_px:
        faults = ", ".join(answer.faults) or "no boxes"
        raise LabelError(f"Its solution is no list of boxes ({faults}).", where, _DROP.format(row.number))
    category = found[1]
    labelled = tuple(box.box_xyxy_px for box in record.boxes if box.category == category)
    if labelled or category in (record.absent or ()):
        if set(labelled) == set(answer.boxes_xyxy_px):
            return record
        problem = f"Another row has other boxes of '{category}' for the same picture."
        raise LabelError(problem, where, _DROP.format(row.number))
    boxes = tuple(LabelledBox(category, box) for box in answer.boxes_xyxy_px)
    absent = (record.absent or ()) if boxes else (*(record.absent or ()), category)
    return replace(record, boxes=record.boxes + boxes, absent=absent)


def _classified(record: Record, row: _Row, where: str) -> Record:
    answer = parse_label_answer(row.solution, Form.DIRECT)
    if answer.label is None or not answer.formatted or _LIST.match(row.solution):
        raise LabelError("Its solution is no class name in tags.", where, _DROP.format(row.number))
    if record.category not in {None, answer.label}:
        problem = f"It is '{answer.label}', but another row calls the same picture '{record.category}'."
        raise LabelError(problem, where, _DROP.format(row.number))
    return replace(record, category=answer.label)


def _rows(path: Path) -> Iterator[_Row]:
    """All rows of a folder with the three columns; none where it is something else."""
    for folder in _saved(path):
        rows = _open(folder)
        part = "" if folder == path else folder.name
        for number, row in enumerate(rows):
            texts = (row["problem"], row["solution"])
            problem, solution = (text if isinstance(text, str) else "" for text in texts)
            yield _Row(part, number, row["image"] or {}, problem, solution)


def _saved(path: Path) -> list[Path]:
    """The folders of single data sets that have the three columns."""
    if not path.is_dir():
        return []
    inner = path.glob("*/state.json") if (path / "dataset_dict.json").is_file() else path.glob("state.json")
    return [state.parent for state in sorted(inner) if _columns(state.parent) >= _COLUMNS]


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
        problem = "Reading what Hugging Face datasets saved needs that library"
        raise InputError(f"{folder}: {problem}. Run: pip install 'vrft[datasets]'") from error
    try:
        rows = datasets.load_from_disk(str(folder))
        # The bytes as they were saved, rather than decoded pixels.
        return rows.select_columns(sorted(_COLUMNS)).cast_column("image", datasets.Image(decode=False))
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        problem = f"The saved data set cannot be opened ({error})."
        raise LabelError(problem, str(folder), "Save it again; 'image' must hold pictures.") from error


def _picture(row: _Row, folder: Path, where: str) -> Path:
    """The row's picture as a file, written where it is not there yet."""
    content = row.image.get("bytes")
    if content is None:
        path = Path(row.image.get("path") or "")
        if not path.is_file():
            raise LabelError("It has no picture.", where, _DROP.format(row.number))
        content = path.read_bytes()
    try:
        with Image.open(io.BytesIO(content)) as image:
            suffix = str(image.format).lower()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise LabelError(f"Its picture cannot be read ({error}).", where, _DROP.format(row.number)) from error
    written = folder / f"{hashlib.sha256(content).hexdigest()[:32]}.{suffix}"
    try:
        if not written.is_file():
            folder.mkdir(exist_ok=True)
            unfinished = written.with_suffix(".unfinished")
            unfinished.write_bytes(content)
            os.replace(unfinished, written)
    except OSError as error:
        problem = f"{folder}: the pictures cannot be written there ({error})."
        raise InputError(f"{problem} Copy the data set to a folder that can be written.") from error
    return written


READERS = (
    HfDisk(
        "detection",
        True,
        "a folder saved by Hugging Face datasets with the columns image, problem and solution, and boxes",
        _boxed,
    ),
    HfDisk(
        "classification",
        False,
        "such a folder with a class name in each solution",
        _classified,
    ),
)
