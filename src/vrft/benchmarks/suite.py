"""What a suite is: one benchmark's original files, what they must hold, how to open and to check them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from vrft.data.label_checks import some
from vrft.errors import InputError, LabelError
from vrft.types.plugins import discover

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Download:
    """One file or archive to fetch by hand; vrft fetches nothing."""

    name: str
    source: str
    """Where it comes from, in words."""
    leaves: str
    """What lies in the folder once it is unpacked there."""
    checksum: str = ""
    """``md5:...`` or ``sha256:...`` of the file, as public libraries fetch it; empty: none known."""


class Originals(Protocol):
    """A benchmark's own label files, read; no image is opened."""

    @property
    def images(self) -> Mapping[str, Sequence[str]]:
        """Images of every part, named as the label files do; those of 'test' are all asked about."""

    @property
    def shows(self) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """Part, class, the images that show it."""

    @property
    def counts(self) -> Mapping[str, int]:
        """What can be counted, in the words of ``Suite.counts``."""

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes that the files know; empty in grounding."""

    def locate(self, part: str, image: str) -> Path:
        """The image's file, or LabelError."""

    def disagreements(self) -> list[str]:
        """Sentences about label files that contradict each other."""

    def write(self, part: str, images: Sequence[str], folder: Path) -> None:
        """Write labels of some images of a part; their files lie in the folder by their last names."""


@dataclass(frozen=True)
class Suite:
    """One benchmark of arXiv 2503.01785."""

    name: str
    title: str
    table: str
    recipe: str
    """Name of the shipped configuration that trains on it; empty where it is for evaluation alone."""
    task: str
    downloads: tuple[Download, ...]
    needs: tuple[tuple[str, ...], ...]
    """What the folder must hold, as patterns; a tuple lists alternatives, and the first found counts."""
    open: Callable[[Path], Originals]
    counts: Mapping[str, int]
    """What a complete copy holds, such as 'train images'."""
    classes: tuple[str, ...]
    """Names of the classes that the label files must have, as the paper writes them."""
    shots: int = 4
    """The paper's training images per class, or images in all where there are no classes."""
    val_shots: int | None = 4
    """Validation images per class, at most ``shots``; None: all of them."""
    below: tuple[str, ...] = ()
    """Folders below the given one in which the files may lie as well."""
    splits: str = ""
    """Where the parts come from, and what of the paper's split is not published."""

    def find(self, root: Path) -> Path:
        """The folder with the original files: where the downloads were unpacked, or a known folder below."""
        lacks: dict[Path, list[str]] = {}
        for folder in (root, *(root / name for name in self.below)):
            lacks[folder] = [" or ".join(n) for n in self.needs if first_match(folder, n) is None]
            if not lacks[folder]:
                return folder
        best = min(lacks, key=lambda folder: len(lacks[folder]))
        raise InputError(
            f"{best}: no {self.title}: {', '.join(lacks[best])} missing. "
            f"'python -m vrft.benchmarks {self.name}' says what to download."
        )


def first_match(folder: Path, patterns: Sequence[str]) -> Path | None:
    """The first file or folder that one of the patterns (with ``*``, earlier ones first) names, or None."""
    hits = (path for pattern in patterns for path in sorted(folder.glob(pattern)))
    return next(hits, None)


def class_names(suite: str) -> tuple[str, ...]:
    """Class names of a suite as the paper has them, from a file in ``names``.

    Example:
        >>> class_names("pets37")[:2], len(class_names("stanford_cars"))
        (('abyssinian', 'american_bulldog'), 196)
    """
    return tuple((files("vrft.benchmarks") / "names" / f"{suite}.txt").read_text("utf-8").splitlines())


def suites() -> tuple[Suite, ...]:
    """All suites, by table and name."""
    found = [suite for own in discover("vrft.benchmarks", "SUITES") for suite in own]
    return tuple(sorted(found, key=lambda suite: (suite.table, suite.name)))


def load_suite(name: str) -> Suite:
    """Find a suite by its name."""
    known = {suite.name: suite for suite in suites()}
    if name not in known:
        raise InputError(f"There is no suite '{name}'. Choose one of: {', '.join(known)}.")
    return known[name]


def check(suite: Suite, root: Path) -> list[str]:
    """Everything in which a folder differs from a complete, unchanged copy of a benchmark."""
    base = suite.find(root)
    originals = suite.open(base)
    return [
        *_checksums(suite, {root, base}),
        *_contents(suite, originals),
        *_images(originals),
        *originals.disagreements(),
    ]


def _checksums(suite: Suite, folders: set[Path]) -> list[str]:
    differences: list[str] = []
    for download in suite.downloads:
        kind, _, expected = download.checksum.partition(":")
        for file in sorted({(folder / download.name).resolve() for folder in folders}):
            if not expected or not file.is_file():
                continue
            with file.open("rb") as handle:
                found = hashlib.file_digest(handle, kind).hexdigest()
            if found != expected:
                differences.append(f"{file} is damaged or changed: its {kind} is {found}, not {expected}.")
    return differences


def _contents(suite: Suite, originals: Originals) -> list[str]:
    counts = {what: (originals.counts.get(what, 0), expected) for what, expected in suite.counts.items()}
    wrong = [
        f"There are {n} {what}, {wanted} expected." for what, (n, wanted) in counts.items() if n != wanted
    ]
    found, expected = set(originals.classes), set(suite.classes)
    sides = {"are missing": sorted(expected - found), "are not the paper's": sorted(found - expected)}
    return wrong + [f"{len(names)} classes {what}: {some(names)}." for what, names in sides.items() if names]


def _images(originals: Originals) -> list[str]:
    differences: list[str] = []
    for part, images in originals.images.items():
        missing: list[str] = []
        for image in images:
            try:
                originals.locate(part, image)
            except LabelError:
                missing.append(image)
        if missing:
            differences.append(f"{len(missing)} of the {part} images are not there: {some(missing)}.")
    return differences
