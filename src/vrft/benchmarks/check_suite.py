"""Whether a folder holds the benchmark it should: checksums, counts, names, pictures, labels that agree."""

from __future__ import annotations

import hashlib
from pathlib import Path

from vrft.benchmarks.suite import Originals, Suite
from vrft.data.label_checks import some
from vrft.errors import LabelError


def check(suite: Suite, root: Path) -> list[str]:
    """Everything in which a folder differs from a complete, unchanged copy of a benchmark.

    Archives are compared too where they still lie in the folder; those of COCO take minutes.

    Args:
        suite: the benchmark.
        root: where the downloads were unpacked.

    Returns:
        A sentence for each difference; none where all is well.

    Raises:
        InputError: files are missing altogether.
        LabelError: a label file cannot be read.
    """
    base = suite.find(root)
    originals = suite.open(base)
    return [
        *_checksums(suite, {root, base}),
        *_counts(suite, originals),
        *_names(suite, originals),
        *_pictures(originals),
        *originals.disagreements(),
    ]


def _checksums(suite: Suite, folders: set[Path]) -> list[str]:
    told: list[str] = []
    for download in suite.downloads:
        kind, _, expected = download.checksum.partition(":")
        for file in sorted({(folder / download.name).resolve() for folder in folders}):
            if not expected or not file.is_file():
                continue
            with file.open("rb") as handle:
                found = hashlib.file_digest(handle, kind).hexdigest()
            if found != expected:
                told.append(f"{file} has the {kind} {found}, not {expected}: it is damaged or changed.")
    return told


def _counts(suite: Suite, originals: Originals) -> list[str]:
    found = originals.counts
    return [
        f"There are {found.get(what, 0)} {what}, {expected} expected."
        for what, expected in suite.counts.items()
        if found.get(what, 0) != expected
    ]


def _names(suite: Suite, originals: Originals) -> list[str]:
    found, expected = set(originals.classes), set(suite.classes)
    sides = {"are missing": sorted(expected - found), "are not the paper's": sorted(found - expected)}
    return [f"{len(names)} classes {what}: {some(names)}." for what, names in sides.items() if names]


def _pictures(originals: Originals) -> list[str]:
    told: list[str] = []
    for part, pictures in originals.pictures.items():
        missing: list[str] = []
        for picture in pictures:
            try:
                originals.locate(part, picture)
            except LabelError:
                missing.append(picture)
        if missing:
            told.append(f"{len(missing)} of the {part} pictures are not there: {some(missing)}.")
    return told
