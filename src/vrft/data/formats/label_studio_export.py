"""Labels in Label Studio's JSON export: rectangles as boxes of categories, choices as classes of images.

A rectangle is in per cent of its image. Predictions are not labels. Format:
https://labelstud.io/guide/export#Label-Studio-JSON-format-of-annotated-tasks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from vrft.data.dataset import Dataset
from vrft.data.formats.json_files import is_objects, json_files, mentions, parsed
from vrft.data.image_paths import ImageFinder
from vrft.data.images import image_size_wh, is_image
from vrft.data.label_checks import (
    CATEGORY_BOXES,
    IMAGE_CLASS,
    Mistakes,
    check_size,
    class_of,
    instance_of,
    parts_by_folder,
    raise_all,
    record_id,
    some,
    warnings_about,
)
from vrft.errors import LabelError
from vrft.geometry.boxes import checked_box, is_number
from vrft.types import Annotation, Image, Provides, Record

Result = Mapping[str, Any]
_KINDS = {CATEGORY_BOXES: "rectanglelabels", IMAGE_CLASS: "choices"}
"""Type of the results that say it."""

_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")
"""Label Studio puts eight digits before the name of an image that is uploaded."""


class LabelStudioReader:
    """Rectangles or choices of images."""

    name, in_files = "label_studio", True
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: 'a JSON export of Label Studio with "rectanglelabels"',
        IMAGE_CLASS: 'a JSON export of Label Studio with "choices"',
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        return frozenset(pair for pair in self.provides if _files(path, pair))

    def read(self, path: Path, needs: frozenset[Provides]) -> Dataset:
        """One record for every task that somebody labelled; of several annotations the last counts."""
        root = path.parent if path.is_file() else path
        records: dict[str, Record] = {}
        mistakes = Mistakes()
        unlabelled: list[str] = []
        several: list[str] = []
        unread: set[str] = set()
        for file in dict.fromkeys(file for pair in sorted(needs) for file in _files(path, pair)):
            images = ImageFinder(file, root)
            for number, task in enumerate(_tasks(file), 1):
                name = str(task.get("id", f"number {number}"))
                where = f"{file}, task {name}"
                with mistakes.kept():
                    annotations = _completed(task, where)
                    results = _results(annotations[-1], where) if annotations else []
                    own = [result for result in results if any(_is_label(result, pair) for pair in needs)]
                    record = _record(task, images, root, own, needs, where) if annotations else None
                    if record is None:
                        unlabelled.append(name)
                    elif record.id in records:
                        raise LabelError("Another task shows the same image.", where, "Remove one of them.")
                    else:
                        records[record.id] = record
                    several += [name] if len(annotations) > 1 else []
                    unread |= {str(result.get("type")) for result in results if result not in own}
        raise_all(mistakes)
        found = {
            "Tasks that nobody labelled are left out": unlabelled,
            "Of several annotations of a task the last counts": several,
            "Results of other types are not read": sorted(unread),
        }
        parts = parts_by_folder(records.values())
        return Dataset(root, self.name, tuple(records.values()), tuple(warnings_about(found)), parts)


def _files(path: Path, pair: Provides) -> list[Path]:
    keys = ("data", "annotations", "result", _KINDS[pair])
    return [f for f in json_files(path) if mentions(f, *keys, opens="[") and _holds_labels(f, pair)]


def _holds_labels(file: Path, pair: Provides) -> bool:
    """Some annotation, and not just a prediction, has a result of this kind; so may a broken file."""
    try:
        annotations = [entry for task in _tasks(file) for entry in _dicts(task.get("annotations"))]
    except LabelError:
        return True
    return any(_is_label(result, pair) for a in annotations for result in _dicts(a.get("result")))


def _record(
    task: Result,
    images: ImageFinder,
    root: Path,
    results: Sequence[Result],
    needs: frozenset[Provides],
    where: str,
) -> Record | None:
    """A task's image with its labels; None where nobody gave it a class and one is needed."""
    path = _find(images, _image_name(task, where), where)
    image_wh = image_size_wh(path)
    for result in results:
        if not isinstance(result.get("value"), dict):
            raise LabelError("One of its results has no 'value'.", where, "Export it again.")
        check_size((result.get("original_width"), result.get("original_height")), image_wh, where)
    annotations: list[Annotation] = []
    if CATEGORY_BOXES in needs:
        # An image without rectangles shows nothing of what is labelled.
        rectangles = [result for result in results if _is_label(result, CATEGORY_BOXES)]
        annotations += [one for result in rectangles for one in _boxed(image_wh, result, where)]
    if IMAGE_CLASS in needs:
        choices = [result["value"] for result in results if _is_label(result, IMAGE_CLASS)]
        chosen = [name for value in choices for name in _names(value, "choices", where)]
        if len(chosen) > 1:
            problem = f"The image has several classes: {some(chosen)}."
            raise LabelError(problem, where, "Choose one; for several questions, export one file for each.")
        if not chosen:
            return None
        annotations.append(class_of(chosen[0]))
    return Record(record_id(path, root), (Image(path, image_wh),), tuple(annotations))


