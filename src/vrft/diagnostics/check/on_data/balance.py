"""How often each class is labelled, and whether that suffices for the shots that are wanted."""

from __future__ import annotations

from collections import Counter

from vrft.data.dataset import Dataset
from vrft.data.label_checks import some
from vrft.diagnostics.check.check_case import DataCase
from vrft.diagnostics.check.finding import Count, Finding, Severity
from vrft.errors import InputError

UNEVEN = 10
"""The most frequent class has so many times the pictures of the rarest."""


def class_counts(dataset: Dataset) -> dict[str, Count]:
    """Pictures and boxes of every class, the most frequent first.

    Args:
        dataset: of any task; expressions are no classes.
    """
    boxes = Counter(box.category for record in dataset.records for box in record.boxes)
    pictures: Counter[str] = Counter()
    for record in dataset.records:
        pictures.update({box.category for box in record.boxes})
        pictures.update([record.category] if record.category is not None else [])
    return {name: Count(count, boxes[name]) for name, count in pictures.most_common()}


def examine_balance(case: DataCase) -> list[Finding]:
    """Classes that are too rare, and counts that are far apart."""
    if isinstance(case.split, InputError):
        return [Finding(Severity.ERROR, "no-split", str(case.split), case.root)]
    found = [
        Finding(
            Severity.WARNING,
            "too-few-pictures",
            f"The class '{name}' is left out: {why}.",
            case.root,
            "Label more pictures of it, or lower the shots.",
        )
        for name, why in case.split.left_out.items()
    ]
    counts = class_counts(case.dataset)
    if counts and (most := max(counts, key=lambda n: counts[n].pictures)):
        rare = [n for n, count in counts.items() if count.pictures * UNEVEN <= counts[most].pictures]
        if rare:
            told = f"'{most}' has {counts[most].pictures} pictures, at least {UNEVEN} times those of: "
            mend = "The shots of training are equal all the same; held-out scores of rare classes are rough."
            found.append(Finding(Severity.WARNING, "uneven-classes", f"{told}{some(rare)}.", case.root, mend))
    if not case.split.heldout:
        told = "Nothing is left to hold out: a policy could be trained, but nothing proved."
        found.append(
            Finding(Severity.WARNING, "nothing-held-out", told, case.root, "Label more, or lower the shots.")
        )
    return found


EXAMINE = examine_balance
