"""Tracks in Label Studio's JSON export of videos, with the frames of each video as images.

A video ``clip.mp4`` is read as the folder ``clip`` next to the export, in which each frame is an image with
its number, from 1. Exports hold key frames in per cent: between them boxes move in a straight line, and after
one that is not enabled the thing is gone. Frames are counted at a rate that Label Studio takes for the
video's: where that gives another number than there are images, the track is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from vrft.data.dataset import Dataset
from vrft.data.formats.json_files import is_objects, json_files, mentions, parsed
from vrft.data.formats.mot_challenge import OBJECT
from vrft.data.images import image_size_wh
from vrft.data.label_checks import CATEGORY_TRACKS, Mistakes, parts_by_folder, raise_all, record_id
from vrft.data.scalars import number
from vrft.data.sequences import KeyFrame, between_keys, numbered_images
from vrft.errors import LabelError
from vrft.types import Annotation, Image, Provides, Record, Tracks

VIDEO = "videorectangle"
_FIX = "Export it again, or remove it."


class LabelStudioVideoReader:
    """Boxes that are followed through a video."""

    name, in_files = "label_studio_video", True
    provides: Mapping[Provides, str] = {
        CATEGORY_TRACKS: "a JSON export of Label Studio with tracks, and the frames of each video in a folder"
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        return frozenset({CATEGORY_TRACKS} if _files(path) else ())

    def read(self, path: Path, needs: frozenset[Provides]) -> Dataset:
        """One record per video, with one annotation per track."""
        root, mistakes = path.parent if path.is_file() else path, Mistakes()
        records: list[Record] = []
        for file in _files(path):
            for count, task in enumerate(parsed(file), 1):
                with mistakes.kept():
                    where = f"{file}, task {task.get('id', f'number {count}')}"
                    records.append(_record(task, file.parent, root, where, mistakes))
        if not records:
            raise_all(mistakes)
        parts = parts_by_folder(records)
        return Dataset(root, self.name, tuple(records), (), parts, left_out=tuple(mistakes))


def _files(path: Path) -> list[Path]:
    return [file for file in json_files(path) if mentions(file, "annotations", "sequence", opens="[")]


def _record(task: Mapping[str, Any], here: Path, root: Path, where: str, mistakes: Mistakes) -> Record:
    given = task.get("data")
    names = [v for v in given.values() if isinstance(v, str)] if isinstance(given, Mapping) else []
    folders = [here / PurePosixPath(name.rpartition("=")[2]).stem for name in names]
    folder = next((one for one in folders if one.is_dir()), None)
    if folder is None:
        problem = (
            f"There is no folder with the frames of its video ({', '.join(map(str, folders)) or 'none'})."
        )
        raise LabelError(problem, where, "Write each frame as an image with its number, from 1.")
    images = {n: Image(file, image_size_wh(file)) for n, file in numbered_images(folder).items()}
    annotations = task.get("annotations")
    results = annotations[-1].get("result") if is_objects(annotations) and annotations else None
    found: list[Annotation] = []
    for result in results if is_objects(results) else ():
        if result.get("type") == VIDEO:
            with mistakes.kept():
                found.append(_track(result, images, f"{where}, result {result.get('id')}"))
    return Record(record_id(folder, root), tuple(images.values()), tuple(found))


def _track(result: Mapping[str, Any], images: Mapping[int, Image], where: str) -> Annotation:
    value = result.get("value")
    value = value if isinstance(value, Mapping) else {}
    sequence = value.get("sequence")
    if not is_objects(sequence) or not sequence:
        raise LabelError("The track has no key frames.", where, _FIX)
    count = number(value.get("framesCount"))
    if count is not None and (count != len(images) or set(images) != set(range(1, len(images) + 1))):
        problem = (
            f"It counts {count:g} frames, and there are {len(images)} images, {min(images)} to {max(images)}."
        )
        fix = "Write the frames at the rate at which they were labelled, numbered from 1."
        raise LabelError(problem, where, fix)
    keys = [_key(one, images, where) for one in sequence]
    if len({key.number for key in keys}) < len(keys):
        raise LabelError("Two of its key frames have one number.", where, _FIX)
    boxes = between_keys(keys, max(images))
    names = value.get("labels")
    name = str(names[0]) if isinstance(names, Sequence) and names and not isinstance(names, str) else OBJECT
    rows = tuple((n, str(result.get("id", "")), *box) for n, box in sorted(boxes.items()))
    return Annotation("category", name, Tracks(rows, tuple(images)))


def _key(entry: Mapping[str, Any], images: Mapping[int, Image], where: str) -> KeyFrame:
    values = [number(entry.get(key)) for key in ("frame", "x", "y", "width", "height")]
    if None in values or entry.get("rotation"):
        raise LabelError("A key frame is not a number with an upright box.", where, _FIX)
    frame, x, y, width, height = (float(value or 0.0) for value in values)
    if frame not in images:
        raise LabelError(f"A key frame has the number {frame:g}, which no image has.", where, _FIX)
    wide, high = images[int(frame)].size_wh
    x1, y1 = max(x, 0.0) * wide / 100, max(y, 0.0) * high / 100
    x2, y2 = min(x + width, 100.0) * wide / 100, min(y + height, 100.0) * high / 100
    if x1 >= x2 or y1 >= y2:
        raise LabelError(f"Its box in image {frame:g} has no area there.", where, _FIX)
    return KeyFrame(int(frame), (x1, y1, x2, y2), entry.get("enabled", True) is not False)


READER = LabelStudioVideoReader()
