"""Originals of classification: pictures with one class each, in lists by part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vrft.data.formats.coop_split import SplitEntry, read_entries, write_entries
from vrft.data.image_paths import PictureFinder

Entries = Mapping[str, Sequence[SplitEntry]]


@dataclass(frozen=True)
class ClassLabels:
    """A benchmark whose pictures have one class each."""

    base: Path
    entries: Entries
    """By part; pictures as the label files name them."""
    compare: Callable[[Path, Entries], list[str]] | None = None
    """Holds the entries against the benchmark's own label files; gives sentences where they differ."""

    @cached_property
    def pictures(self) -> dict[str, list[str]]:
        """Pictures by part."""
        return {part: [entry.picture for entry in entries] for part, entries in self.entries.items()}

    @cached_property
    def shows(self) -> dict[str, dict[str, list[str]]]:
        """Part, class, its pictures."""
        shown: dict[str, defaultdict[str, list[str]]] = {part: defaultdict(list) for part in self.entries}
        for part, entries in self.entries.items():
            for entry in entries:
                shown[part][entry.name].append(entry.picture)
        return {part: dict(by_class) for part, by_class in shown.items()}

    @property
    def counts(self) -> dict[str, int]:
        """Pictures of the parts."""
        return {f"{part} pictures": len(entries) for part, entries in self.entries.items()}

    @property
    def classes(self) -> list[str]:
        """In the order of their numbers."""
        names = {entry.number: entry.name for entries in self.entries.values() for entry in entries}
        return [names[number] for number in sorted(names)]

    @cached_property
    def _finder(self) -> PictureFinder:
        return PictureFinder(self.base / "split.json", self.base)

    def locate(self, part: str, picture: str) -> Path:
        """The picture's file, in the base folder or one below."""
        return self._finder.find(picture, f"{self.base}, {part}")

    def disagreements(self) -> list[str]:
        """Pictures in two parts, and what the benchmark's own label files say otherwise."""
        named = [picture for pictures in self.pictures.values() for picture in pictures]
        twice = len(named) - len(set(named))
        told = [f"{twice} pictures are listed twice."] if twice else []
        return told + (self.compare(self.base, self.entries) if self.compare is not None else [])

    def write(self, part: str, pictures: Sequence[str], folder: Path) -> None:
        """A split file with the one list."""
        kept = set(pictures)
        entries = [entry for entry in self.entries[part] if entry.picture in kept]
        flat = [SplitEntry(Path(entry.picture).name, entry.number, entry.name) for entry in entries]
        write_entries(folder / "split.json", {part: flat})


def from_split_file(
    name: str, compare: Callable[[Path, Entries], list[str]]
) -> Callable[[Path], ClassLabels]:
    """How to open a benchmark whose parts stand in one of CoOp's split files.

    Args:
        name: of the split file.
        compare: holds it against the original label files.

    Returns:
        A function of the folder, for ``Suite.open``.
    """

    def opened(base: Path) -> ClassLabels:
        return ClassLabels(base, read_entries(base / name), compare)

    return opened


def differing(entries: Entries, official: Mapping[str, str], what: str) -> list[str]:
    """A sentence where the classes of a split are not those of the official labels.

    Args:
        entries: the split.
        official: class by picture, as the official files have it.
        what: the official files, for the sentence.

    Example:
        >>> differing({"test": [SplitEntry("1.jpg", 0, "cat")]}, {"1.jpg": "dog"}, "labels.mat")
        ["The split and labels.mat differ in 1 picture, such as 1.jpg: 'cat' and 'dog'."]
    """
    said = {entry.picture: entry.name for listed in entries.values() for entry in listed}
    wrong = sorted(name for name in said.keys() | official.keys() if said.get(name) != official.get(name))
    if not wrong:
        return []
    first, plural = wrong[0], "picture" if len(wrong) == 1 else "pictures"
    told = " and ".join(f"'{side[first]}'" if first in side else "not listed" for side in (said, official))
    return [f"The split and {what} differ in {len(wrong)} {plural}, such as {first}: {told}."]
