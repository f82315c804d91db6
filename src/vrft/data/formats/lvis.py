"""Detection labels of LVIS (Gupta et al., arXiv 1908.03195): COCO json whose labels are federated.

Not every category was looked for in every picture. A picture lists the categories that were looked for and
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

from vrft.data.dataset import Dataset
from vrft.data.formats.coco_json import Coco, Sheet
from vrft.data.formats.peek import json_files, mentions
from vrft.data.image_paths import PictureFinder
from vrft.data.label_checks import part_of
from vrft.errors import LabelError
from vrft.types import Record

_KEYS = ("images", "annotations", "categories", "neg_category_ids")
_FREQUENCIES = ("r", "c", "f")


class Lvis(Coco):
    """COCO json with categories known to be absent."""

    name = "lvis"
    wants = 'an LVIS json, with "neg_category_ids" for each image'

    def detects(self, path: Path) -> bool:
        """Some COCO json lists categories that are absent."""
        return any(mentions(file, *_KEYS) for file in json_files(path))

    def read(self, path: Path) -> Dataset:
        """One record a picture, with the categories known to be absent and those not labelled exhaustively.

        LVIS's parts cut across COCO's folders, so the part is told by the label file's name alone
        (``lvis_v1_val.json``).

        Args:
            path: the folder, or one json.

        Returns:
            Records as the reader of COCO gives them; the frequencies of all categories.

        Raises:
            LabelError: as of COCO; or an image's lists name an unknown category or contradict its boxes.
        """
        reading = _Reading()
        dataset = reading.read(path)
        frequencies = {name: told for sheet in reading.sheets for name, told in sheet.frequencies.items()}
        parts = {name: part for sheet in reading.sheets for name, part in sheet.parts().items()}
        return replace(dataset, parts=parts, frequencies=frequencies)


class _Reading(Lvis):
    """One reading of LVIS; it keeps the sheets that were read."""

    def __init__(self) -> None:
        self.sheets: list[_LvisSheet] = []

    def read(self, path: Path) -> Dataset:
        """What COCO's reader makes of the sheets."""
        return Coco.read(self, path)

    def sheet(self, file: Path, root: Path) -> Sheet:
        """One of the files, opened and kept."""
        self.sheets.append(_LvisSheet(file, root))
        return self.sheets[-1]


class _LvisSheet(Sheet):
    """One LVIS json while it is read."""

    def __init__(self, file: Path, root: Path) -> None:
        super().__init__(file, root)
        self.frequencies = self._frequencies()
        self._listed: list[str] = []

    def records(self) -> list[Record]:
        """All pictures with their boxes and what is known to be absent."""
        records = super().records()
        for record in records:
            both = {box.category for box in record.boxes} & set(record.absent or ())
            if both:
                problem = f"'{min(both)}' has a box and is listed as absent."
                where = f"{self.file}, picture {record.id}"
                self.mistakes.append(LabelError(problem, where, "Mend its neg_category_ids or its boxes."))
        self._listed = [record.id for record in records]
        return records

    def parts(self) -> dict[str, str]:
        """The part that the file's name tells, for every picture in it."""
        part = part_of(self.file.stem.rsplit("_", 1)[-1])
        return dict.fromkeys(self._listed, part) if part else {}

    def _picture(self, entry: Mapping[str, Any], finder: PictureFinder, where: str) -> Record:
        record = super()._picture({**entry, "file_name": _file_name(entry)}, finder, where)
        return replace(
            record,
            absent=self._names(entry, "neg_category_ids", where),
            not_exhaustive=self._names(entry, "not_exhaustive_category_ids", where),
        )

    def _names(self, entry: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
        ids = entry.get(key)
        if not isinstance(ids, list):
            raise LabelError(f"It has no list '{key}'.", where, "Give the path of the LVIS json alone.")
        unknown = [number for number in ids if not isinstance(number, int) or number not in self.categories]
        if unknown:
            raise LabelError(f"Its {key} name no category: {unknown[0]}.", where, f"Mend its {key}.")
        return tuple(self.categories[number] for number in ids)

    def _frequencies(self) -> dict[str, str]:
        told: dict[str, str] = {}
        for entry in self.lists["categories"]:
            name, frequency = entry.get("name"), entry.get("frequency")
            if frequency in _FREQUENCIES and isinstance(name, str):
                told[name.strip()] = frequency
            elif frequency is not None:
                where = f"{self.file}, category {entry.get('id')}"
                problem = f"Its frequency '{frequency}' is not 'r', 'c' or 'f'."
                self.mistakes.append(LabelError(problem, where, "Mend or remove it."))
        return told


def _file_name(entry: Mapping[str, Any]) -> object:
    """The picture's folder and name; LVIS v1 tells them by its address alone."""
    url = entry.get("coco_url")
    if not isinstance(url, str) or not url:
        return entry.get("file_name")
    return "/".join(urlsplit(url).path.split("/")[-2:])


READER = Lvis()
