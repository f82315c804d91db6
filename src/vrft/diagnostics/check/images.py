"""Examinations of image files: turned and tiny ones, and the same image twice."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from PIL import Image

from vrft.data.duplicates import same_images, without_repeats
from vrft.data.fingerprints import Fingerprint, pairs_alike
from vrft.data.label_checks import some
from vrft.diagnostics.check.check_case import DataCase
from vrft.diagnostics.check.finding import Finding, Severity
from vrft.tasks.lazy_questions import LazyQuestionGrid

SMALL_PX = 32
"""A shorter side shows little to a tower that sees patches of 14 to 16 pixels."""


def examine_images(case: DataCase) -> list[Finding]:
    """Warnings about turned and tiny images."""
    found: list[Finding] = []
    readable = [r for r in case.dataset.records if isinstance(case.prints[r.id], Fingerprint)]
    located = [r for r in readable if any(one.value.evidence_boxes for one in r.annotations)]
    shown = [m for r in located for m in r.media]
    turned = [str(m.path) for m in shown if _is_turned(m.path, m.size_wh)]
    if turned:
        says = (
            f"{len(turned)} labelled images carry an EXIF rotation. Boxes are read as those of the upright "
        )
        says += "image, which is right only if the label tool showed it upright."
        fix = "Look at the overlay; to be safe, save the images upright without EXIF rotation."
        found.append(Finding(Severity.WARNING, "exif-rotation", says, some(turned), fix))
    small = [str(m.path) for record in readable for m in record.media if min(m.size_wh) < SMALL_PX]
    if small:
        says = f"{len(small)} images are less than {SMALL_PX} pixels wide or high."
        fix = "Use larger originals where there are any."
        found.append(Finding(Severity.WARNING, "small-images", says, some(small), fix))
    return found


def _is_turned(path: Path, seen_wh: tuple[int, int]) -> bool:
    with Image.open(path) as image:
        return image.size != seen_wh


def examine_leaks(case: DataCase) -> list[Finding]:
    """Copies byte for byte, copies whose labels disagree, and images that look alike in different parts."""
    readable = {name: found for name, found in case.prints.items() if isinstance(found, Fingerprint)}
    images = {record.id: record.media[0].path for record in case.dataset.records if record.id in readable}
    same = same_images(images, case.prints)
    copies: defaultdict[str, list[str]] = defaultdict(list)
    for name, first in same.items():
        copies[first].append(name)
    copied = {name for names in copies.values() if len(names) > 1 for name in names}
    asked = case.examples
    if isinstance(asked, LazyQuestionGrid):
        listed = asked.about(copied)
    else:
        listed = [example for example in asked if example.record_id in copied]
    _, why = without_repeats(listed, same)
    found: list[Finding] = []
    for names in copies.values():
        if len(names) > 1:
            differ = any("different labels" in why.get(name, "") for name in names)
            found.append(_copies(case, names, differ))
    signatures = {name: one.signature for name, one in readable.items() if same[name] == name}
    names = list(signatures)
    for a, b in pairs_alike(list(signatures.values())):
        found.append(_alike(case, names[a], names[b]))
    return found


def _copies(case: DataCase, names: list[str], differ: bool) -> Finding:
    where = some([str(case.dataset.root / name) for name in names])
    parts = sorted({case.dataset.parts[name] for name in names if name in case.dataset.parts})
    if differ:
        says = f"The files are identical and their labels differ: {some(names)}."
        return Finding(Severity.ERROR, "contradiction", says, where, "Keep the copy whose label is right.")
    if len(parts) > 1:
        keeps = "test" if "test" in parts else "val"
        says = f"The same image is in {' and '.join(parts)}: {some(names)}. vrft leaves it to {keeps}."
        return Finding(Severity.WARNING, "leak", says, where, f"Remove the copy that is not in {keeps}.")
    says = f"The same image occurs {len(names)} times: {some(names)}. vrft counts it once."
    return Finding(Severity.NOTE, "copies", says, where, "Remove all copies but one.")


def _alike(case: DataCase, a: str, b: str) -> Finding:
    where = f"{case.dataset.root / a} and {case.dataset.root / b}"
    parts = sorted({case.part_of.get(a, ""), case.part_of.get(b, "")} - {""})
    fix = "Look at both; where they show one scene, keep one of them or put both into the same part."
    if len(parts) > 1:
        says = f"Two images look alike and are in {' and '.join(parts)}."
        return Finding(Severity.WARNING, "look-alike-leak", says, where, fix)
    divided = "." if case.dataset.parts else "; a split by another seed may divide them."
    return Finding(Severity.NOTE, "look-alike", f"Two images look alike{divided}", where, fix)
