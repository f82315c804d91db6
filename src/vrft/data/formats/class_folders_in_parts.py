"""Classes of images as names of folders in those of the parts: ``train/CLASS/image`` and so on."""

from __future__ import annotations

from pathlib import Path

from vrft.data.formats.class_folders import FolderNames, filled, folders_of_parts
from vrft.data.label_checks import part_of


class ClassFoldersInPartsReader(FolderNames):
    """A folder for each part, in it a folder for each class."""

    name = "class_folders_in_parts"

    def class_folders(self, path: Path) -> list[tuple[Path, str | None]]:
        parts = folders_of_parts(path)
        found = [(inner, part_of(folder.name)) for folder in parts for inner in filled(folder)]
        return found if len({folder.name for folder, _ in found}) > 1 else []


READER = ClassFoldersInPartsReader()
