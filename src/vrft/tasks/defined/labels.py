"""Which labels a defined task asks about, and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vrft.types import About, Record, Value
from vrft.types.options import Options


class LabelChoice(Options):
    """The labels that questions are made of."""

    about: About | None = None
    """What they are about: ``category``, ``phrase``, ``question`` or ``image``; by default what the answer
    type is usually read from."""
    only: tuple[str, ...] = ()
    """The categories that are asked about; empty: all."""
    together: bool = False
    """Things of all these categories are one kind of thing: one question for each image."""

    def groups(self, records: Sequence[Record]) -> dict[str, frozenset[str]]:
        """What is asked about, each with its categories, as far as some label names them."""
        found = {one.name for record in records for one in record.annotations if one.about == "category"}
        names = frozenset(self.only) & found if self.only else frozenset(found)
        if self.together and names:
            return {", ".join(sorted(names)): names}
        return {name: frozenset({name}) for name in names}


@dataclass(frozen=True)
class Labelled:
    """One question with its answer, as labels say it."""

    record: Record
    key: str
    """Unique within the record."""
    subject: str
    """What the question is about; empty where it is about the whole image."""
    target: Value
    group: str
    """The class that it counts for in few-shot splits."""


def things(record: Record, names: frozenset[str], kind: str) -> list[Value]:
    """The values of a kind that an image has for some categories, crowds left out."""
    return [
        one.value
        for one in record.annotations
        if one.about == "category" and one.name in names and one.counts and one.value.kind == kind
    ]


def said_of(record: Record, about: About, kind: str) -> Iterator[tuple[int, str, Value]]:
    """What a record's labels of a kind say: their place, what they are about, and the value."""
    found = (one for one in record.annotations if one.about == about and one.value.kind == kind)
    for place, one in enumerate(found):
        yield place, one.name, one.value
