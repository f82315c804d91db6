"""Parquet files, as sets of the Hugging Face hub are downloaded: ``data/train-00000-of-00001.parquet``.

A row holds its image as a mapping of ``bytes`` and ``path``. Names of classes are those of the schema that
Hugging Face datasets writes into each file. The images are written into the cache, never into the folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vrft.data.images import files_below
from vrft.data.label_checks import part_of
from vrft.data.rows.features import BATCH, class_names, hub_row
from vrft.data.rows.row_form import IMAGE_COLUMNS, LabelRow
from vrft.data.rows.row_reader import RowFile, RowReader
from vrft.errors import InputError, LabelError

_HUGGING_FACE = b"huggingface"


class ParquetReader(RowReader):
    """Rows of parquet files."""

    name = "parquet"
    holder = "parquet files"
    holds_images = True

    def sources(self, path: Path) -> list[RowFile]:
        files = [path] if path.is_file() else list(files_below(path, "*.parquet"))
        return [
            RowFile(file, _part(file, path))
            for file in files
            if file.suffix.lower() == ".parquet" and _has_images(file)
        ]

    def rows(self, source: RowFile) -> Iterator[LabelRow]:
        table = _opened(source.file)
        names = class_names(_features(table))
        number = -1
        try:
            for batch in table.iter_batches(batch_size=BATCH):
                for entry in batch.to_pylist():
                    number += 1
                    yield hub_row(source.file, number, entry, names)
        except (OSError, ValueError) as error:
            problem = f"The file cannot be read after row {number} ({error})."
            mistake = LabelError(problem, str(source.file), "Download it again.")
            yield LabelRow(str(source.file), {}, names, mistake)


def _part(file: Path, path: Path) -> str | None:
    """The part that a file's name begins with, or one of its folders below the dataset's."""
    folders = file.relative_to(path).parts[:-1] if path.is_dir() else ()
    named = (part_of(name) for name in (file.stem.split("-")[0], *reversed(folders)))
    return next((part for part in named if part), None)


def _has_images(file: Path) -> bool:
    with file.open("rb") as handle:
        if handle.read(4) != b"PAR1":
            return False
    return bool(set(_opened(file).schema_arrow.names) & set(IMAGE_COLUMNS))


def _opened(file: Path) -> Any:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise InputError(
            f"{file}: parquet is read with pyarrow. Run: pip install 'vrft[datasets]'"
        ) from error
    try:
        return parquet.ParquetFile(file)
    except (OSError, ValueError, ArrowException) as error:
        problem = f"The file is not parquet ({error})."
        raise LabelError(problem, str(file), "Download it again.") from error


def _features(table: Any) -> object:
    try:
        written = json.loads((table.schema_arrow.metadata or {}).get(_HUGGING_FACE, b"{}"))
        return written["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}


READER = ParquetReader()
