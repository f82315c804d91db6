"""Where an image named in a label file lies on disk."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from vrft.data.images import is_image, subfolders
from vrft.errors import ImageError
from vrft.types.names import folded, nfc


class ImageFinder:
    """Finds the images of one label file."""

    def __init__(self, label_file: Path, root: Path, folders: tuple[str, ...] = ()) -> None:
        # 'instances_train2017.json' belongs to the folder 'train2017'.
        own = label_file.stem.rsplit("_", 1)[-1]
        here = label_file.parent
        images = _folders_of_images(root)
        self._near = tuple(
            dict.fromkeys(
                (
                    here,
                    *(root / folder for folder in folders),
                    root / own,
                    *(folder / own for folder in images),
                    root,
                    *_folders_of_images(here),
                    *images,
                )
            )
        )
        self._seen: dict[Path, tuple[str, ...]] = {}
        self._listings: dict[str, _Listing] = {}
        inner = [folder for image_folder in images for folder in subfolders(image_folder)]
        self._far = tuple(dict.fromkeys(subfolders(root) + inner))

    def find(self, name: str, where: str) -> Path:
        """The file of a name in the label file; addresses and paths from another machine are tried by their
        last parts too."""
        written = name.replace("\\", "/")
        for tried in dict.fromkeys((written, *_last_parts(written))):
            for folder in self._near:
                if found := self._in(folder, tried):
                    return found
            hits = sorted({found for folder in self._far if (found := self._in(folder, tried))})
            if len(hits) > 1:
                raise ImageError(
                    f"The image '{name}' is in several folders: {', '.join(map(str, hits))}.",
                    where,
                    "Write the folder into its name, from the dataset's folder.",
                )
            if hits:
                return hits[0]
        raise ImageError(
            f"The image '{name}' is missing.",
            where,
            "Put it next to the label file or into the folder 'images', or remove its labels.",
        )

    def find_stem(self, stem: str) -> Path | None:
        """The image of a name without its ending, next to the label file or in a known folder, or None."""
        tried = (
            self._in(folder, f"{stem}{ending}") for folder in self._near for ending in self._endings(folder)
        )
        return next((path for path in tried if path), None)

    def _in(self, folder: Path, tried: str) -> Path | None:
        """The file as the disk spells it; every folder is listed once, and not asked for each image."""
        parent, name = os.path.split(os.path.join(folder, tried))
        if not tried or not name:
            return None
        listing = self._listings.get(parent)
        if listing is None:
            listing = self._listings[parent] = _Listing(parent)
        spelt = listing.spelt(name)
        if spelt is None:
            return None
        as_written = spelt == name and listing.folder == parent
        return folder / tried if as_written else Path(listing.folder, spelt)

    def _endings(self, folder: Path) -> tuple[str, ...]:
        if folder not in self._seen:
            files = folder.iterdir() if folder.is_dir() else ()
            self._seen[folder] = tuple(sorted({file.suffix for file in files if is_image(file)}))
        return self._seen[folder]


def _folders_of_images(folder: Path) -> list[Path]:
    """The folders 'images' in a folder, in whichever case they are written; 'images' where there is none."""
    named = [inner for inner in subfolders(folder) if inner.name.lower() == "images"]
    return sorted(named, key=lambda inner: inner.name != "images") or [folder / "images"]


def _last_parts(written: str) -> list[str]:
    """A path without its first folder, its first two, and so on; of an address its path alone."""
    try:
        address = urlsplit(written)
        path = unquote(address.path) if "://" in written else written.partition("?")[0]
    except ValueError:
        path = written
    steps = path.split("/")
    return ["/".join(steps[first:]) for first in range(len(steps)) if steps[first]]


class _Listing:
    """The names of the files in a folder, links to files included."""

    def __init__(self, folder: str) -> None:
        self.folder = str(on_disk(Path(folder)))
        self._known = True
        self._names: set[str] = set()
        try:
            with os.scandir(self.folder) as entries:
                self._names = {entry.name for entry in entries if _is_file(entry)}
        except PermissionError:
            # A folder may be closed to listing and its files open all the same.
            self._known = False
        except (OSError, ValueError):
            pass
        self._alike = {nfc(name): name for name in sorted(self._names)}
        self._folded = {folded(name) for name in self._names}

    def spelt(self, name: str) -> str | None:
        """A file's name as the disk spells it, or None where there is no such file."""
        if name in self._names:
            return name
        if (alike := self._alike.get(nfc(name))) is not None:
            return alike
        # Some disks take capitals for the same name: there the disk decides.
        if self._known and folded(name) not in self._folded:
            return None
        return name if Path(self.folder, name).is_file() else None


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Whether it is a file or leads to one; a link that leads to itself does not."""
    try:
        return entry.is_file()
    except OSError:
        return False


def on_disk(path: Path) -> Path:
    """A path as the disk spells it, whose accents may be composed otherwise; itself where it is not there."""
    if str(path).isascii() or path.exists() or path == path.parent:
        return path
    parent, name = on_disk(path.parent), nfc(path.name)
    try:
        return next((parent / other for other in sorted(os.listdir(parent)) if nfc(other) == name), path)
    except (OSError, ValueError):
        return path
