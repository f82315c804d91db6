"""Examinations of label files as they are, whether they can be read or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from vrft.data.formats.coco_json import Numbering, numberings
from vrft.data.images import is_image
from vrft.data.label_checks import some
from vrft.diagnostics.check.check_case import FilesCase
from vrft.diagnostics.check.finding import Finding, Severity
from vrft.errors import BoxError
from vrft.geometry.boxes import SLACK_PX
from vrft.types import BoxXYXY

LEAST_REFUSED = 3
"""Fewer refused boxes show no cause."""
EXPLAINED = 0.9
"""Share of the refused boxes that a cause must explain."""
ALWAYS_FULL = frozenset({".json", ".jsonl", ".csv", ".xml", ".yaml", ".yml"})
"""Endings of label files that say nothing when they are empty."""
_Corners = Callable[[BoxXYXY, tuple[int, int]], tuple[BoxXYXY, tuple[int, int]]]


@dataclass(frozen=True)
class Cause:
    """A way to write boxes wrongly, and how such a box reads when it is undone."""

    code: str
    message: str
    fix: str
    undo: _Corners
    """From corners and image size as they were read to those that were meant."""


CAUSES = (
    Cause(
        "corners-as-sizes",
        "The boxes seem to be [x1, y1, x2, y2] where [x, y, width, height] is read",
        "Write [x1, y1, x2 - x1, y2 - y1].",
        lambda box, wh: ((box[0], box[1], box[2] - box[0], box[3] - box[1]), wh),
    ),
    Cause(
        "sizes-as-corners",
        "The boxes seem to be [x, y, width, height] where [x1, y1, x2, y2] is read",
        "Write [x, y, x + width, y + height].",
        lambda box, wh: ((box[0], box[1], box[0] + box[2], box[1] + box[3]), wh),
    ),
    Cause(
        "turned",
        "The boxes seem to be for images lying on their side, as when a camera's EXIF rotation was not "
        "applied while labelling",
        "Save the images upright without EXIF rotation and turn the boxes, or label them again.",
        lambda box, wh: (box, wh[::-1]),
    ),
)


def examine_causes(case: FilesCase) -> list[Finding]:
    """An error for the first cause that explains nearly all refused boxes; a reader knows each box only."""
    refused = [mistake for mistake in case.mistakes if isinstance(mistake, BoxError)]
    if len(refused) < LEAST_REFUSED:
        return []
    files = list(dict.fromkeys(mistake.where.partition(", ")[0] for mistake in refused))
    for cause in CAUSES:
        right = sum(_is_inside(*cause.undo(mistake.corners, mistake.image_wh)) for mistake in refused)
        if right >= EXPLAINED * len(refused):
            says = f"{cause.message}: {right} of {len(refused)} refused boxes would then be right."
            return [Finding(Severity.ERROR, cause.code, says, some(files), cause.fix)]
    return []


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


def _is_inside(box: Sequence[float], wh: tuple[int, int]) -> bool:
    x1, y1, x2, y2 = box
    return -SLACK_PX <= x1 < x2 <= wh[0] + SLACK_PX and -SLACK_PX <= y1 < y2 <= wh[1] + SLACK_PX


def _visible(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and not any(name.startswith(".") for name in file.relative_to(folder).parts)
    )


def _is_blank(file: Path) -> bool:
    return file.stat().st_size < 100 and not file.read_bytes().strip()
