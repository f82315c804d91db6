"""Images that are the same, or nearly, count as one, so that none is both learned from and tested on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vrft.data.fingerprints import (
    Fingerprints,
    fingerprints,
    groups_alike,
    groups_of,
    of_sequence,
    read_prints,
)
from vrft.data.images import content_hash
from vrft.data.label_checks import STRICTEST_FIRST
from vrft.errors import LabelError
from vrft.tasks.lazy_questions import LazyQuestionGrid
from vrft.types import Example


def same_images(images: Mapping[str, Path], prints: Fingerprints | None = None) -> dict[str, str]:
    """Which records show the same file, byte for byte."""
    if prints is not None:
        owner: dict[str, str] = {}
        found = read_prints(prints, sorted(images))
        return {name: owner.setdefault(print_.sha256, name) for name, print_ in found.items()}
    by_size: defaultdict[int, list[str]] = defaultdict(list)
    for name, path in sorted(images.items()):
        try:
            by_size[path.stat().st_size].append(name)
        except OSError as error:
            raise LabelError(
                "There is no such image.", str(path), "Put it back, or remove its labels."
            ) from error
    first: dict[str, str] = {}
    # Files of different length differ: most need not be read at all.
    for names in by_size.values():
        owners: dict[str, str] = {}
        for name in names:
            digest = content_hash(images[name]) if len(names) > 1 else ""
            first[name] = owners.setdefault(digest, name)
    return first


def near_images(images: Mapping[str, Path], prints: Fingerprints | None = None) -> dict[str, str]:
    """Which records show nearly the same image (``vrft.data.fingerprints``)."""
    names = list(images)
    if prints is None:
        firsts = groups_alike([images[name] for name in names])
    else:
        firsts = groups_of([found.signature for found in read_prints(prints, names).values()])
    return {name: names[first] for name, first in zip(names, firsts, strict=True)}


def without_repeats(
    examples: Sequence[Example], same: Mapping[str, str]
) -> tuple[list[Example], dict[str, str]]:
    """Examples with every question asked once per image; and, by record id, what became of copies.

    Where copies of an image (``same_images``) have different answers to a question, none is kept: one label
    must be wrong.
    """
    asked: dict[tuple[str, str], dict[str, list[Example]]] = {}
    for example in sorted(examples, key=lambda e: (e.record_id, e.id)):
        copies = asked.setdefault((same[example.record_id], example.question), {})
        copies.setdefault(example.record_id, []).append(example)
    kept: list[Example] = []
    why = {name: f"the same image as {first}" for name, first in same.items() if name != first}
    for (_, question), copies in asked.items():
        first, *others = copies.values()
        if not all(_same_targets(first, own) and _same_targets(own, first) for own in others):
            what = f"the same image with different labels: {', '.join(copies)}"
            why |= dict.fromkeys(copies, f"{what}; none is used for '{question}'")
        else:
            kept += copies[min(copies)]
    return sorted(kept, key=lambda e: e.id), why


def without_near_repeats(
    examples: Sequence[Example], near: Mapping[str, str]
) -> tuple[list[Example], dict[str, str]]:
    """Examples with every question asked once per group of near-duplicates; and what each is one of.

    The first one's target is taken where the other is the same, or places that moved a little with the image.
    Else both are kept: what differs between the images may be what the labels are about.
    """
    place = {name: number for number, name in enumerate(near)}
    asked: defaultdict[tuple[str, str], list[Example]] = defaultdict(list)
    kept: list[Example] = []
    for example in sorted(examples, key=lambda e: (place[e.record_id], e.id)):
        known = asked[near[example.record_id], example.question]
        first = next((one for one in known if _nearly_same_target(one, example)), None)
        if first is None:
            known.append(example)
        if first is None or first.record_id == example.record_id:
            kept.append(example)
    why = {name: f"nearly the same image as {first}" for name, first in near.items() if name != first}
    return sorted(kept, key=lambda e: e.id), why


def _same_targets(some: Sequence[Example], others: Sequence[Example]) -> bool:
    """Whether each target of some questions is among those of others."""
    return all(any(_same_target(one, other) for other in others) for one in some)


def _same_target(one: Example, other: Example) -> bool:
    if one.target is None or other.target is None:
        return one.target is other.target
    return one.target.same_as(other.target)


def _nearly_same_target(one: Example, other: Example) -> bool:
    if one.target is not None and other.target is not None and one.target.moves_with_image:
        return one.target.is_empty == other.target.is_empty
    return _same_target(one, other)


@dataclass(frozen=True)
class Distinct:
    """Questions about distinct images."""

    listed: list[Example]
    unlisted: LazyQuestionGrid
    """Further questions about absent things, of images that stand alone."""
    same: Mapping[str, str]
    duplicates: dict[str, str]
    """What became of copies and near-duplicates, by record id."""
    alike: int
    """How many records look nearly like others."""


def distinct(
    examples: Sequence[Example],
    parts: Mapping[str, str],
    near_duplicates: bool,
    prints: Fingerprints | None = None,
) -> Distinct:
    """Settle copies and near-duplicates, alike for questions in a ``LazyQuestionGrid`` and in a list."""
    pairs = examples if isinstance(examples, LazyQuestionGrid) else None
    images = pairs.images if pairs is not None else {e.record_id: e.media[0].path for e in examples}
    if prints is None and pairs is None and any(len(e.media) > 1 for e in examples):
        paths = {str(medium.path): medium.path for e in examples for medium in e.media}
        found = fingerprints(paths)
        prints = {e.record_id: of_sequence([found[str(m.path)] for m in e.media]) for e in examples}
    same = same_images(images, prints)
    copied = _in_groups(same) if pairs is not None else set()
    alone = pairs.without(copied) if pairs is not None else LazyQuestionGrid([], set(), _never)
    kept, duplicates = without_repeats(pairs.about(copied) if pairs is not None else examples, same)
    alike: dict[str, str] = {}
    if near_duplicates:
        asked = {e.record_id: e.media[0].path for e in kept} | alone.images
        # Those of a test part go first, for a group's first one keeps its labels.
        order = sorted(asked, key=lambda name: (STRICTEST_FIRST.index(parts.get(name, "train")), name))
        near = near_images({name: asked[name] for name in order}, prints)
        resembling = _in_groups(near)
        kept += alone.about(resembling)
        alone = alone.without(resembling)
        kept, alike = without_near_repeats(kept, near)
        # An image that is not asked about keeps its own place.
        same = {name: near.get(first, first) for name, first in same.items()}
    return Distinct([*kept, *alone.present()], alone, same, alike | duplicates, len(alike))


def _in_groups(first_of: Mapping[str, str]) -> set[str]:
    sizes = Counter(first_of.values())
    return {name for name, first in first_of.items() if sizes[first] > 1}


def _never(record: object, category: str) -> Example:
    raise AssertionError("There is no record to ask about.")
