"""Examinations of labels that a reader let pass: class names, counts, doubtful boxes, conventions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from vrft.data.dataset import Dataset
from vrft.data.label_checks import some
from vrft.diagnostics.check.check_case import DataCase, boxes_of
from vrft.diagnostics.check.finding import Count, Finding, Severity
from vrft.errors import InputError
from vrft.rewards.label_rewards import accuracy_substring, exact_match
from vrft.types import Answer, Boxes, BoxXYXY, Label, Record

TOO_FEW, NONE_HELD_OUT = "too-few-images", "nothing-held-out"
UNEVEN = 10
"""The most frequent class has so many times the images of the rarest."""
THIN_PX = 2.0
"""A box with a shorter side is hardly a thing that can be seen."""
WHOLE = 0.98
"""Share of an image that makes a box the image itself."""
LEAST_BOXES = 10
LEAST_IMAGES = 5
ENDS_EARLY = 0.7
"""Where no box reaches further right or down than this share of its image, a wrong size is suspected."""
BEGINS = 0.1
"""... if the first box begins within this share of the image."""
GROWS = 0.5
"""Correlation of a box's place with its size from which the two are suspected to be mixed up."""
TOUCHING = 3
"""Boxes that must touch a border before counting from one is suspected."""


def class_counts(dataset: Dataset) -> dict[str, Count]:
    """Images and boxes of every class, the most frequent first; phrases are not classes."""
    boxes: Counter[str] = Counter()
    images: Counter[str] = Counter()
    for record in dataset.records:
        boxes.update(name for name, _ in boxes_of(record) if name is not None)
        images.update(record.categories)
        images.update(label.name for _, label in record.about("image", Label))
    return {
        name: Count(count, boxes[name])
        for name, count in sorted(images.items(), key=lambda one: (-one[1], one[0]))
    }


def examine_balance(case: DataCase) -> list[Finding]:
    """Classes that are too rare for the shots that are wanted, and counts that are far apart."""
    if isinstance(case.split, InputError):
        return [Finding(Severity.ERROR, "no-split", str(case.split), case.root)]
    fix = "Label more images of it, or lower the shots."
    found = [
        Finding(Severity.WARNING, TOO_FEW, f"The class '{name}' is left out: {why}.", case.root, fix)
        for name, why in case.split.left_out.items()
    ]
    counts = class_counts(case.dataset)
    if counts and (most := max(counts, key=lambda n: counts[n].images)):
        rare = [n for n, count in counts.items() if count.images * UNEVEN <= counts[most].images]
        if rare:
            says = (
                f"'{most}' has {counts[most].images} images, at least {UNEVEN} times those of: {some(rare)}."
            )
            fix = "Training takes as many images of each class; scores of rare classes will be rough."
            found.append(Finding(Severity.WARNING, "uneven-classes", says, case.root, fix))
    if not case.split.heldout:
        says = "No image is left to hold out, so no improvement could be measured."
        fix = "Label more images, or lower the shots."
        found.append(Finding(Severity.WARNING, NONE_HELD_OUT, says, case.root, fix))
    return found


def examine_names(case: DataCase) -> list[Finding]:
    """Class names that count as the same, contain one another, or cannot be held by the task's answers."""
    found: list[Finding] = []
    # Where the name is the answer itself, names that are mixed up make wrong answers right.
    named = case.task.answer.kind == Label.kind
    for a, b in combinations(case.dataset.categories, 2):
        short, long = sorted((a, b), key=len)
        if exact_match(a, b):
            says = f"'{a}' and '{b}' count as the same name: case, blanks, '_' and '-' make no difference."
            severity = Severity.ERROR if named else Severity.WARNING
            fix = "Give them names that differ in letters, or join the two classes."
            found.append(Finding(severity, "same-name", says, case.root, fix))
        elif accuracy_substring(Answer(Label(long)), Label(short)):
            says = f"The class name '{short}' is inside another, '{long}': a reward that looks for a name "
            says += "within the answer takes one for the other."
            fix = "Keep the setting 'recommended' or 'paper' (the whole name counts), or rename one."
            severity = Severity.WARNING if named else Severity.NOTE
            found.append(Finding(severity, "name-inside-another", says, case.root, fix))
    fix = "Use one short line without brackets around it."
    return found + [
        Finding(Severity.ERROR, "unreadable-name", says, case.root, fix)
        for says in case.task.class_name_warnings(case.dataset.categories)
    ]


