"""Classification labels told by folders: ``CLASS/picture``, or ``train/CLASS/picture`` and so on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vrft.data.dataset import Dataset
from vrft.data.images import image_size_wh, is_picture
from vrft.data.label_checks import part_of, raise_all, record_id, some
from vrft.errors import LabelError
from vrft.types import Record


class ClassFolders:
    """A folder per class; folders named as parts may stand above the classes."""

    name = "class_folders"
    task = "classification"
    wants = "at least two folders of pictures, each named as its class"
    in_files = False

    def detects(self, path: Path) -> bool:
        """At least two class folders with pictures."""
        if not path.is_dir():
            return False
        with_pictures = {
            folder.name for folder, _ in _class_folders(path) if any(map(is_picture, _files(folder)))
        }
        return len(with_pictures) > 1

    def read(self, path: Path) -> Dataset:
        """One record a picture; its id is its path from the root.

        Args:
            path: the folder that holds the class folders.

        Returns:
            Records in the order of their ids.

        Raises:
            LabelError: a picture cannot be read.
        """
        records: list[Record] = []
        parts: dict[str, str] = {}
        strangers: list[str] = []
        empty: list[str] = []
        mistakes: list[LabelError] = []
        for folder, part in _class_folders(path):
            pictures = [file for file in _files(folder) if is_picture(file)]
            strangers += [record_id(file, path) for file in _files(folder) if not is_picture(file)]
            empty += [] if pictures else [folder.name]
            for picture in pictures:
                name = record_id(picture, path)
                try:
                    records.append(Record(name, picture, image_size_wh(picture), category=folder.name))
                except LabelError as mistake:
                    mistakes.append(mistake)
                if part is not None:
                    parts[name] = part
        raise_all(mistakes)
        loose = [file.name for file in sorted(path.iterdir()) if file.is_file() and is_picture(file)]
        found = {
            "Pictures outside the class folders are not read": loose,
            "Files that are no pictures are not read": strangers,
            "Folders without a picture make no class": empty,
        }
        warnings = tuple(f"{what}: {some(names)}." for what, names in found.items() if names)
        return Dataset(path, self.name, tuple(sorted(records, key=lambda record: record.id)), warnings, parts)


def _class_folders(root: Path) -> list[tuple[Path, str | None]]:
    """Class folders with the part they belong to; none where parts hold pictures directly."""
    top = _subfolders(root)
    if top and all(part_of(folder.name) for folder in top):
        return [(inner, part_of(folder.name)) for folder in top for inner in _subfolders(folder)]
    return [(folder, None) for folder in top]


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _files(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        hidden = any(name.startswith(".") for name in file.relative_to(folder).parts)
        if file.is_file() and not hidden:
            yield file


READER = ClassFolders()
