"""Every question about an image and a category, made when it is looked at.

A hundred thousand images and eighty categories are eight million questions, nearly all of them about absent
things and hardly any of them ever asked.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import overload

from vrft.types import Example, Form, Record

ID_SEPARATOR = "#"
"""Between record and category in a question's id."""
Make = Callable[[Record, str], Example]
MAX_EAGER = 200_000
"""Most pairs of record and category whose questions are listed at once."""


def category_questions(
    records: Sequence[Record], categories: AbstractSet[str], make: Make
) -> Sequence[Example]:
    """One question for every record and each category of which its labels say all there is, present or not.

    Up to ``MAX_EAGER`` questions are listed; of more, each is made when it is looked at.
    """
    # With the separator in a category's name, an id could be read in two ways.
    separable = not any(ID_SEPARATOR in name for name in categories)
    if len(records) * len(categories) > MAX_EAGER and separable:
        return LazyQuestionGrid(records, categories, make)
    return [make(record, category) for record in records for category in sorted(record.known(categories))]


class LazyQuestionGrid(Sequence[Example]):
    """The questions about some records, in the order of the records and, for each, of the categories' names.

    Args:
        records: with distinct ids.
        categories: of the whole dataset, without the separator '#'.
        make: the question about a record and a category; its id is ``RECORD#CATEGORY``.
    """

    def __init__(self, records: Sequence[Record], categories: AbstractSet[str], make: Make) -> None:
        self.categories = frozenset(categories)
        self._records = {record.id: record for record in records}
        self._make = make
        self._labelled = {record.id: record.categories for record in records}
        self._order = tuple(self._records.values())
        self._ends = list(accumulate(len(record.known(self.categories)) for record in self._order))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Example]:
        return (question for record in self._order for question in self._about(record))

    @overload
    def __getitem__(self, place: int) -> Example: ...
    @overload
    def __getitem__(self, place: slice) -> list[Example]: ...
    def __getitem__(self, place: int | slice) -> Example | list[Example]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        at = bisect_right(self._ends, number)
        record = self._order[at]
        return self._make(record, sorted(record.known(self.categories))[number - self._ends[at]])

    def __contains__(self, question: object) -> bool:
        return isinstance(question, Example) and self.named([question.id]) == [question]

    @property
    def images(self) -> dict[str, Path]:
        """The images that are asked about, by record id."""
        starts = (0, *self._ends)
        asked = (r for r, start, end in zip(self._order, starts, self._ends, strict=False) if end > start)
        return {record.id: record.image.path for record in asked}

    @property
    def shown(self) -> set[str]:
        """The categories that some question finds."""
        return {name for record in self._order for name in record.known(self._labelled[record.id])}

    def present(self) -> list[Example]:
        """The questions about things that are there."""
        return [
            self._make(record, category)
            for record in self._order
            for category in sorted(record.known(self._labelled[record.id]))
        ]

    def is_absent(self, name: str, category: str) -> bool:
        """Whether the question about this record and category is asked, and nothing is there."""
        record = self._records.get(name)
        return (
            record is not None
            and category not in self._labelled[name]
            and category not in record.not_exhaustive
            and not record.is_unknown(category)
            and (record.absent is None or category in record.absent)
        )

    def ask(self, name: str, category: str) -> Example:
        """The question about a record and a category."""
        return self._make(self._records[name], category)

    def about(self, names: AbstractSet[str]) -> list[Example]:
        """All questions about some of the records."""
        return [q for record in self._order if record.id in names for q in self._about(record)]

    def without(self, names: AbstractSet[str]) -> LazyQuestionGrid:
        """The questions about all records but some."""
        if not names:
            return self
        return LazyQuestionGrid([r for r in self._order if r.id not in names], self.categories, self._make)

    def in_form(self, form: Form) -> LazyQuestionGrid:
        """The same questions, to be answered in a form."""

        def make(record: Record, category: str) -> Example:
            return replace(self._make(record, category), form=form)

        return LazyQuestionGrid(self._order, self.categories, make)

    def named(self, ids: Iterable[str]) -> list[Example]:
        """The questions of these ids; ids of no question are passed over."""
        asked = (identity.rpartition(ID_SEPARATOR) for identity in ids)
        return [
            self._make(self._records[name], category)
            for name, _, category in asked
            if name in self._records and category in self._records[name].known(self.categories)
        ]

    def _about(self, record: Record) -> Iterator[Example]:
        return (self._make(record, category) for category in sorted(record.known(self.categories)))
