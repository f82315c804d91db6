"""The questions of a data set with every one asked once a picture, copies and near-duplicates settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vrft.data.duplicates import near_pictures, same_pictures, without_near_repeats, without_repeats
from vrft.data.fingerprints import Prints
from vrft.tasks.lazy_questions import Pairs
from vrft.types import Example

STRICTEST_FIRST = ("test", "val", "train")


@dataclass(frozen=True)
class Distinct:
    """Questions about distinct pictures."""

    listed: list[Example]
    unlisted: Pairs
    """Further questions about absent things, of pictures that stand alone."""
    same: Mapping[str, str]
    """The picture that each record shows, by record id."""
    duplicates: dict[str, str]
    """What became of copies and near-duplicates, by record id."""
    alike: int
    """How many records look nearly like others."""


def distinct(
    examples: Sequence[Example], parts: Mapping[str, str], near_duplicates: bool, prints: Prints | None = None
) -> Distinct:
    """Settle copies and near-duplicates.

    Args:
        examples: questions of one task. Of ``Pairs`` only those about things that are there are listed, and
            all those about pictures that several records show.
        parts: record ids with the part they are given in; a group's first one of the strictest part keeps
            its labels.
        near_duplicates: whether pictures that look nearly the same count as one.
        prints: fingerprints of the pictures by record id; None reads the pictures here.

    Returns:
        The same questions whether they come as ``Pairs`` or as a list.

    Raises:
        LabelError: a picture cannot be read.
    """
    pairs = examples if isinstance(examples, Pairs) else None
    images = pairs.images if pairs is not None else {e.record_id: e.image for e in examples}
    same = same_pictures(images, prints)
    copied = _in_groups(same) if pairs is not None else set()
    alone = pairs.without(copied) if pairs is not None else Pairs([], set(), _never)
    kept, duplicates = without_repeats(pairs.about(copied) if pairs is not None else examples, same)
    alike: dict[str, str] = {}
    if near_duplicates:
        near = near_pictures(_in_order({e.record_id: e.image for e in kept} | alone.images, parts), prints)
        resembling = _in_groups(near)
        kept += alone.about(resembling)
        alone = alone.without(resembling)
        kept, alike = without_near_repeats(kept, near)
        # A picture that is not asked about stands for itself.
        same = {name: near.get(first, first) for name, first in same.items()}
    return Distinct([*kept, *alone.present()], alone, same, alike | duplicates, len(alike))


def _in_groups(first_of: Mapping[str, str]) -> set[str]:
    """Records that do not stand alone."""
    sizes = Counter(first_of.values())
    return {name for name, first in first_of.items() if sizes[first] > 1}


def _in_order(images: Mapping[str, Path], parts: Mapping[str, str]) -> dict[str, Path]:
    """The pictures asked about, those of a test part first, for a group's first one keeps its labels."""

    def place(name: str) -> tuple[int, str]:
        return STRICTEST_FIRST.index(parts.get(name, "train")), name

    return {name: images[name] for name in sorted(images, key=place)}


def _never(record: object, category: str) -> Example:
    raise AssertionError("There is no record to ask about.")
