"""Classes of images as names of folders in those of groups: ``animal/cat/image``, ``plant/rose/image``.

Groups hold folders of images and no image. They may be the classes as well (``class_folders``), so that the
user says which is meant; only where the folders in them are named after them, as the frames of a video are,
or as parts, are these no classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vrft.data.formats import class_folders, class_folders_in_parts
from vrft.data.formats.class_folders import FolderNames, filled, has_images
from vrft.data.label_checks import part_of


class ClassSubfoldersReader(FolderNames):
    """A folder for each group, in it a folder for each class."""

    name = "class_subfolders"

    def class_folders(self, path: Path) -> list[tuple[Path, str | None]]:
        parts = class_folders.folders_of_parts(path)
        if not parts and class_folders_in_parts.alike(path):
            return []
        upper: FolderNames = class_folders_in_parts.READER if parts else class_folders.READER
        groups = upper.class_folders(path)
        found = [(folder, part) for group, part in groups for folder in _deepest(group)]
        pairs = [
            (group.name.lower(), folder.name.lower()) for group, _ in groups for folder in _deepest(group)
        ]
        grouped = all(filled(group) and not has_images(group) for group, _ in groups)
        says_more = any(part_of(inner) is None and group not in inner for group, inner in pairs)
        return found if grouped and says_more and len({inner for _, inner in pairs}) > 1 else []


def _deepest(folder: Path) -> Iterator[Path]:
    """The folders from a folder on that hold images themselves."""
    inner = [] if has_images(folder) else filled(folder)
    if not inner:
        yield folder
    for one in inner:
        yield from _deepest(one)


READER = ClassSubfoldersReader()
