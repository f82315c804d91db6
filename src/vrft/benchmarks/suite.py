"""What a suite is: one benchmark's original files, what they must hold, and how to open them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from pkgutil import iter_modules
from typing import Protocol

from vrft.errors import InputError

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Download:
    """One file or archive to fetch by hand; vrft fetches nothing."""

    name: str
    """As its publisher calls it."""
    source: str
    """Where it comes from, in words."""
    leaves: str
    """What lies in the folder once it is unpacked there."""
    checksum: str = ""
    """``md5:...`` or ``sha256:...`` of the file, as public libraries fetch it; empty: none known."""


class Originals(Protocol):
    """A benchmark's own label files, read; no picture is opened."""

    @property
    def pictures(self) -> Mapping[str, Sequence[str]]:
        """Pictures of every part, named as the label files do; those of 'test' are all asked about."""
        ...

    @property
    def shows(self) -> Mapping[str, Mapping[str, Sequence[str]]]:
        """Part, class, the pictures that show it."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """What can be counted, in the words of ``Suite.counts``."""
        ...

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes that the files know; empty in grounding."""
        ...

    def locate(self, part: str, picture: str) -> Path:
        """The picture's file, or LabelError."""
        ...

    def disagreements(self) -> list[str]:
        """Sentences about label files that contradict each other."""
        ...

    def write(self, part: str, pictures: Sequence[str], folder: Path) -> None:
        """Write labels of some pictures of a part; their files lie in the folder by their last names."""
        ...


@dataclass(frozen=True)
class Suite:
    """One benchmark of arXiv 2503.01785."""

    name: str
    title: str
    table: str
    """Of the paper."""
    recipe: str
    """Name of the shipped configuration that trains on it; empty where it is for evaluation alone."""
    task: str
    downloads: tuple[Download, ...]
    needs: tuple[tuple[str, ...], ...]
    """What the folder must hold, as patterns; a tuple lists alternatives, and the first found counts."""
    open: Callable[[Path], Originals]
    counts: Mapping[str, int]
    """What a complete copy holds, such as 'train pictures'."""
    classes: tuple[str, ...]
    """Names of the classes that the label files must have, as the paper writes them."""
    shots: int
    """The paper's training pictures a class, or pictures in all where there are no classes."""
    val_shots: int | None = 4
    """Validation pictures a class, at most ``shots``; None: all of them."""
    below: tuple[str, ...] = ()
    """Folders below the given one in which the files may lie as well."""
    splits: str = ""
    """Where the parts come from, and what of the paper's split is not published."""

    def find(self, root: Path) -> Path:
        """The folder with the original files: the given one, or a known one below.

        Args:
            root: where the downloads were unpacked.

        Raises:
            InputError: something is missing; names it and the download that has it.
        """
        lacks: dict[Path, list[str]] = {}
        for folder in (root, *(root / name for name in self.below)):
            lacks[folder] = [" or ".join(n) for n in self.needs if first_match(folder, n) is None]
            if not lacks[folder]:
                return folder
        best = min(lacks, key=lambda folder: len(lacks[folder]))
        raise InputError(
            f"{best}: no {self.title}: {', '.join(lacks[best])} missing. "
            f"'python -m vrft.benchmarks {self.name}' says what to fetch."
        )


def first_match(folder: Path, patterns: Sequence[str]) -> Path | None:
    """The first file or folder that one of the patterns names, or None.

    Args:
        folder: to look in.
        patterns: paths below it, with ``*`` allowed; earlier ones go first.
    """
    hits = (path for pattern in patterns for path in sorted(folder.glob(pattern)))
    return next(hits, None)


def class_names(suite: str) -> tuple[str, ...]:
    """Class names of a suite as the paper's evaluation has them.

    Args:
        suite: name of a file in ``names``.

    Example:
        >>> class_names("pets37")[:2], len(class_names("stanford_cars"))
        (('abyssinian', 'american_bulldog'), 196)
    """
    return tuple((files("vrft.benchmarks") / "names" / f"{suite}.txt").read_text("utf-8").splitlines())


def suites() -> tuple[Suite, ...]:
    """All suites, by table and name.

    Example:
        >>> [suite.name for suite in suites()][-3:]
        ['reasonseg', 'coco_open_vocabulary', 'lvis_open_vocabulary']
    """
    package = import_module("vrft.benchmarks")
    modules = [import_module(f"vrft.benchmarks.{m.name}") for m in iter_modules(package.__path__)]
    found = [m.SUITE for m in modules if hasattr(m, "SUITE")]
    return tuple(sorted(found, key=lambda suite: (suite.table, suite.name)))


def load_suite(name: str) -> Suite:
    """Find a suite by its name.

    Raises:
        InputError: no such suite.

    Example:
        >>> load_suite("pets37").title
        'Oxford-IIIT Pets'
    """
    known = {suite.name: suite for suite in suites()}
    if name not in known:
        raise InputError(f"There is no suite '{name}'. Choose one of: {', '.join(known)}.")
    return known[name]
