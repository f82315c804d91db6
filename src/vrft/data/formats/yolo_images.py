"""Which pictures a YOLO data set has, and where the label file of each lies."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from vrft.data.formats.yolo_lines import looks_like_labels
from vrft.data.formats.yolo_names import Names
from vrft.data.images import is_picture
from vrft.errors import LabelError

_IMAGES, _LABELS = "images", "labels"


class Pictures:
    """The pictures of a data set as they are found; mistakes are collected, not raised.

    Args:
        names: what the data set says of itself.
        root: its folder.
    """

    def __init__(self, names: Names, root: Path) -> None:
        self.names, self.root = names, root
        self.mistakes: list[LabelError] = []
        self.warnings: list[str] = []
        self._by_list = False
        self.parts: dict[str, tuple[Path, ...]] = {
            part: tuple(picture for path in paths for picture in self._of(part, path))
            for part, paths in names.parts.items()
        }
        """Pictures by part; empty where no part is named."""
        told = [picture for pictures in self.parts.values() for picture in pictures]
        self.all: tuple[Path, ...] = tuple(dict.fromkeys(told if names.parts else _below(root)))

    def label_file(self, picture: Path) -> Path:
        """Where a picture's labels are, whether or not the file is there: mirrored first, else beside it."""
        inner = list(PurePath(os.path.relpath(picture, self.root)).parts)
        beside = picture.with_suffix(".txt")
        if _IMAGES not in inner[:-1]:
            return beside
        last = len(inner) - 2 - inner[-2::-1].index(_IMAGES)
        mirrored = (self.root.joinpath(*inner[:last], _LABELS, *inner[last + 1 :])).with_suffix(".txt")
        return beside if beside.is_file() and not mirrored.is_file() else mirrored

    def strays(self, known: Iterable[Path]) -> list[Path]:
        """Label files in the folders of the known ones that belong to no picture.

        Args:
            known: the label files of all pictures.
        """
        if self._by_list:
            # A list may name a few of a folder's pictures.
            return []
        claimed = {file.resolve() for file in known}
        folders = sorted({file.parent for file in claimed})
        files = (file for folder in folders for file in sorted(folder.glob("*.txt")))
        return [file for file in files if file not in claimed and looks_like_labels(file)]

    def _of(self, part: str, path: str) -> list[Path]:
        where = f"{self.names.file}, {part}"
        place = self._place(path)
        if place is None and part == "train":
            mend = f"Write the path as seen from '{self.names.file.parent}'."
            self.mistakes.append(LabelError(f"There is no '{path}'.", where, mend))
        elif place is None:
            self.warnings.append(f"{self.names.file.name} names '{path}' for {part}, which is not there.")
        elif place.is_dir():
            return list(_below(place))
        else:
            return self._listed(place)
        return []

    def _place(self, path: str) -> Path | None:
        """An existing folder or list; the paths of Roboflow and of another machine are tried shortened."""
        home = self.names.file.parent
        written = path.replace("\\", "/")
        elsewhere = written.startswith(("/", "..")) or ":" in written
        steps = [step for step in PurePath(written).parts if step not in {"..", ".", "/"}]
        # One step alone, 'images', may be any part's folder.
        shorter = ["/".join(steps[first:]) for first in range(len(steps) - 1)] if elsewhere else []
        tried = (base / name for name in (written, *shorter) for base in (home / self.names.folder, home))
        return next((place for place in tried if place.exists()), None)

    def _listed(self, file: Path) -> list[Path]:
        """The pictures of a list, one path a line, from the list's folder or with folders too many before."""
        found: list[Path] = []
        self._by_list = True
        for number, line in enumerate(file.read_text("utf-8-sig", "replace").splitlines(), 1):
            steps = PurePath(line.strip().replace("\\", "/")).parts
            bases = (file.parent, self.names.file.parent)
            tried = (base.joinpath(*steps[n:]) for n in range(len(steps)) for base in bases)
            picture = next((path for path in tried if path.is_file()), None)
            if picture is not None:
                found.append(picture)
            elif steps:
                where = f"{file}, line {number}"
                problem = f"The picture '{line.strip()}' is missing."
                self.mistakes.append(LabelError(problem, where, "Add it or remove the line."))
        return found


def _below(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        hidden = any(name.startswith(".") for name in file.relative_to(folder).parts)
        if not hidden and is_picture(file) and file.is_file():
            yield file
