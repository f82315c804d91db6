"""Labels in Label Studio's JSON export: rectangles for detection, choices for classification.

A rectangle is told in per cent of its picture. Predictions are no labels. Format:
https://labelstud.io/guide/export#Label-Studio-JSON-format-of-annotated-tasks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from vrft.data.dataset import Dataset
from vrft.data.formats.peek import json_files, mentions
from vrft.data.image_paths import PictureFinder
from vrft.data.images import image_size_wh, is_picture
from vrft.data.label_checks import check_size, checked_box, part_of_record, raise_all, record_id, some
from vrft.errors import LabelError
from vrft.types import LabelledBox, Record

Result = Mapping[str, Any]

_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")
"""Label Studio puts eight digits before the name of a picture that is uploaded."""


class LabelStudio:
    """Results of one kind, as labels for one task.

    Args:
        task: the task.
        kind: type of the results.
        wants: for messages, as in every reader.
        labelled: a record, its results of this kind and the place, to the record with its labels; None where
            nobody labelled it for this task.
    """

    name = "label_studio"
    in_files = True

    def __init__(
        self,
        task: str,
        kind: str,
        wants: str,
        labelled: Callable[[Record, Sequence[Result], str], Record | None],
    ) -> None:
        self.task, self.kind, self.wants = task, kind, wants
        self._labelled = labelled

    def detects(self, path: Path) -> bool:
        """Some json is a list of tasks with results of this kind."""
        return bool(self._files(path))

    def read(self, path: Path) -> Dataset:
        """One record for every task that somebody labelled; of several annotations the last counts.

        Args:
            path: the folder with the export, or the export.

        Returns:
            Records in the order of the tasks.

        Raises:
            LabelError: a task cannot be used, a rectangle is turned, or a picture is missing.
        """
        root = path.parent if path.is_file() else path
        records: dict[str, Record] = {}
        mistakes: list[LabelError] = []
        unlabelled: list[str] = []
        several: list[str] = []
        unread: set[str] = set()
        for file in self._files(path):
            finder = PictureFinder(file, root)
            for number, task in enumerate(_tasks(file), 1):
                told = str(task.get("id", f"number {number}"))
                where = f"{file}, task {told}"
                try:
                    if not (annotations := _completed(task, where)):
                        unlabelled.append(told)
                        continue
                    results = _results(annotations[-1], where)
                    own = [result for result in results if _is_label(result, self.kind)]
                    record = self._labelled(_record(task, finder, root, own, where), own, where)
                    if record is not None and record.id in records:
                        raise LabelError("Another task shows the same picture.", where, "Remove one of them.")
                except LabelError as mistake:
                    mistakes.append(mistake)
                    continue
                several += [told] if len(annotations) > 1 else []
                unread |= {str(result.get("type")) for result in results if result not in own}
                if record is None:
                    unlabelled.append(told)
                else:
                    records[record.id] = record
        raise_all(mistakes)
        found = {
            "Tasks that nobody labelled are left out": unlabelled,
            "Of several annotations of a task the last counts": several,
            "Results of other types are not read": sorted(unread),
        }
        warnings = tuple(f"{what}: {some(names)}." for what, names in found.items() if names)
        parts = {name: part for name in records if (part := part_of_record(name))}
        return Dataset(root, self.name, tuple(records.values()), warnings, parts)

    def _files(self, path: Path) -> list[Path]:
        keys = ("data", "annotations", "result", self.kind)
        lists = (file for file in json_files(path) if mentions(file, *keys, opens="["))
        return [file for file in lists if self._holds_labels(file)]

    def _holds_labels(self, file: Path) -> bool:
        """Some annotation, and not just a prediction, has a result of this kind; so may a broken file."""
        try:
            annotations = [entry for task in _tasks(file) for entry in _dicts(task.get("annotations"))]
        except LabelError:
            return True
        return any(_is_label(result, self.kind) for a in annotations for result in _dicts(a.get("result")))


def _boxed(record: Record, results: Sequence[Result], where: str) -> Record:
    """A picture without rectangles shows nothing of what is labelled."""
    boxes: list[LabelledBox] = []
    for result in results:
        place = f"{where}, result {result.get('id')}"
        value = result["value"]
        if value.get("rotation") or result.get("image_rotation"):
            raise LabelError("It is turned, and so no box.", place, "Draw it upright.")
        corners = _corners(value, record.image_wh, place)
        box = checked_box(corners, record.image_wh, place)
        boxes += [LabelledBox(name, box) for name in _names(value, "rectanglelabels", place)]
    return replace(record, boxes=tuple(boxes))


def _classified(record: Record, results: Sequence[Result], where: str) -> Record | None:
    chosen = [name for result in results for name in _names(result["value"], "choices", where)]
    if len(chosen) > 1:
        problem = f"It has several classes: {some(chosen)}."
        raise LabelError(problem, where, "Choose one, and ask one question in the labelling interface.")
    return replace(record, category=chosen[0]) if chosen else None


def _corners(value: Result, image_wh: tuple[int, int], where: str) -> tuple[float, float, float, float]:
    numbers = [value.get(key) for key in ("x", "y", "width", "height")]
    x, y, width, height = (
        float(n) if isinstance(n, int | float) and not isinstance(n, bool) else None for n in numbers
    )
    if x is None or y is None or width is None or height is None:
        problem = f"Its x, y, width and height {numbers} are not numbers."
        raise LabelError(problem, where, "Mend or remove it.")
    w, h = image_wh
    # To a millionth of a pixel, so that the full picture is not one float beyond its border.
    x1, y1 = round(x / 100 * w, 6), round(y / 100 * h, 6)
    return (x1, y1, round((x + width) / 100 * w, 6), round((y + height) / 100 * h, 6))


def _names(value: Result, key: str, where: str) -> list[str]:
    names = value.get(key)
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n.strip() for n in names):
        raise LabelError("It has no label.", where, "Label or remove it.")
    return [name.strip() for name in names]


def _is_label(result: Result, kind: str) -> bool:
    """Whether it is of the kind; a choice about a single region, whose place it has, is about no picture."""
    value = result.get("value")
    placed = isinstance(value, dict) and "x" in value
    return result.get("type") == kind and not (kind == "choices" and placed)


def _dicts(entries: object) -> list[Result]:
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _completed(task: Result, where: str) -> list[Result]:
    """The task's annotations that were not skipped, the last to be changed at the end."""
    annotations = task.get("annotations")
    if not isinstance(annotations, list) or not all(isinstance(entry, dict) for entry in annotations):
        raise LabelError("It has no list 'annotations'.", where, "Export it as JSON, not as JSON-MIN.")
    completed = [entry for entry in annotations if not entry.get("was_cancelled")]
    return sorted(completed, key=lambda entry: str(entry.get("updated_at") or ""))


