"""Label files without content."""

from __future__ import annotations

from pathlib import Path

from vrft.data.images import is_picture
from vrft.diagnostics.check.check_case import FilesCase
from vrft.diagnostics.check.finding import Finding, Severity

ALWAYS_FULL = frozenset({".json", ".jsonl", ".csv", ".xml", ".yaml", ".yml"})
"""Endings of label files that say nothing when they are empty."""


def examine_empty(case: FilesCase) -> list[Finding]:
    """An error for each empty label file; a warning where it is one picture's, which then shows nothing."""
    files = [case.path] if case.path.is_file() else _visible(case.path)
    pictured = {file.stem for file in files if is_picture(file)}
    found = []
    for file in files:
        if file.suffix.lower() in ALWAYS_FULL and _is_blank(file):
            mend = "Export the labels again, or remove the file."
            told = "The label file is empty."
            found.append(Finding(Severity.ERROR, "empty-label-file", told, str(file), mend))
        elif file.suffix.lower() == ".txt" and file.stem in pictured and _is_blank(file):
            told = "The label file is empty: its picture counts as one that shows none of the classes."
            mend = "Label the picture, or leave it so where that is meant."
            found.append(Finding(Severity.WARNING, "empty-label-file", told, str(file), mend))
    return found


def _visible(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and not any(name.startswith(".") for name in file.relative_to(folder).parts)
    )


def _is_blank(file: Path) -> bool:
    """No byte but blanks; a large file is not read."""
    return file.stat().st_size < 100 and not file.read_bytes().strip()


EXAMINE = examine_empty