def examine_boxes(case: DataCase) -> list[Finding]:
    """Boxes given twice, of two classes, as thin as a line, or as large as the image."""
    found = [finding for record in case.dataset.records for finding in _doubtful(record)]
    boxes = [(box, record) for record in case.dataset.records for name, box in boxes_of(record) if name]
    whole = [
        str(record.image.path)
        for (x1, y1, x2, y2), record in boxes
        if (x2 - x1) * (y2 - y1) >= WHOLE * record.image.size_wh[0] * record.image.size_wh[1]
    ]
    if whole and len(whole) > len(boxes) / 2:
        says = f"{len(whole)} of {len(boxes)} boxes are as large as their images: they locate nothing."
        fix = "Label the objects themselves, or let the class be that of the whole image."
        found.append(Finding(Severity.WARNING, "whole-image-boxes", says, some(whole), fix))
    return found


def examine_values(case: DataCase) -> list[Finding]:
    """Labels that their kind of value calls odd, such as a point beside its own box."""
    odd: dict[str, list[str]] = {}
    for record in case.dataset.records:
        sizes = [medium.size_wh for medium in record.media]
        for one in record.annotations:
            if (says := one.value.label_warning(sizes)) is not None:
                odd.setdefault(says, []).append(f"{record.id}: {one.name}")
    fix = "Look at the label, and correct it or leave it out."
    return [Finding(Severity.WARNING, "odd-label", says, some(where), fix) for says, where in odd.items()]


def _doubtful(record: Record) -> list[Finding]:
    boxes = list(boxes_of(record))
    if not boxes:
        return []
    where, found = str(record.image.path), []
    named: dict[BoxXYXY, set[str]] = {}
    for (name, box), count in Counter((name, box) for name, box in boxes if name is not None).items():
        named.setdefault(box, set()).add(name or "")
        if count > 1:
            says = f"The box {_shown(box)} of '{name}' is given {count} times."
            found.append(Finding(Severity.WARNING, "repeated-box", says, where, "Keep one of them."))
    for box, names in named.items():
        if len(names) > 1:
            says = f"The same box {_shown(box)} has several classes: {some(sorted(names))}."
            found.append(Finding(Severity.WARNING, "box-of-two-classes", says, where, "Keep the right one."))
    thin = [_shown(box) for _, box in boxes if min(box[2] - box[0], box[3] - box[1]) < THIN_PX]
    if thin:
        says = f"Boxes are less than {THIN_PX:g} pixels wide or high: {some(thin)}."
        found.append(Finding(Severity.WARNING, "thin-box", says, where, "Fix or remove them."))
    return found


def _shown(box: BoxXYXY) -> str:
    return "(" + ", ".join(f"{value:g}" for value in box) + ")"


def examine_unasked(case: DataCase) -> list[Finding]:
    """A note on phrases that mean no box or several, on crowds, on what the task cannot use, and on images
    without any label."""
    found: list[Finding] = []
    phrases = [boxes for record in case.dataset.records for _, boxes in record.about("phrase", Boxes)]
    others = sum(boxes.size != 1 for boxes in phrases)
    if others:
        says = f"{others} of {len(phrases)} expressions refer to no box or to several. They are not used."
        found.append(Finding(Severity.NOTE, "not-asked", says, case.root))
    crowds = sum(not one.counts for record in case.dataset.records for one in record.annotations)
    if crowds:
        says = f"{crowds} boxes are crowds. Their images are not used for these categories."
        found.append(Finding(Severity.NOTE, "crowds", says, case.root))
    unused = case.task.unused_label_notes(case.dataset.records)
    found += [Finding(Severity.NOTE, "unused-labels", says, case.root) for says in unused]
    bare = [record for record in case.dataset.records if not (record.annotations or record.unknown)]
    if bare and case.task.needs:
        says = f"{len(bare)} images have no label, such as {bare[0].id}: they count as showing nothing."
        fix = "Remove those that nobody has labelled yet."
        found.append(Finding(Severity.NOTE, "unlabelled", says, case.root, fix))
    return found


