"""Labels in Label Studio's JSON export: regions as boxes of categories, choices as classes of images.

Rectangles, ellipses, polygons and brushes are read as the boxes around them (``label_studio_regions``). The
class of a region that has no box, such as a key point, is unknown on its image. Predictions are not labels.
Format: https://labelstud.io/guide/export#Label-Studio-JSON-format-of-annotated-tasks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from vrft.data.dataset import Dataset
from vrft.data.formats.json_files import is_objects, json_files, mentions, parsed
from vrft.data.formats.label_studio_regions import Region, Result, regions_of
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
    record_id,
    some,
    warnings_about,
)
from vrft.data.scalars import flag
from vrft.errors import ImageError, LabelError
from vrft.types import Annotation, Image, Provides, Record

_KEYS: Mapping[Provides, tuple[str, ...]] = {
    CATEGORY_BOXES: ("rectanglelabels", "ellipselabels", "polygonlabels", "brushlabels", "labels"),
    IMAGE_CLASS: ("choices",),
}
"""Types of results, one of which a file must mention to say it."""

_UPLOADED = re.compile(r"[0-9a-f]{8}-(.+)")
"""Label Studio puts eight digits before the name of an image that is uploaded."""


class LabelStudioReader:
    """Regions or choices of images."""

    name, in_files = "label_studio", True
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: "a JSON export of Label Studio with labelled regions",
        IMAGE_CLASS: 'a JSON export of Label Studio with "choices"',
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        return frozenset(pair for pair in self.provides if _files(path, pair))

    def read(self, path: Path, needs: frozenset[Provides]) -> Dataset:
        """One record for every task that somebody labelled; of several annotations the last counts."""
        root = path.parent if path.is_file() else path
        export = _Export(root, needs)
        for file in dict.fromkeys(file for pair in sorted(needs) for file in _files(path, pair)):
            images = ImageFinder(file, root)
            for number, task in enumerate(_tasks(file), 1):
                name = str(task.get("id", f"number {number}"))
                with export.mistakes.kept():
                    export.add(task, name, images, f"{file}, task {name}")
        records = tuple(r for name, r in export.records.items() if name not in export.twice)
        left_out, fixed = tuple(export.mistakes), tuple(export.mistakes.fixed)
        parts = parts_by_folder(records)
        return Dataset(root, self.name, records, export.warnings, parts, left_out=left_out, fixed=fixed)


class _Export:
    """The tasks of all files while they are read."""

    def __init__(self, root: Path, needs: frozenset[Provides]) -> None:
        self.root, self.needs = root, needs
        self.mistakes = Mistakes()
        self.records: dict[str, Record] = {}
        self.twice: set[str] = set()
        """Images of several tasks; which of them is right, nobody knows."""
        self.unlabelled: list[str] = []
        self.several: list[str] = []
        self.unread: set[str] = set()
        self.boxless: set[str] = set()
        self.around: set[str] = set()

    @property
    def warnings(self) -> tuple[str, ...]:
        found = {
            "Tasks that nobody labelled are left out": self.unlabelled,
            "Of several annotations of a task the last counts": self.several,
            "Results of other types are not read": sorted(self.unread),
            "Regions were read as the boxes around them": sorted(self.around),
            "Regions without a box make their classes unknown on their images": sorted(self.boxless),
        }
        return (*warnings_about(found), *self.mistakes.warnings)

    def add(self, task: Result, name: str, images: ImageFinder, where: str) -> None:
        """Read one task; LabelError where its image or its class cannot be used."""
        annotations = _completed(task, where)
        self.several += [name] if len(annotations) > 1 else []
        record = self._record(task, _results(annotations[-1], where), images, where) if annotations else None
        if record is None:
            self.unlabelled.append(name)
        elif record.id in self.records:
            self.twice.add(record.id)
            raise ImageError("Another task shows the same image.", where, "Remove one of them.")
        else:
            self.records[record.id] = record

    def _record(
        self, task: Result, results: Sequence[Result], images: ImageFinder, where: str
    ) -> Record | None:
        """A task's image with its labels; None where nobody gave it a class and one is needed."""
        path = _find(images, _image_name(task, where), where)
        image_wh = image_size_wh(path)
        regions = regions_of(results) if CATEGORY_BOXES in self.needs else []
        choices = [r for r in results if _is_choice(r)] if IMAGE_CLASS in self.needs else []
        own = [*choices, *(result for region in regions for result in region.results)]
        read = {id(result) for result in own}
        self.unread |= {str(result.get("type")) for result in results if id(result) not in read}
        for result in own:
            if not isinstance(result.get("value"), dict):
                raise ImageError("One of its results has no 'value'.", where, "Export it again.")
            check_size((result.get("original_width"), result.get("original_height")), image_wh, where)
        # An image without regions shows nothing of what is labelled.
        unknown: set[str] = set()
        annotations = [one for region in regions for one in self._boxed(region, image_wh, unknown, where)]
        if IMAGE_CLASS in self.needs:
            chosen = [name for choice in choices for name in _names(choice["value"], "choices", where)]
            if len(chosen) > 1:
                problem = f"The image has several classes: {some(chosen)}."
                fix = "Choose one; for several questions, export one file for each."
                raise LabelError(problem, where, fix)
            if not chosen:
                return None
            annotations.append(class_of(chosen[0]))
        shown = (Image(path, image_wh),)
        return Record(record_id(path, self.root), shown, tuple(annotations), unknown=tuple(sorted(unknown)))

    def _boxed(
        self, region: Region, image_wh: tuple[int, int], unknown: set[str], where: str
    ) -> list[Annotation]:
        """A region's box for each of its classes; they are unknown where it has none."""
        names = region.names
        if region.shape is None:
            self.boxless |= region.kinds
            unknown.update(names or ("",))
            return []
        place = f"{where}, result {region.results[0].get('id')}"
        found: list[Annotation] = []
        with self.mistakes.kept():
            if not names:
                raise LabelError("One of its regions has no label.", place, "Label or remove the region.")
            box = self.mistakes.box(region.corners(image_wh, place), image_wh, place)
            found = [instance_of(name, box) for name in names]
        self.around |= {region.shape} - {"rectangle"} | ({"turned rectangle"} if region.is_turned else set())
        unknown.update(() if found else names or ("",))
        return found


