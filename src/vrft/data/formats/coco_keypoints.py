"""COCO json with keypoints: boxes as in any other, and where points are asked for the keypoints by name.

Format: https://cocodataset.org/#format-data. A category lists the names of its ``keypoints``, an annotation
has ``x, y, v`` for each: v is 0 where it is not labelled, 1 where it is labelled and hidden, 2 where it is
seen. Hidden ones are labels as any other, as in COCO's own measure. Of those that are not labelled, and of
crowds, nothing is known on that image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vrft.data.data_options import ReadOptions
from vrft.data.dataset import Dataset
from vrft.data.formats.coco_json import CocoReader, Sheet
from vrft.data.formats.json_files import json_files, mentions
from vrft.data.formats.keypoints import PointLabels, PointsToo, keypoint_name, note_on
from vrft.data.label_checks import CATEGORY_BOXES, CATEGORY_POINTS
from vrft.data.scalars import flag, numbers
from vrft.errors import LabelError
from vrft.types import Annotation, Provides, Record
from vrft.types.names import nfc


class CocoKeypointsReader(PointsToo, CocoReader):
    """Boxes and keypoints of images in COCO's json."""

    name = "coco_keypoints"
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: 'a COCO json with "keypoints"',
        CATEGORY_POINTS: 'a COCO json with "keypoints" of its categories and annotations',
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        found = any(mentions(file, "images", "annotations", "keypoints") for file in json_files(path))
        return frozenset(self.provides) & super().detects(path) | {CATEGORY_POINTS} if found else frozenset()

    def read(
        self, path: Path, needs: frozenset[Provides] = frozenset(), options: ReadOptions | None = None
    ) -> Dataset:
        """One record per image, with boxes or with the points of each keypoint as a category of its own."""
        return self._read(path, _PointSheet if CATEGORY_POINTS in needs else Sheet, options)[0]


class _PointSheet(Sheet):
    what = "keypoint"

    def __init__(self, file: Path, root: Path) -> None:
        super().__init__(file, root)
        self.parts = {
            nfc(str(entry.get("name")).strip()): [str(one) for one in listed]
            for entry in self.lists["categories"]
            if isinstance(listed := entry.get("keypoints"), list)
        }
        self._not_labelled: list[str] = []

    @property
    def names(self) -> list[str]:
        return [keypoint_name(part, thing) for thing, parts in self.parts.items() for part in parts]

    @property
    def warnings(self) -> list[str]:
        return [*super().warnings, *note_on(self._not_labelled)]

    def _said(
        self, entry: Mapping[str, Any], category: str | None, record: Record, unknown: set[str]
    ) -> Sequence[Annotation]:
        if category is None:
            raise self._dangling(entry, "category_id", "categories")
        where = f"{self.file}, annotation {entry.get('id')} (image {record.id})"
        names = [keypoint_name(part, category) for part in self.parts.get(category, ())]
        found = PointLabels(record, self.mistakes)
        with found.kept(names):
            crowd = flag(entry.get("iscrowd"), "iscrowd", where)
            for name, (x, y, v) in zip(names, self._triples(entry, names, where), strict=True):
                if v == 0 or crowd:
                    found.leave_out(name)
                else:
                    found.add(name, (x, y), f"{where}, {name}")
        unknown |= found.unknown
        self._not_labelled += found.not_labelled
        return found.annotations

    def _triples(
        self, entry: Mapping[str, Any], names: Sequence[str], where: str
    ) -> Sequence[tuple[float, float, float]]:
        given = entry.get("keypoints")
        if not given:
            return [(0.0, 0.0, 0.0)] * len(names)
        flat = numbers(given)
        if flat is None or len(flat) != 3 * len(names) or not {*flat[2::3]} <= {0, 1, 2}:
            problem = f"The keypoints are not x, y and 0, 1 or 2 for each of the {len(names)} names."
            raise LabelError(problem, where, "Fix them, or the names in the category's 'keypoints'.")
        return list(zip(flat[::3], flat[1::3], flat[2::3], strict=True))


READER = CocoKeypointsReader()