def _boxed(image_wh: tuple[int, int], result: Result, where: str) -> list[Annotation]:
    place, value = f"{where}, result {result.get('id')}", result["value"]
    if value.get("rotation") or result.get("image_rotation"):
        raise LabelError(
            "The rectangle is rotated; vrft reads upright boxes only.", place, "Set its rotation to 0."
        )
    numbers: list[Any] = [value.get(key) for key in ("x", "y", "width", "height")]
    if not all(map(is_number, numbers)):
        problem = f"The values of x, y, width and height, {numbers}, are not numbers."
        raise LabelError(problem, place, "Fix or remove it.")
    (x, y, width, height), (w, h) = map(float, numbers), image_wh
    # To a millionth of a pixel, so that the full image is not one float beyond its border.
    x1, y1 = round(x / 100 * w, 6), round(y / 100 * h, 6)
    corners = (x1, y1, round((x + width) / 100 * w, 6), round((y + height) / 100 * h, 6))
    box = checked_box(corners, image_wh, place)
    return [instance_of(name, box) for name in _names(value, "rectanglelabels", place)]


def _names(value: Result, key: str, where: str) -> list[str]:
    names = value.get(key)
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n.strip() for n in names):
        raise LabelError("One of its regions has no label.", where, "Label or remove the region.")
    return [name.strip() for name in names]


def _is_label(result: Result, pair: Provides) -> bool:
    """Whether it is of the kind; a choice about a single region, whose place it has, is about no image."""
    value = result.get("value")
    placed = isinstance(value, dict) and "x" in value
    return result.get("type") == _KINDS[pair] and not (pair == IMAGE_CLASS and placed)


def _dicts(entries: object) -> list[Result]:
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _completed(task: Result, where: str) -> list[dict[str, Any]]:
    annotations = task.get("annotations")
    if not is_objects(annotations):
        raise LabelError("The task has no list 'annotations'.", where, "Export it as JSON, not as JSON-MIN.")
    completed = [entry for entry in annotations if not entry.get("was_cancelled")]
    return sorted(completed, key=lambda entry: str(entry.get("updated_at") or ""))


def _results(annotation: Result, where: str) -> list[dict[str, Any]]:
    results = annotation.get("result")
    if not is_objects(results):
        raise LabelError("The annotation has no list 'result'.", where, "Export it again.")
    return results


def _image_name(task: Result, where: str) -> str:
    data = task.get("data")
    values = data if isinstance(data, dict) else {}
    names = {key: _path_of(value) for key, value in values.items() if isinstance(value, str)}
    images = {key: name for key, name in names.items() if is_image(Path(name))}
    name = images.get("image") or next(iter(images.values()), None)
    if name is None or (len(images) > 1 and "image" not in images):
        problem = f"The task's 'data' name {len(images) or 'no'} images."
        raise LabelError(problem, where, "Write the image to label under 'image'.")
    return name


def _path_of(url: str) -> str:
    try:
        address = urlsplit(url.replace("\\", "/"))
    except ValueError:
        return ""
    local = parse_qs(address.query).get("d")
    return (local[0] if local else unquote(address.path)).lstrip("/")


def _find(images: ImageFinder, name: str, where: str) -> Path:
    own = _UPLOADED.fullmatch(name.rsplit("/", 1)[-1])
    try:
        return images.find(name, where)
    except LabelError as missing:
        try:
            return images.find(own[1] if own else name, where)
        except LabelError:
            raise missing from None


def _tasks(file: Path) -> list[dict[str, Any]]:
    tasks = parsed(file)
    if not is_objects(tasks):
        raise LabelError(
            "The file is not a list of tasks.", str(file), "Export it from Label Studio as JSON."
        )
    return tasks


READER = LabelStudioReader()
