"""Classes of images as names of folders in those of the parts: ``train/CLASS/image`` and so on.

Where folders of other names, such as folds or cameras, all hold folders of the same names, they may be parts
too: then this reading and that of ``class_folders`` both fit, and the user says which is meant.
"""

from __future__ import annotations

from pathlib import Path

from vrft.data.formats.class_folders import FolderNames, filled, folders_of_parts, has_images
from vrft.data.label_checks import part_of
from vrft.types.names import nfc


class ClassFoldersInPartsReader(FolderNames):
    """A folder for each part, in it a folder for each class."""

    name = "class_folders_in_parts"

    def class_folders(self, path: Path) -> list[tuple[Path, str | None]]:
        parts = folders_of_parts(path) or alike(path)
        found = [(inner, part_of(folder.name)) for folder in parts for inner in filled(folder)]
        return found if len({folder.name for folder, _ in found}) > 1 else []


def alike(path: Path) -> list[Path]:
    """The folders in a folder where each holds the same folders of images, at least two, and no image; none
    where these are the parts of a class."""
    found = filled(path)
    inner = [frozenset(nfc(folder.name) for folder in filled(one)) for one in found]
    direct = any(has_images(one) for one in found)
    same = len(found) > 1 and not direct and len(set(inner)) == 1 and len(inner[0]) > 1
    return found if same and not all(map(part_of, inner[0])) else []


READER = ClassFoldersInPartsReader()
