"""Examinations of label files as they are, whether they can be read or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path

from vrft.data.box_causes import cause_of
from vrft.data.formats.coco_json import Numbering, numberings
from vrft.data.images import is_image
from vrft.data.label_checks import some
from vrft.diagnostics.check.check_case import FilesCase
from vrft.diagnostics.check.finding import Finding, Severity
from vrft.errors import BoxError

ALWAYS_FULL = frozenset({".json", ".jsonl", ".csv", ".xml", ".yaml", ".yml"})
"""Endings of label files that say nothing when they are empty."""


def examine_causes(case: FilesCase) -> list[Finding]:
    """An error for the cause that explains nearly all refused boxes, if there is one."""
    refused = [mistake for mistake in case.mistakes if isinstance(mistake, BoxError)]
    cause = cause_of(refused)
    if cause is None:
        return []
    files = list(dict.fromkeys(mistake.where.partition(", ")[0] for mistake in refused))
    right = f"{cause.explains(refused)} of {len(refused)} refused boxes would then be right."
    return [Finding(Severity.ERROR, cause.code, f"{cause.message}: {right}", some(files), cause.fix)]


def examine_empty(case: FilesCase) -> list[Finding]:
    """An error for each empty label file; a warning where it is one image's, which then shows nothing."""
    files = [case.path] if case.path.is_file() else _visible(case.path)
    imaged = {file.stem for file in files if is_image(file)}
    found = []
    for file in files:
        if file.suffix.lower() in ALWAYS_FULL and _is_blank(file):
            says, fix = "The label file is empty.", "Export the labels again, or remove the file."
            found.append(Finding(Severity.ERROR, "empty-label-file", says, str(file), fix))
        elif file.suffix.lower() == ".txt" and file.stem in imaged and _is_blank(file):
            says = "The label file is empty: its image counts as one that shows none of the classes."
            fix = "Label the image. If it shows none of them, do nothing."
            found.append(Finding(Severity.WARNING, "empty-label-file", says, str(file), fix))
    return found


def examine_mistakes(case: FilesCase) -> list[Finding]:
    """An error for each mistake that a reader refused, in its words."""
    return [Finding(Severity.ERROR, "label", m.problem, m.where, m.fix) for m in case.mistakes]


def examine_numbering(case: FilesCase) -> list[Finding]:
    """Category numbers that two COCO files, or one file's categories and annotations, use differently."""
    found = numberings(case.path)
    shifted = [finding for one in found for finding in _shifted(one)]
    return shifted + [finding for pair in combinations(found, 2) for finding in _swapped(*pair)]


FILE_EXAMINATIONS: Mapping[str, Callable[[FilesCase], list[Finding]]] = {
    "causes of refused boxes": examine_causes,
    "empty files": examine_empty,
    "mistakes": examine_mistakes,
    "category numbers": examine_numbering,
}


def _swapped(first: Numbering, other: Numbering) -> list[Finding]:
    """A warning where the same names have other numbers: each file is consistent, but one may be mistaken."""
    number = {name: key for key, name in first.names.items()}
    moved = [
        f"{key} is '{name}' here and '{first.names[key]}' in {first.file}"
        for key, name in other.names.items()
        if name in number and number[name] != key and key in first.names
    ]
    if not moved:
        return []
    says = f"Two label files number the same categories differently: {some(moved)}. One may be mistaken."
    fix = f"Compare drawn boxes of both; where the names are wrong, take the categories of {first.file}."
    return [Finding(Severity.WARNING, "swapped-categories", says, f"{other.file}, categories", fix)]


def _shifted(one: Numbering) -> list[Finding]:
    """An error where annotations count from 0 and categories from 1: each box has its neighbor's name."""
    used = {key for key in one.used if isinstance(key, int)}
    listed = set(one.names)
    if len(used) < len(one.used) or used <= listed or not {key + 1 for key in used} <= listed:
        return []
    says = "The annotations seem to count categories from 0, the list of categories from 1."
    fix = "Add 1 to each category_id of the annotations. Until then most objects have the wrong name."
    return [Finding(Severity.ERROR, "shifted-categories", says, f"{one.file}, annotations", fix)]


def _visible(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and not any(name.startswith(".") for name in file.relative_to(folder).parts)
    )


def _is_blank(file: Path) -> bool:
    return file.stat().st_size < 100 and not file.read_bytes().strip()