def _results(annotation: Result, where: str) -> list[Result]:
    results = annotation.get("result")
    if not isinstance(results, list) or not all(isinstance(r, dict) for r in results):
        raise LabelError("Its annotation has no list 'result'.", where, "Export it again.")
    return results


def _record(task: Result, finder: PictureFinder, root: Path, results: Sequence[Result], where: str) -> Record:
    picture = _find(finder, _picture_name(task, where), where)
    image_wh = image_size_wh(picture)
    for result in results:
        if not isinstance(result.get("value"), dict):
            raise LabelError("A result has no 'value'.", where, "Export it again.")
        check_size((result.get("original_width"), result.get("original_height")), image_wh, where)
    return Record(record_id(picture, root), picture, image_wh)


def _picture_name(task: Result, where: str) -> str:
    """The picture's path, freed of server and query."""
    data = task.get("data")
    values = data if isinstance(data, dict) else {}
    names = {key: _path_of(value) for key, value in values.items() if isinstance(value, str)}
    pictures = {key: name for key, name in names.items() if is_picture(Path(name))}
    name = pictures.get("image") or next(iter(pictures.values()), None)
    if name is None or (len(pictures) > 1 and "image" not in pictures):
        problem = f"Its data name {len(pictures) or 'no'} pictures."
        raise LabelError(problem, where, "Name the one picture under 'image'.")
    return name


def _path_of(url: str) -> str:
    try:
        address = urlsplit(url.replace("\\", "/"))
    except ValueError:
        return ""
    local = parse_qs(address.query).get("d")
    return (local[0] if local else unquote(address.path)).lstrip("/")


def _find(finder: PictureFinder, name: str, where: str) -> Path:
    own = _UPLOADED.fullmatch(name.rsplit("/", 1)[-1])
    try:
        return finder.find(name, where)
    except LabelError as missing:
        try:
            return finder.find(own[1] if own else name, where)
        except LabelError:
            raise missing from None


def _tasks(file: Path) -> list[Result]:
    try:
        tasks = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise LabelError(f"The file is no JSON ({error}).", str(file), "Export it again.") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise LabelError("It is no list of tasks.", str(file), "Export it as JSON.")
    return tasks


READERS = (
    LabelStudio(
        "detection", "rectanglelabels", 'a JSON export of Label Studio with "rectanglelabels"', _boxed
    ),
    LabelStudio("classification", "choices", 'a JSON export of Label Studio with "choices"', _classified),
)
