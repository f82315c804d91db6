"""Folders that ``save_to_disk`` of Hugging Face datasets wrote: a ``Dataset``, or a ``DatasetDict``.

The images are written into the cache, named by their content, and never into the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vrft.data.label_checks import part_of
from vrft.data.rows.features import BATCH, class_names, hub_row
from vrft.data.rows.row_form import IMAGE_COLUMNS, LabelRow
from vrft.data.rows.row_reader import RowFile, RowReader
from vrft.errors import InputError, LabelError


class HfDiskReader(RowReader):
    """Rows of saved datasets."""

    name = "hf_disk"
    holder = "a folder saved by Hugging Face datasets"
    holds_images = True

    def sources(self, path: Path) -> list[RowFile]:
        if not path.is_dir():
            return []
        saved = path.glob("*/state.json" if (path / "dataset_dict.json").is_file() else "state.json")
        folders = (state.parent for state in sorted(saved))
        return [
            RowFile(folder, None if folder == path else part_of(folder.name))
            for folder in folders
            if set(_features(folder)) & set(IMAGE_COLUMNS)
        ]

    def rows(self, source: RowFile) -> Iterator[LabelRow]:
        names, number = class_names(_features(source.file)), 0
        for batch in _opened(source.file).iter(BATCH):
            for entry in batch.to_pylist():
                yield hub_row(source.file, number, entry, names)
                number += 1


def _features(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / "dataset_info.json").read_bytes())["features"] or {})
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _opened(folder: Path) -> Any:
    try:
        import datasets
    except ImportError as error:
        problem = "a dataset that Hugging Face datasets saved is read with that library"
        raise InputError(f"{folder}: {problem}. Run: pip install 'vrft[datasets]'") from error
    try:
        # Arrow's rows hold the bytes as they were saved, rather than decoded pixels.
        return datasets.load_from_disk(str(folder)).with_format("arrow")
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        problem = f"The saved dataset cannot be opened ({error})."
        raise LabelError(problem, str(folder), "Save it again, with images in the column 'image'.") from error


READER = HfDiskReader()
