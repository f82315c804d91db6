"""Pictures that are the same, or nearly, count as one, so that none is both learned from and tested on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from vrft.data.fingerprints import Prints, read_prints
from vrft.data.image_similarity import groups_alike, groups_of
from vrft.data.images import content_hash
from vrft.errors import LabelError
from vrft.types import BoxesTarget, BoxXYXY, ClassTarget, Example, Target


def same_pictures(images: Mapping[str, Path], prints: Prints | None = None) -> dict[str, str]:
    """Which records show the same file, byte for byte.

    Args:
        images: picture files by record id.
        prints: their fingerprints; None reads the files here, and of these no more than is needed.

    Returns:
        For every record id, the first (in order of ids) that has the same picture: itself where it is alone.

    Raises:
        LabelError: a picture cannot be read.
    """
    if prints is not None:
        owner: dict[str, str] = {}
        return {
            name: owner.setdefault(p.sha256, name) for name, p in read_prints(prints, sorted(images)).items()
        }
    by_size: defaultdict[int, list[str]] = defaultdict(list)
    for name, path in sorted(images.items()):
        try:
            by_size[path.stat().st_size].append(name)
        except OSError as error:
            raise LabelError("There is no such picture.", str(path), "Check that it is there.") from error
    first: dict[str, str] = {}
    # Files of different length differ: most need not be read at all.
    for names in by_size.values():
        owners: dict[str, str] = {}
        for name in names:
            digest = content_hash(images[name]) if len(names) > 1 else ""
            first[name] = owners.setdefault(digest, name)
    return first


def near_pictures(images: Mapping[str, Path], prints: Prints | None = None) -> dict[str, str]:
    """Which records show nearly the same picture (``vrft.data.image_similarity``).

    Args:
        images: picture files by record id; the mapping's order says which of a group goes first.
        prints: their fingerprints; None reads the files here.

    Returns:
        For every record id, the first that looks nearly the same: itself where it is alone.

    Raises:
        LabelError: a picture cannot be read.
    """
    names = list(images)
    if prints is None:
        firsts = groups_alike([images[name] for name in names])
    else:
        firsts = groups_of([found.look for found in read_prints(prints, names).values()])
    return {name: names[first] for name, first in zip(names, firsts, strict=True)}


def without_repeats(
    examples: Sequence[Example], same: Mapping[str, str]
) -> tuple[list[Example], dict[str, str]]:
    """Examples with every question asked once a picture.

    Where copies of a picture have different answers to a question, none is kept: one label must be wrong.

    Args:
        examples: in any order.
        same: ``same_pictures`` of their records.

    Returns:
        The kept examples in order of their ids; and, by record id, what became of copies.
    """
    asked: defaultdict[tuple[str, str], defaultdict[str, list[Example]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for example in sorted(examples, key=lambda e: (e.record_id, e.id)):
        asked[same[example.record_id], example.question][example.record_id].append(example)
    kept: list[Example] = []
    why = {name: f"the same picture as {first}" for name, first in same.items() if name != first}
    for (_, question), copies in asked.items():
        if len({frozenset(map(_meaning, own)) for own in copies.values()}) > 1:
            told = (
                f"the same picture with different labels: {', '.join(copies)}; none is used for '{question}'"
            )
            why |= dict.fromkeys(copies, told)
        else:
            kept += copies[min(copies)]
    return sorted(kept, key=lambda e: e.id), why


def without_near_repeats(
    examples: Sequence[Example], near: Mapping[str, str]
) -> tuple[list[Example], dict[str, str]]:
    """Examples with every question asked once a group of near-duplicates.

    Boxes of near-duplicates may differ a little and still be right, so the first one's stand. Where the class
    differs, or whether the thing is there at all, both are kept: what little differs between the pictures may
    be what the labels are about.

    Args:
        examples: in any order.
        near: ``near_pictures`` of their records; in its order the first that is asked a question keeps it.

    Returns:
        The kept examples in order of their ids; and, by record id, of what each is a near-duplicate.
    """
    place = {name: number for number, name in enumerate(near)}
    keeper: dict[tuple[str, str, object], str] = {}
    kept: list[Example] = []
    for example in sorted(examples, key=lambda e: (place[e.record_id], e.id)):
        key = (near[example.record_id], example.question, _kind(example))
        if keeper.setdefault(key, example.record_id) == example.record_id:
            kept.append(example)
    why = {name: f"nearly the same picture as {first}" for name, first in near.items() if name != first}
    return sorted(kept, key=lambda e: e.id), why


def _kind(example: Example) -> object:
    """The class, or whether there is anything."""
    target = example.target
    return target.name if isinstance(target, ClassTarget) else _boxes(target) != frozenset()


def _meaning(example: Example) -> object:
    """The label, whatever the order of its boxes."""
    target = example.target
    return target.name if isinstance(target, ClassTarget) else _boxes(target)


def _boxes(target: Target) -> frozenset[BoxXYXY]:
    return frozenset(target.boxes_xyxy_px if isinstance(target, BoxesTarget) else ())