@dataclass(frozen=True)
class AllBoxes:
    """All boxes of a dataset."""

    xyxy_px: np.ndarray
    """(n, 4)."""
    wh_px: np.ndarray
    """(n, 2), sizes of their images."""
    images: int
    """How many images have boxes."""

    @property
    def shares(self) -> np.ndarray:
        """(n, 4), as shares of the image."""
        shares: np.ndarray = self.xyxy_px / np.concatenate([self.wh_px, self.wh_px], axis=1)
        return shares


def examine_conventions(case: DataCase) -> list[Finding]:
    """A warning for each convention that no single box shows to be wrong but all boxes together do."""
    own = [(record, [box for _, box in boxes_of(record)]) for record in case.dataset.records]
    own = [(record, boxes) for record, boxes in own if boxes]
    corners = np.asarray([box for _, boxes in own for box in boxes], dtype=np.float64).reshape(-1, 4)
    if len(corners) < LEAST_BOXES or len(own) < LEAST_IMAGES:
        return []
    sizes = np.asarray([record.image.size_wh for record, boxes in own for _ in boxes], dtype=np.float64)
    boxes = AllBoxes(corners, sizes, len(own))
    return [
        Finding(Severity.WARNING, code, says, case.root, fix)
        for holds, code, says, fix in SUSPICIONS
        if holds(boxes)
    ]


def in_a_corner(boxes: AllBoxes) -> bool:
    """All boxes lie towards the upper left corner, as after division by too large a size."""
    low, high = boxes.shares[:, :2].min(0), boxes.shares[:, 2:].max(0)
    return bool((high <= ENDS_EARLY).all() and (low <= BEGINS).all())


def grows_with_place(boxes: AllBoxes) -> bool:
    """Boxes further right are wider, further down higher, and none begins beyond its own size.

    So it is where ``[x1, y1, x2, y2]`` is read as x, y, width and height, because x2 grows with x1.
    """
    start, size = boxes.shares[:, :2], boxes.shares[:, 2:] - boxes.shares[:, :2]
    return bool((size > start).all()) and all(_correlation(start[:, i], size[:, i]) >= GROWS for i in (0, 1))


def counts_from_one(boxes: AllBoxes) -> bool:
    """Whole numbers; boxes begin at 1 and end at the last pixel's number, and none begins at 0."""
    corners = boxes.xyxy_px
    if (corners != corners.round()).any() or corners.min() < 1:
        return False
    begin = int((corners[:, :2] == 1).sum())
    end = int((corners[:, 2:] == boxes.wh_px).sum())
    return begin >= TOUCHING and end >= TOUCHING


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if a.std() and b.std() else 0.0


SUSPICIONS = (
    (
        in_a_corner,
        "boxes-in-a-corner",
        f"No box reaches beyond {ENDS_EARLY:.0%} of its image's width or height, though they begin at the "
        "upper left: the labels seem to have been divided by another image size than the images have.",
        "Look at the overlay; write the labels anew with the size of the images as they are on disk.",
    ),
    (
        grows_with_place,
        "corners-as-sizes",
        "Boxes further right are wider and boxes further down are higher: they seem to be "
        "[x1, y1, x2, y2] where [x, y, width, height] is read.",
        "Look at the overlay; write [x1, y1, x2 - x1, y2 - y1].",
    ),
    (
        counts_from_one,
        "one-based",
        "Boxes at the left or upper border begin at 1, none at 0, and others end at the image's full size: "
        "pixels seem to be counted from 1, as Pascal VOC does.",
        "Subtract 1 from each xmin and ymin (the last pixel's number is the right border already), unless "
        "the label tool only avoids 0. A single pixel is at stake: it matters for small boxes.",
    ),
)