def _files(path: Path, pair: Provides) -> list[Path]:
    base = ("data", "annotations", "result")
    return [
        file
        for file in json_files(path)
        if any(mentions(file, *base, key, opens="[") for key in _KEYS[pair]) and _holds_labels(file, pair)
    ]


def _holds_labels(file: Path, pair: Provides) -> bool:
    """Some annotation, and not just a prediction, has a result of this kind; so may a broken file."""
    try:
        annotations = [entry for task in _tasks(file) for entry in _dicts(task.get("annotations"))]
    except LabelError:
        return True
    results = (_dicts(annotation.get("result")) for annotation in annotations)
    if pair == IMAGE_CLASS:
        return any(_is_choice(result) for own in results for result in own)
    return any(
        region.shape is not None and region.is_labelled for own in results for region in regions_of(own)
    )


def _names(value: Result, key: str, where: str) -> list[str]:
    names = value.get(key)
    if not isinstance(names, list) or not names or not all(isinstance(n, str) and n.strip() for n in names):
        raise LabelError("One of its regions has no label.", where, "Label or remove the region.")
    return [name.strip() for name in names]


def _is_choice(result: Result) -> bool:
    """Whether it is a class of the image; one of a single region, whose place it has, is not."""
    value = result.get("value")
    placed = isinstance(value, dict) and "x" in value
    return result.get("type") == "choices" and not placed


def _dicts(entries: object) -> list[Result]:
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _completed(task: Result, where: str) -> list[dict[str, Any]]:
    annotations = task.get("annotations")
    if not is_objects(annotations):
        raise ImageError("The task has no list 'annotations'.", where, "Export it as JSON, not as JSON-MIN.")
    completed = [e for e in annotations if not flag(e.get("was_cancelled"), "was_cancelled", where)]
    return sorted(completed, key=lambda entry: str(entry.get("updated_at") or ""))


def _results(annotation: Result, where: str) -> list[dict[str, Any]]:
    results = annotation.get("result")
    if not is_objects(results):
        raise ImageError("The annotation has no list 'result'.", where, "Export it again.")
    return results


def _image_name(task: Result, where: str) -> str:
    data = task.get("data")
    values = data if isinstance(data, dict) else {}
    names = {key: _path_of(value) for key, value in values.items() if isinstance(value, str)}
    images = {key: name for key, name in names.items() if is_image(Path(name))}
    name = images.get("image") or next(iter(images.values()), None)
    if name is None or (len(images) > 1 and "image" not in images):
        problem = f"The task's 'data' name {len(images) or 'no'} images."
        raise ImageError(problem, where, "Write the image to label under 'image'.")
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
