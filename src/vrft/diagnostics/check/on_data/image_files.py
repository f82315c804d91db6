"""Picture files: damaged ones, those of another size, those that a camera turned, and very small ones."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from vrft.data.fingerprints import wrong_sizes
from vrft.data.label_checks import some
from vrft.diagnostics.check.check_case import DataCase
from vrft.diagnostics.check.finding import Finding, Severity
from vrft.errors import LabelError

SMALL_PX = 32
"""A shorter side shows little to a tower that sees patches of 14 to 16 pixels."""


def examine_pictures(case: DataCase) -> list[Finding]:
    """An error for each picture that cannot be decoded whole, or whose labels are for another size; warnings
    about turned and tiny ones."""
    broken = {name: mistake for name, mistake in case.prints.items() if isinstance(mistake, LabelError)}
    found = [
        Finding(Severity.ERROR, "unreadable-picture", mistake.problem, mistake.where, mistake.mend)
        for mistake in broken.values()
    ]
    found += [
        Finding(Severity.ERROR, "wrong-size", mistake.problem, mistake.where, mistake.mend)
        for mistake in wrong_sizes(case.dataset.records, case.prints)
    ]
    readable = [record for record in case.dataset.records if record.id not in broken]
    located = [record for record in readable if record.boxes or record.expressions]
    turned = [str(record.image) for record in located if _is_turned(record.image, record.image_wh)]
    if turned:
        told = (
            f"{len(turned)} labelled pictures carry an EXIF rotation. Boxes are read as those of the upright "
        )
        told += "picture, which is right only if the label tool showed it upright."
        mend = "Look at the overlay; to be safe, save the pictures upright without EXIF rotation."
        found.append(Finding(Severity.WARNING, "exif-rotation", told, some(turned), mend))
    small = [str(record.image) for record in readable if min(record.image_wh) < SMALL_PX]
    if small:
        told = f"{len(small)} pictures are less than {SMALL_PX} pixels wide or high."
        mend = "Use larger originals where there are any."
        found.append(Finding(Severity.WARNING, "small-pictures", told, some(small), mend))
    return found


def _is_turned(path: Path, seen_wh: tuple[int, int]) -> bool:
    """Whether the stored picture lies on its side."""
    with Image.open(path) as image:
        return image.size != seen_wh


EXAMINE = examine_pictures
