"""Where the images of a run lie now: runs are moved, images are moved, and pages are made in any folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vrft.tasks.number_format import sequence


class MovedImages:
    """Finds the images that a run's rows name.

    Args:
        folder: of the run, which its relative paths may start from.
        facts: its record (``vrft.run_folder.place_of_data``); runs of earlier versions have ``data`` alone.
        moved: where the user says that the images lie now.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any], moved: Path | None = None) -> None:
        named, root, near = (str(facts.get(key) or "") for key in ("data", "data_root", "data_from_run"))
        self._moved = moved.parent if moved is not None and moved.is_file() else moved
        # A label file may have been named; its images are below its folder.
        begins = [Path(root)] if root else []
        begins += [Path(str(place)) for place in sequence(facts.get("data_before"))]
        self._begins = [*begins, *([Path(named), Path(named).parent] if named else [])]
        places = [self._moved, Path(root) if root else None, folder / near if near else None]
        self._places = [place for place in places if place is not None]
        self._others = [folder, Path(named)]
        self._found: dict[Path, Path | None] = {}

    def find(self, path: Path) -> Path | None:
        """The file of an image that a row names; None where it is not found, which is kept in mind."""
        if path not in self._found:
            self._found[path] = next((one for one in self._candidates(path) if one.exists()), None)
        return self._found[path]

    @property
    def lost(self) -> list[Path]:
        """Images that were looked for in vain."""
        return [path for path, found in self._found.items() if found is None]

    @property
    def note(self) -> list[str]:
        """What a page says of them; nothing where all are found."""
        n, found = len(self._found), [path for path in self._found.values() if path is not None]
        fix = "Say where the images lie now: vrft report RUN --data DIR."
        if (moved := self._moved) is not None:
            fix = f"'{moved}' was searched and does not hold them: give --data the folder that does."
        if self.lost:
            return [
                f"{len(self.lost)} of {n} images were not found, such as {self.lost[0]}: they are empty "
                f"sheets here. {fix}"
            ]
        if not found or moved is None or any(p.resolve().is_relative_to(moved.resolve()) for p in found):
            return []
        return [f"The images are shown from where they lay before, such as {found[0]}. {fix}"]

    def _candidates(self, path: Path) -> Iterator[Path]:
        inside = [path.relative_to(begin) for begin in self._begins if path.is_relative_to(begin)]
        yield from (place / part for place in self._places for part in inside)
        yield path
        yield from (place / path for place in self._others)
        if self._moved is not None:  # of an earlier version's run: the longest end of the path that is there
            yield from (self._moved / Path(*path.parts[start:]) for start in range(1, len(path.parts)))
