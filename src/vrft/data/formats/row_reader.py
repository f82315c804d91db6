"""What the three readers of tables share: files, pictures, parts, mistakes; each adds its own labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vrft.data.dataset import Dataset
from vrft.data.formats.table_rows import IMAGE, Row, rows, tables, tasks_of
from vrft.data.image_paths import PictureFinder
from vrft.data.images import image_size_wh
from vrft.data.label_checks import (
    check_size,
    one_part_each,
    part_of,
    part_of_record,
    raise_all,
    record_id,
    some,
)
from vrft.errors import LabelError
from vrft.types import Record


@dataclass(frozen=True)
class RowReader:
    """A reader of tables for one task."""

    name: str
    task: str
    wants: str
    add: Callable[[Record, Row], tuple[Record, int]]
    """The record with the label of one more row, and how many boxes were clipped; may raise LabelError."""
    in_files: bool = True

    def detects(self, path: Path) -> bool:
        """The first row of some table serves the task."""
        return any(self.task in tasks_of(file) for file in tables(path))

    def read(self, path: Path) -> Dataset:
        """One record a picture, with its labels in the order of the rows.

        Args:
            path: the folder with the tables, or one of them.

        Returns:
            Records in the order in which pictures are first named.

        Raises:
            LabelError: a row cannot be used.
        """
        root = path.parent if path.is_file() else path
        serving = {file: self.task in tasks_of(file) for file in tables(path)}
        records: dict[str, Record] = {}
        told: list[tuple[str, str]] = []
        mistakes: list[LabelError] = []
        strange: set[str] = set()
        n_clipped = 0
        for file in (file for file, serves in serving.items() if serves):
            finder = PictureFinder(file, root)
            for row in rows(file):
                try:
                    known = _picture(row, finder, root, records)
                    record, moved = self.add(known, row)
                except LabelError as mistake:
                    mistakes.append(mistake)
                    continue
                n_clipped += moved
                records[record.id] = record
                split = str(row.entry.get("split") or "")
                part = part_of(split) or part_of_record(record.id) or part_of(file.stem)
                strange |= {split} if split and not part_of(split) else set()
                told += [(record.id, part)] if part else []
        raise_all(mistakes)
        parts, torn = one_part_each(told)
        found = {
            f"Tables without labels for {self.task} are not read": [
                f.name for f, s in serving.items() if not s
            ],
            "Values of 'split' that name no part": sorted(strange),
            "Boxes up to 1 pixel outside their pictures were clipped": [str(n_clipped)] if n_clipped else [],
        }
        warnings = [f"{what}: {some(names)}." for what, names in found.items() if names]
        return Dataset(root, self.name, tuple(records.values()), (*warnings, *torn), parts)


def _picture(row: Row, finder: PictureFinder, root: Path, records: dict[str, Record]) -> Record:
    """The record of a row's picture as it stands, or a new one."""
    if row.mistake is not None:
        raise row.mistake
    picture = finder.find(row.text(IMAGE), row.where)
    name = record_id(picture, root)
    record = records.get(name) or Record(name, picture, image_size_wh(picture))
    check_size((row.entry.get("width"), row.entry.get("height")), record.image_wh, row.where)
    return record
