"""Where an image named in a label file lies on disk."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from vrft.data.images import is_image, subfolders
from vrft.errors import LabelError


class ImageFinder:
    """Finds the images of one label file."""

    def __init__(self, label_file: Path, root: Path, folders: tuple[str, ...] = ()) -> None:
        # 'instances_train2017.json' belongs to the folder 'train2017'.
        own = label_file.stem.rsplit("_", 1)[-1]
        here = label_file.parent
        self._near = (
            here,
            *(root / folder for folder in folders),
            root / own,
            root / "images" / own,
            root,
            here / "images",
            root / "images",
        )
        self._seen: dict[Path, tuple[str, ...]] = {}
        self._listings: dict[str, _Listing] = {}
        self._far = tuple(subfolders(root) + subfolders(root / "images"))

    def find(self, name: str, where: str) -> Path:
        """The file of a name in the label file; a path from another machine is tried by its last part too."""
        written = name.replace("\\", "/")
        for tried in dict.fromkeys((written, written.rsplit("/", 1)[-1])):
            for folder in self._near:
                if self._holds(folder, tried):
                    return folder / tried
            hits = sorted({folder / tried for folder in self._far if self._holds(folder, tried)})
            if len(hits) > 1:
                raise LabelError(
                    f"The image '{name}' is in several folders: {', '.join(map(str, hits))}.",
                    where,
                    "Write the folder into its name, from the dataset's folder.",
                )
            if hits:
                return hits[0]
        raise LabelError(
            f"The image '{name}' is missing.",
            where,
            "Put it next to the label file or into the folder 'images', or remove its labels.",
        )

    def find_stem(self, stem: str) -> Path | None:
        """The image of a name without its ending, next to the label file or in a known folder, or None."""
        tried = (folder / f"{stem}{ending}" for folder in self._near for ending in self._endings(folder))
        return next((path for path in tried if path.is_file()), None)

    def _holds(self, folder: Path, tried: str) -> bool:
        """Whether the file exists; every folder is listed once, so the disk is not asked for each image."""
        parent, name = os.path.split(os.path.join(folder, tried))
        if not tried or not name:
            return False
        listing = self._listings.get(parent)
        if listing is None:
            listing = self._listings[parent] = _Listing(parent)
        return listing.has(name)

    def _endings(self, folder: Path) -> tuple[str, ...]:
        if folder not in self._seen:
            files = folder.iterdir() if folder.is_dir() else ()
            self._seen[folder] = tuple(sorted({file.suffix for file in files if is_image(file)}))
        return self._seen[folder]


class _Listing:
    """The names of the files in a folder, links to files included."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._known = True
        self._names: set[str] = set()
        try:
            with os.scandir(folder) as entries:
                self._names = {entry.name for entry in entries if entry.is_file()}
        except PermissionError:
            # A folder may be closed to listing and its files open all the same.
            self._known = False
        except (OSError, ValueError):
            pass
        self._alike = {_plain(name) for name in self._names}

    def has(self, name: str) -> bool:
        """Whether a file of this name is there."""
        if name in self._names:
            return True
        # Some disks take capitals or accents written otherwise for the same name: there the disk decides.
        if self._known and _plain(name) not in self._alike:
            return False
        return Path(self._folder, name).is_file()


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
