"""Detection labels of LVIS (Gupta et al., arXiv 1908.03195): COCO json whose labels are federated.

Not every category was looked for in every image. An image lists the categories that were looked for and
are not there (``neg_category_ids``) and those of which some instances have no box
(``not_exhaustive_category_ids``); of all other categories nothing is known. Format:
https://www.lvisdataset.org/dataset. Names are kept as LVIS writes them (``baseball_bat``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vrft.data.data_options import ReadOptions
from vrft.data.dataset import Dataset
from vrft.data.formats.coco_json import CocoReader, Sheet
from vrft.data.formats.json_files import json_files, mentions
from vrft.data.image_paths import ImageFinder
from vrft.data.label_checks import CATEGORY_BOXES, part_of
from vrft.errors import ImageError, LabelError
from vrft.types import Provides, Record
from vrft.types.names import nfc

_KEYS = ("images", "annotations", "categories", "neg_category_ids")
_FREQUENCIES = ("r", "c", "f")


class LvisReader(CocoReader):
    """COCO json with categories known to be absent."""

    name = "lvis"
    provides: Mapping[Provides, str] = {
        CATEGORY_BOXES: 'an LVIS json, with "neg_category_ids" for each image'
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        found = any(mentions(file, *_KEYS) for file in json_files(path))
        return frozenset({CATEGORY_BOXES} if found else ())

    def read(
        self, path: Path, needs: frozenset[Provides] = frozenset(), options: ReadOptions | None = None
    ) -> Dataset:
        """One record per image, with what is known to be absent or not labelled exhaustively."""
        dataset, sheets = self._read(path, _LvisSheet, options)
        frequencies = {name: f for sheet in sheets for name, f in sheet.frequencies.items()}
        parts = {name: part for sheet in sheets for name, part in sheet.parts().items()}
        return replace(dataset, parts=parts, frequencies=frequencies)


class _LvisSheet(Sheet):
    def __init__(self, file: Path, root: Path) -> None:
        super().__init__(file, root)
        self.frequencies = self._frequencies()
        self._listed: list[str] = []

    def records(self) -> list[Record]:
        records = [self._consistent(record) for record in super().records()]
        self._listed = [record.id for record in records]
        return records

    def _consistent(self, record: Record) -> Record:
        """A category that has a box and is listed as absent is unknown."""
        both = record.categories & set(record.absent or ())
        for name in sorted(both):
            problem = f"'{name}' has a box here and is also listed as absent."
            where = f"{self.file}, image {record.id}"
            self.mistakes.append(LabelError(problem, where, "Fix its neg_category_ids or its boxes."))
        return replace(record, unknown=(*record.unknown, *sorted(both))) if both else record

    def parts(self) -> dict[str, str]:
        """The part that the file's name gives: LVIS's parts cut across COCO's folders."""
        part = part_of(self.file.stem.rsplit("_", 1)[-1])
        return dict.fromkeys(self._listed, part) if part else {}

    def _image(self, entry: Mapping[str, Any], image_files: ImageFinder, where: str) -> Record:
        url = entry.get("coco_url")
        if isinstance(url, str) and url:
            # LVIS v1 has the image's folder and name in its address alone.
            entry = {**entry, "file_name": "/".join(urlsplit(url).path.split("/")[-2:])}
        record = super()._image(entry, image_files, where)
        return replace(
            record,
            absent=self._names(entry, "neg_category_ids", where),
            not_exhaustive=self._names(entry, "not_exhaustive_category_ids", where),
        )

    def _names(self, entry: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
        ids = entry.get(key)
        if not isinstance(ids, list):
            raise ImageError(
                f"The image has no list '{key}'.", where, "Give the path of the LVIS file alone."
            )
        names = [self.categories.get(number) for number in ids]
        if None in names:
            unknown = ids[names.index(None)]
            raise ImageError(
                f"The {key} hold {unknown!r}, which is no category's id.", where, f"Fix the {key}."
            )
        return tuple(name for name in names if name is not None)

    def _frequencies(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for entry in self.lists["categories"]:
            name, frequency = entry.get("name"), entry.get("frequency")
            if frequency in _FREQUENCIES and isinstance(name, str):
                found[nfc(name.strip())] = frequency
            elif frequency is not None:
                where = f"{self.file}, category {entry.get('id')}"
                problem = f"The frequency '{frequency}' is not 'r', 'c' or 'f'."
                self.mistakes.append(LabelError(problem, where, "Fix or remove it."))
        return found


READER = LvisReader()
