"""What is looked at once all labels are read, whoever read them: answers that contradict each other, images
outside the folder, and images that nothing reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from vrft.data.images import CONVERT, UNREAD_SUFFIXES, files_below
from vrft.data.label_checks import some
from vrft.errors import Contradiction
from vrft.types import Record, Value

_ANSWERED_ONCE = frozenset({"phrase", "question", "image"})
"""What one image has one answer to; of a category there are as many annotations as objects."""


def contradictions(records: Sequence[Record], place: Path) -> list[Contradiction]:
    """An error for each question about one image that has two different answers."""
    return [mistake for record in records for mistake in _contradicting(record, place)]


def _contradicting(record: Record, place: Path) -> Iterator[Contradiction]:
    answers: dict[tuple[str, str, str], Value] = {}
    for one in record.annotations:
        if one.about not in _ANSWERED_ONCE:
            continue
        known = answers.setdefault((one.about, one.name, one.value.kind), one.value)
        if known is not one.value and not known.same_as(one.value):
            asked = f"'{one.name}'" if one.name else "the whole image"
            problem = f"The same image has two different answers to {asked}."
            yield Contradiction(problem, f"{place}, {record.id}", record.id, (one.about, one.name))


def without_contradicted(records: Sequence[Record], found: Iterable[Contradiction]) -> tuple[Record, ...]:
    """Records without the labels that contradict each other: one of them must be wrong."""
    doubtful: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in found:
        doubtful[one.record_id].add(one.asked)
    return tuple(_without(r, doubtful[r.id]) if r.id in doubtful else r for r in records)


def _without(record: Record, doubtful: Collection[tuple[str, str]]) -> Record:
    kept = tuple(one for one in record.annotations if (one.about, one.name) not in doubtful)
    categories = [name for about, name in doubtful if about == "category"]
    return replace(record, annotations=kept, unknown=tuple(dict.fromkeys((*record.unknown, *categories))))


def notes_on(records: Sequence[Record], root: Path) -> list[str]:
    """Sentences about images outside the dataset's folder, and about images in it that are not read."""
    outside = [record.id for record in records if _leaves(record.id)]
    notes = [f"Images outside the folder '{root}' are used: {some(outside)}."] if outside else []
    unread = [file.name for file in files_below(root) if file.suffix.lower() in UNREAD_SUFFIXES]
    return notes + ([f"Images that vrft does not read: {some(unread)}. {CONVERT}"] if unread else [])


def _leaves(record_id: str) -> bool:
    path = PurePosixPath(record_id)
    return path.is_absolute() or path.parts[:1] == ("..",)
