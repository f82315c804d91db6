"""Category numbers that two label files, or a file's categories and its annotations, use differently."""

from __future__ import annotations

from itertools import combinations

from vrft.data.formats.coco_json import Numbering, numberings
from vrft.data.label_checks import some
from vrft.diagnostics.check.check_case import FilesCase
from vrft.diagnostics.check.finding import Finding, Severity


def examine_numbering(case: FilesCase) -> list[Finding]:
    """What the numbers of COCO files tell."""
    found = numberings(case.path)
    shifted = [finding for one in found for finding in _shifted(one)]
    return shifted + [finding for pair in combinations(found, 2) for finding in _swapped(*pair)]


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
    told = f"Two label files number the same categories differently: {some(moved)}. One may be mistaken."
    mend = f"Compare drawn boxes of both; where the names are wrong, take the categories of {first.file}."
    where = f"{other.file}, categories"
    return [Finding(Severity.WARNING, "swapped-categories", told, where, mend)]


def _shifted(one: Numbering) -> list[Finding]:
    """An error where annotations count from 0 and categories from 1: each box has its neighbour's name."""
    used = {key for key in one.used if isinstance(key, int)}
    listed = set(one.names)
    if len(used) < len(one.used) or used <= listed or not {key + 1 for key in used} <= listed:
        return []
    told = "The annotations seem to count categories from 0, the list of categories from 1."
    mend = "Add 1 to each category_id of the annotations: those that are found now have the wrong name."
    return [Finding(Severity.ERROR, "shifted-categories", told, f"{one.file}, annotations", mend)]


EXAMINE = examine_numbering
