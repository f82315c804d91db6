"""Classes of images as names of folders: ``CLASS/image``.

A folder without an image says nothing of the layout, whatever its name. Parts may be folders of a class,
``CLASS/train/image``. Where the parts ``train``, ``val``
and ``test`` hold the folders of the classes, these are not classes (``class_folders_in_parts``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from vrft.data.dataset import Dataset
from vrft.data.images import files_below, holds, is_image, subfolders
from vrft.data.label_checks import (
    IMAGE_CLASS,
    Mistakes,
    class_of,
    part_of,
    part_of_record,
    record_id,
    record_of,
    shared_names,
    warnings_about,
)
from vrft.types import Provides, Record
from vrft.types.names import nfc

_NEVER_CLASSES = frozenset(
    {"__macosx", "__pycache__", "ground_truth", "labels", "annotations", "imagesets", "images"}
)
"""Folders, in lower case, that tools leave beside images, or that only hold them."""
_RARELY_CLASSES = frozenset({"doc", "docs", "masks"})
"""... and that are no classes where a single other folder holds folders of images."""


class FolderNames(ABC):
    """Classes that are names of folders, wherever these lie."""

    name: str
    in_files = False
    provides: Mapping[Provides, str] = {
        IMAGE_CLASS: "at least two folders of images, each named as its class"
    }

    @abstractmethod
    def class_folders(self, path: Path) -> list[tuple[Path, str | None]]:
        """The folders of classes with the part that each belongs to; none where there are no two classes."""

    def detects(self, path: Path) -> frozenset[Provides]:
        return frozenset({IMAGE_CLASS} if path.is_dir() and self.class_folders(path) else ())

    def class_names(self, path: Path) -> list[str]:
        """The classes that it would read."""
        return sorted({folder.name for folder, _ in self.class_folders(path)})

    def read(self, path: Path, needs: frozenset[Provides] = frozenset()) -> Dataset:
        """One record per image, in the order of their ids, which are their paths from the root."""
        records: list[Record] = []
        parts: dict[str, str] = {}
        strangers: list[str] = []
        mistakes = Mistakes()
        folders = self.class_folders(path)
        for folder, part in folders:
            files = list(files_below(folder))
            strangers += [record_id(file, path) for file in files if not is_image(file)]
            for image in filter(is_image, files):
                with mistakes.kept():
                    records.append(record_of(image, path, class_of(folder.name)))
                    if stated := part or part_of_record(record_id(image, folder)):
                        parts[records[-1].id] = stated
        of_classes = {folder for folder, _ in folders}
        around = sorted({above for folder in of_classes for above in (folder.parent, path)})
        beside = [inner for above in around for inner in subfolders(above) if inner not in of_classes]
        others = [folder for folder in beside if not any(folder in one.parents for one in of_classes)]
        loose = [file for above in around for file in sorted(above.iterdir()) if is_image(file)]
        found = {
            "Images outside the class folders are not read": [record_id(file, path) for file in loose],
            "Files that are not images are not read": strangers,
            "Folders that make no class are not read": [record_id(folder, path) for folder in others],
            "Images in folders below a class count to it": [
                record_id(inner, path) for folder in sorted(of_classes) for inner in filled(folder)
            ],
        }
        records.sort(key=lambda record: record.id)
        alike = shared_names(sorted({folder.name for folder, _ in folders}))
        warnings = (*alike, *warnings_about(found))
        return Dataset(path, self.name, tuple(records), warnings, parts, left_out=tuple(mistakes))


class ClassFoldersReader(FolderNames):
    """A folder for each class."""

    name = "class_folders"

    def class_folders(self, path: Path) -> list[tuple[Path, str | None]]:
        found = filled(path)
        parts = folders_of_parts(path)
        shared = [{nfc(inner.name) for inner in filled(folder)} for folder in parts]
        are_parts = len(shared) > 1 and bool(set.intersection(*shared))
        holds_a_dataset = any(len(folders_of_parts(folder)) > 1 for folder in found)
        others = [folder for folder in found if folder.name.lower() not in _RARELY_CLASSES]
        one_dataset = len(others) == 1 and filled(others[0]) and not has_images(others[0])
        if len(found) < 2 or are_parts or holds_a_dataset or one_dataset:
            return []
        if all(part_of(folder.name) for folder in found):
            return []
        return [(folder, None) for folder in found]


def filled(path: Path) -> list[Path]:
    """The folders in a folder that hold an image and may be classes."""
    return [
        folder
        for folder in subfolders(path)
        if folder.name.lower() not in _NEVER_CLASSES and holds(folder, is_image)
    ]


def folders_of_parts(path: Path) -> list[Path]:
    """The folders in a folder that are called as parts, and hold folders of images rather than images."""
    found = []
    for folder in filled(path):
        if part_of(folder.name):
            inner = filled(folder)
            found += [folder] if len(inner) > 1 or (inner and not has_images(folder)) else []
    return found


def has_images(folder: Path) -> bool:
    """Whether a folder holds an image itself."""
    return any(is_image(file) for file in folder.iterdir())


READER = ClassFoldersReader()
