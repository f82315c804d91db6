"""Classes of images as names of folders: ``CLASS/image``, or ``train/CLASS/image`` and so on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vrft.data.dataset import Dataset
from vrft.data.images import files_below, images_below, is_image, subfolders
from vrft.data.label_checks import (
    IMAGE_CLASS,
    Mistakes,
    class_of,
    part_of,
    record_id,
    record_of,
    warnings_about,
)
from vrft.types import Provides, Record


class ClassFoldersReader:
    """A folder per class; folders named as parts may stand above the classes."""

    name, in_files = "class_folders", False
    provides: Mapping[Provides, str] = {
        IMAGE_CLASS: "at least two folders of images, each named as its class"
    }

    def detects(self, path: Path) -> frozenset[Provides]:
        filled = {folder.name for folder, _ in _class_folders(path) if any(images_below(folder))}
        return frozenset({IMAGE_CLASS} if len(filled) > 1 else ())

    def read(self, path: Path, needs: frozenset[Provides] = frozenset()) -> Dataset:
        """One record per image, in the order of their ids, which are their paths from the root."""
        records: list[Record] = []
        parts: dict[str, str] = {}
        strangers: list[str] = []
        empty: list[str] = []
        mistakes = Mistakes()
        for folder, part in _class_folders(path):
            files = list(files_below(folder))
            images = [file for file in files if is_image(file)]
            strangers += [record_id(file, path) for file in files if not is_image(file)]
            empty += [] if images else [folder.name]
            for image in images:
                name = record_id(image, path)
                with mistakes.kept():
                    records.append(record_of(image, path, class_of(folder.name)))
                    parts |= {name: part} if part is not None else {}
        loose = [file.name for file in sorted(path.iterdir()) if file.is_file() and is_image(file)]
        found = {
            "Images outside the class folders are not read": loose,
            "Files that are not images are not read": strangers,
            "Folders without an image make no class": empty,
        }
        records.sort(key=lambda record: record.id)
        warnings = tuple(warnings_about(found))
        return Dataset(path, self.name, tuple(records), warnings, parts, left_out=tuple(mistakes))


def _class_folders(root: Path) -> list[tuple[Path, str | None]]:
    """Class folders with the part they belong to; none where parts hold images directly."""
    top = subfolders(root)
    if top and all(part_of(folder.name) for folder in top):
        return [(inner, part_of(folder.name)) for folder in top for inner in subfolders(folder)]
    return [(folder, None) for folder in top]


READER = ClassFoldersReader()
